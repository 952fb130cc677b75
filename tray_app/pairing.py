"""Pairing with a receiver: the code that the owner pastes, its place in sentry.ini, and what the receiver says to it
(docs/protocol.md section 8).

A code that is none, or that its own receiver refuses, changes nothing. Where nobody answers it is written all the same:
the receiver may come up later, and the tray tries again by itself.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import time
from pathlib import Path
from typing import Callable, NamedTuple
from urllib.parse import urlsplit

from tray_app import config, connection, verdict
from tray_app import strings_zh as zh
from tray_app.home import write_whole_bytes
from tray_app.sender import EVENTS_PATH, envelope

log = logging.getLogger(__name__)

VERSION = 1  # of the codes that this program reads
LARGEST = 16384  # characters that are looked at: a code has some 300
RUN = "pairing"  # the run that the trial's envelope names: it carries no event

# What came of a code. The numbers are exit codes of --pair-file, which the installer reads.
CONNECTED, FAILED, NOT_REACHED, OTHER_CERTIFICATE, UNKNOWN_TOKEN, NO_CODE, NEWER = 0, 2, 3, 4, 5, 6, 7


class Outcome(NamedTuple):
    """`text`: one Chinese sentence for the owner. `written`: sentry.ini holds the code now."""

    code: int
    text: str
    written: bool = False


class Code(NamedTuple):
    """What a pairing code says. fingerprint '': the receiver's certificate is a public one, or it has none."""

    url: str
    machine: str
    token: str
    fingerprint: str


class BadCode(ValueError):
    """The text is no pairing code for this program; `code` is NO_CODE or NEWER, str() one Chinese sentence."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def parse(text: str) -> Code:
    """A pasted text -> what its code says. A line that a terminal has broken is joined; words around it are borne."""
    text = re.sub(r"[\u200b\ufeff]", "", text[:LARGEST])
    whole = re.fullmatch(r"QS(\d{1,4})\.([\w-]+)=*", re.sub(r"\s+", "", text), re.ASCII)
    found = whole or re.search(r"(?<![\w.-])QS(\d{1,4})\.([\w-]+)", text, re.ASCII)
    if found is None:
        raise BadCode(NO_CODE, zh.NO_CODE)
    if int(found.group(1)) > VERSION:
        raise BadCode(NEWER, zh.NEWER_CODE)
    if int(found.group(1)) < VERSION:
        raise BadCode(NO_CODE, zh.NO_CODE)
    packed = found.group(2)
    try:
        value = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadCode(NO_CODE, zh.BROKEN_CODE) from None
    parts = [value.get(key, "") for key in Code._fields] if isinstance(value, dict) else []
    if not parts or not all(isinstance(part, str) for part in parts) or not all(parts[:3]):
        raise BadCode(NO_CODE, zh.BROKEN_CODE)
    url, machine, token, fingerprint = parts
    code = Code(url, machine, token, fingerprint.replace(":", "").lower())
    _check(code)
    return code


def _check(code: Code) -> None:
    """A code is as good as sentry.ini will find it; one that would read differently there is no code of ours."""
    try:
        read = config.parse(with_code("", code), "")
    except config.ConfigError:
        raise BadCode(NO_CODE, zh.BROKEN_CODE) from None
    if (read.receiver, read.machine, read.token, read.fingerprint) != (code.url.rstrip("/"), *code[1:]):
        raise BadCode(NO_CODE, zh.BROKEN_CODE)


# sentry.ini ----------------------------------------------------------------------------------------------------------


def with_code(text: str, code: Code) -> str:
    """The text of sentry.ini with the code in it: all else, comments and line ends too, stays as its owner wrote it."""
    end = "\r\n" if "\r\n" in text else "\n"
    new = {"machine": code.machine, "receiver": code.url, "token": code.token, "fingerprint": code.fingerprint}
    # Lines as configparser sees them: str.splitlines would also split at a form feed inside a comment.
    lines, inside, last = re.findall(r"[^\n]*\n|[^\n]+", text), False, -1
    left = dict(new)
    for number, line in enumerate(lines):
        header = re.match(r"\[([^]]+)\]", line)
        if header:
            inside = header.group(1) == "sentry"
            last = number if inside else last
            continue
        if not inside or not line.strip() or line.lstrip()[0] in ";#":
            continue
        last = number
        setting = re.match(r"\s*(\w+)\s*[=:]", line)
        key = setting.group(1).lower() if setting else ""
        if key in left:
            comment = re.search(r"\s+;[^\r\n]*", line)
            value = f"{key} = {left.pop(key)}".rstrip()
            lines[number] = value + (comment.group(0) if comment else "") + re.sub(r"[^\r\n]", "", line)
    if not left.get("fingerprint"):
        left.pop("fingerprint", None)
    added = [f"{key} = {value}{end}" for key, value in left.items()]
    if added and lines and not lines[last].endswith(("\n", "\r")):
        lines[last] += end
    if last < 0:
        return "".join([*lines, *([end] if lines else []), f"[sentry]{end}", *added])
    return "".join([*lines[: last + 1], *added, *lines[last + 1 :]])


def write(ini: Path, code: Code) -> None:
    """Put the code into sentry.ini in one durable step; a missing file is made. ConfigError: one Chinese sentence, and
    nothing was changed."""
    try:
        raw = ini.read_bytes()
    except FileNotFoundError:
        raw = b""
    except OSError as error:
        raise config.ConfigError(f"读不了 {ini}（{error.strerror or error}）：请检查文件的权限。") from None
    mark = b"\xef\xbb\xbf" if raw.startswith(b"\xef\xbb\xbf") else b""
    try:
        text = with_code(raw[len(mark) :].decode("utf-8"), code)
    except UnicodeDecodeError:
        raise config.ConfigError(f"{ini} 不是 UTF-8 文本：请用记事本打开，另存为时编码选 UTF-8。") from None
    read = config.parse(text, str(ini))
    if (read.receiver, read.machine, read.token, read.fingerprint) != (code.url.rstrip("/"), *code[1:]):
        raise config.ConfigError(f"{ini} 的 [sentry] 写法特别，配对码填不进去：请把里面的几项各写成一行。")
    try:
        write_whole_bytes(ini, mark + text.encode("utf-8"))
    except OSError as error:
        raise config.ConfigError(f"写不了 {ini}（{error.strerror or error}）：请关掉正在编辑它的程序再试。") from None


# The receiver --------------------------------------------------------------------------------------------------------


def ask_receiver(code: Code, wall: Callable[[], float] = time.time) -> Outcome:
    """Show the token to the receiver with a post that carries no event. `written` is still False."""
    where = urlsplit(code.url).netloc
    session = connection.open_session(code.url, code.token, code.fingerprint)
    try:
        now = wall()
        answer = connection.post(session, code.url.rstrip("/") + EVENTS_PATH, envelope(code.machine, RUN, now, 0, []))
        found = verdict.judge(answer.status, answer.headers, answer.body, [], now)
    except connection.FAILURES as error:
        log.info("pairing: %s", connection.explain(error))
        if connection.is_other_certificate(error):
            return Outcome(OTHER_CERTIFICATE, zh.PAIR_OTHER_CERTIFICATE.format(where=where))
        if connection.is_certificate(error):
            return Outcome(OTHER_CERTIFICATE, zh.PAIR_BAD_CERTIFICATE.format(where=where))
        return _not_reached(where, connection.explain(error))
    finally:
        session.close()
    if isinstance(found, verdict.Taken):
        but = "" if found.alerts_ok else zh.PAIR_BUT.format(why=found.alerts_why.rstrip("。"))
        return Outcome(CONNECTED, zh.PAIRED.format(where=where, machine=code.machine, but=but))
    if isinstance(found, verdict.Denied):
        return Outcome(UNKNOWN_TOKEN, zh.PAIR_UNKNOWN_TOKEN.format(where=where))
    return _not_reached(where, found.why)


def _not_reached(where: str, why: str) -> Outcome:
    return Outcome(NOT_REACHED, zh.PAIR_NOT_REACHED.format(where=where, why=why))


def pair(text: str, ini: Path, ask: Callable[[Code], Outcome] = ask_receiver) -> Outcome:
    """All of it: read the code, ask its receiver, and write it unless it is refused."""
    try:
        code = parse(text)
    except BadCode as error:
        return Outcome(error.code, str(error))
    outcome = ask(code)
    if outcome.code not in (CONNECTED, NOT_REACHED):
        return outcome
    try:
        write(ini, code)
    except config.ConfigError as error:
        return Outcome(FAILED, str(error))
    log.info("paired with %s as %s", urlsplit(code.url).netloc, code.machine)
    return outcome._replace(written=True)


def pair_from_file(path: Path, ini: Path, ask: Callable[[Code], Outcome] = ask_receiver) -> Outcome:
    """For --pair-file. The file holds a secret, so it is deleted as soon as it is read, whatever comes of the code."""
    try:
        raw = path.read_bytes()[: 4 * LARGEST]
    except OSError as error:
        why = "没有这个文件" if isinstance(error, FileNotFoundError) else error.strerror or error
        return Outcome(FAILED, f"读不了配对文件 {path}（{why}）：请核对路径。")
    try:
        path.unlink()
    except OSError as error:
        log.warning("%s stays: %s", path, error)
        left = f"；{path} 删不掉（{error.strerror or error}），里面有令牌，请手动删除。"
    else:
        left = ""
    outcome = pair(_text(raw), ini, ask)
    return outcome._replace(text=outcome.text.rstrip("。") + left) if left else outcome


def _text(raw: bytes) -> str:
    """Windows' own `echo` and PowerShell's `>` write UTF-16."""
    return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")


# A running tray --------------------------------------------------------------------------------------------------


class Follower:
    """Notices a pairing that was written while the tray runs, by the menu, by --pair-file or by hand."""

    def __init__(self, ini: Path) -> None:
        self._ini = ini
        self._seen = self._stamp()

    def look(self, settings: config.Config) -> config.Config | None:
        """The settings with the pairing that now stands in sentry.ini; None: it is the same, or cannot be used."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        try:
            read = config.load(self._ini)
        except config.ConfigError as error:
            log.warning("sentry.ini has changed but cannot be used: %s", error)
            return None
        new = settings._replace(**{key: getattr(read, key) for key in _OF_PAIRING})
        return None if new == settings else new

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._ini)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


_OF_PAIRING = ("machine", "receiver", "token", "fingerprint", "dashboard")
