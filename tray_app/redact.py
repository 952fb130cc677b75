"""Blanks tokens, keys, passwords and account numbers in a text that leaves this machine. Pure.

Two nets: what sentry.ini names as a secret is blanked wherever it stands, and what looks like one is blanked although
nobody named it. Rather a harmless number too much than one secret too few.
"""

from __future__ import annotations

import json
import re
from typing import Iterable
from urllib.parse import quote, unquote

BLANK = "【已隐去】"
SHORTEST = 3  # characters: a shorter value would blank half the text; in sentry.ini itself it is blanked all the same

_WORD = r"(?:token|key|passw|pwd|secret|webhook|auth|cookie|令牌|密码|密钥|授权码)"
# Bounded throughout: on one endless word an open-ended pattern takes time with the square of its length.
_SECRET_NAME = rf"[\w.\-]{{0,40}}{_WORD}[\w.\-]{{0,40}}"
_ACCOUNT_NAME = r"id|user|account(?:_id)?|账号|资金账号|账户"
_NAME = rf"(?:{_SECRET_NAME}|{_ACCOUNT_NAME})"
# A setting of an ini, commented out or not; what follows on indented lines belongs to it.
_SETTING = re.compile(rf"^([ \t]*[;#]*[ \t]*({_NAME})[ \t]*[=:：])([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)", re.I | re.M)
# What the owner noted beside a setting: a comment that speaks of a secret may hold one.
_COMMENT, _TELLING = re.compile(r"(?:^|\s)[;#]+"), re.compile(rf"{_WORD}|账号|账户", re.I)
SHORTEST_PART = 6  # characters of a single word of a longer value or comment that is looked for elsewhere too

_LOOKS = (
    # Pairing codes, Authorization headers, key=... in addresses and messages, "token": "..." in JSON, user:password@
    (re.compile(r"QS\d+\.[\w-]+"), BLANK),
    (re.compile(r"(?i)\b(Bearer|Basic)\s+[^\s\"',;]+"), rf"\1 {BLANK}"),
    (re.compile(rf"(?i)(\b{_SECRET_NAME}[\"']?\s*[=:：]\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s&\"',;)}}\]]+)"), rf"\1{BLANK}"),
    (re.compile(r"(?i)((?:账号|帐号|账户|account)\w*[\"']?\s*[=:：]?\s*[\"']?)[\w-]*\d{4,}[\w-]*"), rf"\1{BLANK}"),
    (re.compile(r"(//)[^/@\s]{1,200}@"), rf"\1{BLANK}@"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+"), BLANK),
)
# Seven digits and more are an account, a phone or a card number, unless they are a date or an epoch time.
_NUMBER = re.compile(r"(?<![\d.])\d{7,}(?!\d)")
_HARMLESS = re.compile(r"(?:20[0-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6})?|1[4-9]\d{8}|1[4-9]\d{11})\Z")


def secrets_of(ini: str) -> list[str]:
    """The values in an ini's text that are secrets or accounts, the longest first. The text need not be a valid ini."""
    found: set[str] = set()
    for match in _SETTING.finditer(ini):
        # A value may hold the comment sign itself: with and without what could be a comment behind it.
        for value in (match.group(3), re.split(r"\s;", match.group(3))[0]):
            parts = [part for part in re.split(r"[\s;,=&?/#]+", value) if len(part) >= SHORTEST_PART]
            found.update(part for part in [value.strip(), *parts] if _is_telling(part))
    for line in ini.splitlines():
        _, sign, noted = _telling_comment(line)[1].replace("：", ":").replace("=", ":").rpartition(":")
        found.update(part for part in [noted.strip(), *noted.split()] if sign and len(part) >= SHORTEST_PART)
    return sorted(found, key=lambda value: (-len(value), value))


def _is_telling(part: str) -> bool:
    # Of an address only what a secret can hide in: its scheme and host are no secrets, and neither are bare words.
    if len(part) < SHORTEST or part.lower() in ("https:", "http:", "key", "token"):
        return False
    return not re.fullmatch(r"[\w-]+(\.[a-zA-Z][\w-]*)+(:\d+)?|cgi-bin|webhook|send|yes|no", part)


def blank(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, as they are or as JSON and addresses write them, and without what looks so."""
    for secret in secrets:
        for form in {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret), unquote(secret)}:
            if len(form) >= SHORTEST:
                text = text.replace(form, BLANK)
    for look, instead in _LOOKS:
        text = look.sub(instead, text)
    return _NUMBER.sub(lambda match: match.group(0) if _HARMLESS.match(match.group(0)) else BLANK, text)


def blank_ini(text: str, secrets: Iterable[str]) -> str:
    """As blank(); every setting whose name says secret or account loses its whole value, and so do such comments."""
    kept = _SETTING.sub(lambda match: match.group(1) + (f" {BLANK}" if match.group(3).strip() else ""), text)
    lines = [_telling_comment(line) for line in kept.splitlines(keepends=True)]
    return blank(
        "".join(front + (f" {BLANK}{_line_end(comment)}" if comment else "") for front, comment in lines), secrets
    )


def _line_end(text: str) -> str:
    return text[len(text.rstrip("\r\n")) :]


def _telling_comment(line: str) -> tuple[str, str]:
    """A line up to its comment sign, and the comment if it speaks of a secret; else the whole line and nothing."""
    sign = _COMMENT.search(line)
    if sign is None or not _TELLING.search(line, sign.end()):
        return line, ""
    return line[: sign.end()], line[sign.end() :]
