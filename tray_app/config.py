"""sentry.ini: read once at start, every section and key checked (docs/protocol.md section 2).

A mistake is refused with the file, the section, the key and what would be valid, in one Chinese sentence.
"""

from __future__ import annotations

import configparser
import math
import re
from pathlib import Path
from typing import Any, Callable, NamedTuple, Tuple
from urllib.parse import urlsplit

from tray_app import trading_time
from tray_app.watch.log_lines import Pattern


class ConfigError(Exception):
    """sentry.ini is wrong; str() is one Chinese sentence: what, where, what would be valid."""


class _Wrong(ValueError):
    """A value does not fit; str() says what would (Chinese)."""


class Config(NamedTuple):
    """The tray's settings. Seconds and bytes throughout; clocks are seconds of the Shanghai day."""

    machine: str
    receiver: str  # '': not paired yet, and then token is '' as well
    token: str
    fingerprint: str  # SHA-256 of the receiver's own certificate, 64 hex digits; '': the usual checks
    dashboard: str
    sessions: tuple[trading_time.Session, ...]
    every_day: bool
    ready_at: int
    qmt_names: tuple[str, ...]
    qmt_folder: str
    qmt_look_every: float
    qmt_hung_after: float
    qmt_children: tuple[str, ...]  # child processes that QMT keeps
    qmt_dialogs: tuple[str, ...]  # parts of the titles of its login and upgrade windows
    qmt_dialog_after: float
    qmt_memory_per_hour: float  # bytes; 0: not judged
    qmt_handles_per_hour: float  # 0: not judged
    qmt_logs: str  # folder; '': found by the program
    qmt_log_files: tuple[str, ...]
    qmt_log_patterns: tuple[Pattern, ...]
    account_id: str
    host_every: float
    host_disk_low: float
    inbox_port: int | None  # None: no inbox
    inbox_token: str
    outbox_max_bytes: int
    outbox_max_age: float
    last_resort_webhook: str  # of a WeCom robot; '': none
    last_resort_pushplus: str  # a pushplus token; '': none
    last_resort_after: float
    last_resort_every: float


# Reading one value ---------------------------------------------------------------------------------------------------


def _text(text: str) -> str:
    return text


def _needed(text: str) -> str:
    if not text:
        raise _Wrong("不能为空")
    return text


def _machine(text: str) -> str:
    if not re.match(r"[^\s\[\]:]{1,64}\Z", text):
        raise _Wrong("应为 1 到 64 个字符，不含空格、冒号和方括号，例如 mini-pc")
    return text


def _secret(text: str) -> str:
    if not re.match(r"[!-~]{1,200}\Z", _needed(text)):
        raise _Wrong("应为一串英文字母、数字或符号，不含空格")
    return text


def _secret_or_none(text: str) -> str:
    return _secret(text) if text else ""


def _address(text: str) -> str:
    hint = "应为 http:// 或 https:// 开头的网址，例如 https://sentry.example.com"
    try:
        parts = urlsplit(text)
        bad = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        raise _Wrong(hint) from None
    if bad or parts.query or parts.fragment or "@" in parts.netloc or re.search(r"\s", text):
        raise _Wrong(hint)
    return text.rstrip("/")


def _address_or_none(text: str) -> str:
    return _address(text) if text else ""


def _fingerprint(text: str) -> str:
    """As the pairing code has it, or as openssl prints it: with colons and capitals."""
    digits = text.replace(":", "").lower()
    if digits and not re.match(r"[0-9a-f]{64}\Z", digits):
        raise _Wrong("应为证书的 SHA-256 指纹（64 个十六进制数字），由配对码填写；证书是公认机构发的就留空")
    return digits


def _webhook(text: str) -> str:
    """A robot's whole address, key included: it is a secret. Plain http only to this machine (rehearsal)."""
    hint = "应为企业微信群机器人的完整网址，https:// 开头、带 key=，从群里的机器人信息复制"
    try:
        parts = urlsplit(text)
        plain = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
        good = parts.hostname and (parts.scheme == "https" or plain) and re.search(r"(?:^|&)key=[^&]+", parts.query)
        good = good and parts.port != 0 and "@" not in parts.netloc and re.match(r"[!-~]{1,500}\Z", text)
    except ValueError:
        good = None
    if text and not good:
        raise _Wrong(hint)
    return text


def _pushplus(text: str) -> str:
    if text and not re.match(r"[A-Za-z0-9_-]{8,100}\Z", text):
        raise _Wrong("应为 pushplus 的 token（一串字母和数字），从 www.pushplus.plus 登录后复制")
    return text


def _number(low: float, high: float, unit: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:  # NaN is outside as well
            raise _Wrong(f"应为 {low:g} 到 {high:g} 之间的数（{unit}）")
        return value

    return read


def _yes(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise _Wrong("应为 yes 或 no")
    return text.lower() == "yes"


def _sessions(text: str) -> tuple[trading_time.Session, ...]:
    try:
        return trading_time.parse_sessions(text)
    except ValueError:
        raise _Wrong("应为从早到晚的时段，例如 09:30-11:30, 13:00-15:00") from None


def _hours(text: str) -> tuple[trading_time.Session, ...]:
    """Letter for letter the grammar of qmt_strategy/dingtou/settings.py, which reads this key: no seconds."""
    spans = []
    for part in text.split(","):
        match = re.match(r"^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$", part)
        h1, m1, h2, m2 = (int(number) for number in match.groups()) if match else (0, 0, 0, 0)
        first, last = h1 * 3600 + m1 * 60, h2 * 3600 + m2 * 60
        if not (m1 < 60 and m2 < 60 and first < last <= trading_time.DAY):
            raise _Wrong("应为时段，时刻只写时和分，例如 09:10-11:35, 12:55-15:05")
        spans.append((first, last))
    return tuple(spans)


def _clock(text: str) -> int:
    try:
        return trading_time.parse_clock(text)
    except ValueError:
        raise _Wrong("应为时刻，例如 09:25") from None


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names or any(re.search(r'[\\/:*?"<>|]', name) for name in names):
        raise _Wrong("应为程序文件名，用逗号分开，例如 XtItClient.exe, XtMiniQmt.exe")
    return names


def _names_or_none(text: str) -> tuple[str, ...]:
    return _names(text) if text else ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _file_patterns(text: str) -> tuple[str, ...]:
    found = _words(text)
    if any(re.search(r'[\\/:"<>|]', name) for name in found):
        raise _Wrong("应为文件名，* 代表任意文字，用逗号分开，例如 XtClient_2*.log")
    return found


def _log_patterns(text: str) -> tuple[Pattern, ...]:
    """`text` or `text -> what ends it`, separated by commas."""
    found = []
    for part in _words(text):
        begins, arrow, ends = (side.strip() for side in part.partition("->"))
        if not begins or len(begins) > 40 or (arrow and not ends):
            raise _Wrong("应为日志里的文字（最多 40 个字符），用逗号分开；会结束的写成 开始的文字 -> 结束的文字")
        found.append(Pattern(begins, ends))
    return tuple(found)


def _port(text: str) -> int | None:
    if text.lower() == "off":
        return None
    if not re.match(r"[0-9]{1,5}\Z", text) or int(text) > 65535:
        raise _Wrong("应为 0 到 65535 的端口号（0 表示任意空闲端口），或 off")
    return int(text)


# What may stand in the file: section -> key -> (default, reader) ------------------------------------------------------

_Key = Tuple[str, Callable[[str], Any]]
_SECRET = ("token", "webhook", "pushplus_token")  # never repeated on a screen or in a log
_VALID: dict[str, dict[str, _Key]] = {
    "sentry": {
        "machine": ("mini-pc", _machine),
        "receiver": ("", _address_or_none),
        "token": ("", _secret_or_none),
        "fingerprint": ("", _fingerprint),
        "dashboard": ("", _address_or_none),
        "sessions": ("09:30-11:30, 13:00-15:00", _sessions),
        "every_day": ("no", _yes),
        "ready_at": ("09:25", _clock),
    },
    "qmt": {
        "names": ("XtItClient.exe, XtMiniQmt.exe", _names),
        "folder": ("", _text),
        "look_every": ("2", _number(0.2, 60, "秒")),
        "hung_after": ("60", _number(1, 3600, "秒")),
        "children": ("miniquote.exe, minibroker.exe, BrokerProxy.exe", _names_or_none),
        "dialogs": ("登录, 登陆, 升级, 更新, 清算, Login, Upgrade, Update", _words),
        "dialog_after": ("30", _number(0, 3600, "秒")),
        "memory_per_hour": ("300", _number(0, 1000000, "MB，0 表示不看")),
        "handles_per_hour": ("2000", _number(0, 10000000, "个，0 表示不看")),
        "logs": ("", _text),
        "log_files": ("XtClient_2*.log, XtClient_Formula*.log, XtMiniQmt_2*.log", _file_patterns),
        "log_patterns": ("登录失败, 断开, Traceback, start simulation mode -> start trading mode", _log_patterns),
    },
    "host": {"every": ("30", _number(1, 300, "秒")), "disk_low": ("2", _number(0.2, 10000, "GB"))},
    "inbox": {"port": ("8765", _port), "token": ("", _secret_or_none)},
    "outbox": {"max_mb": ("200", _number(1, 100000, "MB")), "max_days": ("30", _number(1, 3650, "天"))},
    "last_resort": {
        "webhook": ("", _webhook),
        "pushplus_token": ("", _pushplus),
        "after": ("300", _number(1, 86400, "秒")),
        "every": ("3600", _number(1, 86400, "秒")),
    },
    # The strategies' own sections; the tray checks them too, so that one start shows every mistake in the file.
    "account": {"id": ("", _text), "type": ("STOCK", _needed)},
    "heartbeat": {
        "every": ("60", _number(1, 3600, "秒")),
        "hours": ("09:10-11:35, 12:55-15:05", _hours),
        "tick_code": ("510300.SH", _text),
    },
}
# Read by the strategies alone; what may stand there is theirs to check.
_NOT_OURS = ("strategy",)


def load(path: Path) -> Config:
    """Read and check the file. ConfigError otherwise."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Notepad writes a BOM
    except FileNotFoundError:
        raise ConfigError(
            f"没有设置文件 {path}：请重新运行安装程序，或把配对码存成文件，用 --pair-file 读进来。"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} 不是 UTF-8 文本：请用记事本打开，另存为时编码选 UTF-8。") from None
    except OSError as error:
        raise ConfigError(f"读不了 {path}（{error.strerror or error}）：请检查文件的权限。") from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Config:
    """The file's text -> Config. `file` is named in mistakes."""
    found = _read_ini(text, file)
    _refuse_unknown(found, file)
    values = {}
    for section, keys in _VALID.items():
        for key, (default, read) in keys.items():
            values[section, key] = _value(found, file, section, key, default, read)
    _check_pairing(values, file)
    return Config(
        machine=values["sentry", "machine"],
        receiver=values["sentry", "receiver"],
        token=values["sentry", "token"],
        fingerprint=values["sentry", "fingerprint"],
        dashboard=values["sentry", "dashboard"] or values["sentry", "receiver"],
        sessions=values["sentry", "sessions"],
        every_day=values["sentry", "every_day"],
        ready_at=values["sentry", "ready_at"],
        qmt_names=values["qmt", "names"],
        qmt_folder=values["qmt", "folder"],
        qmt_look_every=values["qmt", "look_every"],
        qmt_hung_after=values["qmt", "hung_after"],
        qmt_children=values["qmt", "children"],
        qmt_dialogs=values["qmt", "dialogs"],
        qmt_dialog_after=values["qmt", "dialog_after"],
        qmt_memory_per_hour=values["qmt", "memory_per_hour"] * 1024**2,
        qmt_handles_per_hour=values["qmt", "handles_per_hour"],
        qmt_logs=values["qmt", "logs"],
        qmt_log_files=values["qmt", "log_files"],
        qmt_log_patterns=values["qmt", "log_patterns"],
        account_id=values["account", "id"],
        host_every=values["host", "every"],
        host_disk_low=values["host", "disk_low"] * 1024**3,
        inbox_port=values["inbox", "port"],
        inbox_token=values["inbox", "token"],
        outbox_max_bytes=int(values["outbox", "max_mb"] * 1024 * 1024),
        outbox_max_age=values["outbox", "max_days"] * trading_time.DAY,
        last_resort_webhook=values["last_resort", "webhook"],
        last_resort_pushplus=values["last_resort", "pushplus_token"],
        last_resort_after=values["last_resort", "after"],
        last_resort_every=values["last_resort", "every"],
    )


def _check_pairing(values: dict[tuple[str, str], Any], file: str) -> None:
    """receiver, token and fingerprint belong together: half a pairing is a mistake, none is fine."""
    receiver, token = values["sentry", "receiver"], values["sentry", "token"]
    if bool(receiver) != bool(token):
        missing = "token" if receiver else "receiver"
        raise ConfigError(f"{file}：[sentry] 缺少 {missing}，请重新粘贴配对码。")
    if values["sentry", "fingerprint"] and not receiver.startswith("https://"):
        raise ConfigError(f"{file}：[sentry] 有 fingerprint 时 receiver 应以 https:// 开头，请重新粘贴配对码。")


def _read_ini(text: str, file: str) -> configparser.ConfigParser:
    # No section is "the default one": a [DEFAULT] that fills other sections unseen would hide mistakes.
    ini = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",), default_section="\0")
    try:
        ini.read_string(text)
    except configparser.DuplicateSectionError as error:
        raise ConfigError(f"{file} 第 {error.lineno} 行：[{error.section}] 出现了两次，请合并成一个。") from None
    except configparser.DuplicateOptionError as error:
        where = f"{file} 第 {error.lineno} 行：[{error.section}] {error.option}"
        raise ConfigError(f"{where} 出现了两次，请删掉一个。") from None
    except configparser.MissingSectionHeaderError as error:
        raise ConfigError(f"{file} 第 {error.lineno} 行前面缺少 [sentry] 这样的节名。") from None
    except configparser.ParsingError as error:
        line = error.errors[0][0] if error.errors else "?"
        raise ConfigError(f"{file} 第 {line} 行看不懂：每行应为 名称 = 值。") from None
    return ini


def _refuse_unknown(ini: configparser.ConfigParser, file: str) -> None:
    for section in ini.sections():
        if section in _NOT_OURS or section.startswith("fund:"):
            continue
        if section not in _VALID:
            valid = "、".join(f"[{name}]" for name in (*_VALID, *_NOT_OURS, "fund:基金代码"))
            raise ConfigError(f"{file}：没有 [{section}] 这一节，可用的是 {valid}。")
        for key in ini.options(section):
            if key not in _VALID[section]:
                raise ConfigError(f"{file}：[{section}] 里没有 {key} 这一项，可用的是 {'、'.join(_VALID[section])}。")


def _value(
    ini: configparser.ConfigParser,
    file: str,
    section: str,
    key: str,
    default: str,
    read: Callable[[str], Any],
) -> Any:
    text = ini.get(section, key, fallback=default).strip()
    try:
        return read(text)
    except _Wrong as error:
        shown = "" if key in _SECRET else f" = {text}"
        raise ConfigError(f"{file}：[{section}] {key}{shown} 不对，{error}。") from None
