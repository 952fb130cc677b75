"""--doctor: looks at everything that has to be set up outside this program, and says in Chinese what to fix.

What it judges by is gathered by doctor_look.py; here each rule is a function of plain values.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, NamedTuple, Sequence

from tray_app import logs
from tray_app import strings_zh as zh
from tray_app.config import Config
from tray_app.home import Home, write_whole
from tray_app.watch.findings import DISK_FULL, GRAVE, Sign, clock, disk

REPORT = "doctor.txt"  # in the home folder, unless --report names another file
WELL, LOOK, FIX = "好　", "留意", "要改"


class Heard(NamedTuple):
    """What the receiver said. why: Chinese, '' where it took the post; offset: receiver's clock minus ours, seconds."""

    why: str
    alerts_why: str = ""
    offset: float | None = None


class Package(NamedTuple):
    """dingtou as QMT's Python would find it. version None: not there; wanted: as shipped with this program, None where
    it was not shipped; error: what QMT's own Python said when it imported it, '' for nothing."""

    path: str
    version: int | None = None
    wanted: int | None = None
    error: str = ""


class Autostart(NamedTuple):
    """What starts the program again, as far as Windows tells."""

    keepalive: bool
    shutdown: bool
    run_value: bool


class Power(NamedTuple):
    """On mains: seconds until the PC sleeps or hibernates by itself (0: never); fast_start: whether a shutdown is only
    half of one. None: Windows does not tell."""

    sleep: int | None
    hibernate: int | None
    fast_start: bool | None


class Seen(NamedTuple):
    """autostart and power None: this is no Windows. qmt_running: paths of the QMT programs that run."""

    home: str
    home_error: str
    disk_free: int | None
    config: Config | None
    config_error: str
    heard: Heard | None
    tray_runs: bool
    qmt_here: bool  # [qmt] folder holds one of QMT's programs
    qmt_running: Sequence[str]
    package: Package | None
    autostart: Autostart | None
    power: Power | None


class Finding(NamedTuple):
    level: str
    text: str


def judge(seen: Seen) -> list[Finding]:
    """All findings, in the order of the rules."""
    return [finding for rule in _RULES for finding in rule(seen)]


def _as_told(sign: Sign) -> Finding:
    """In the words of the icon and the phone."""
    return Finding(FIX if sign.code in GRAVE else LOOK, sign.text + sign.todo)


def _home(seen: Seen) -> list[Finding]:
    if seen.home_error:
        return [Finding(FIX, f"文件夹 {seen.home} 不能写（{seen.home_error}）：请检查它的权限。")]
    free, low = seen.disk_free, seen.config.host_disk_low if seen.config else DISK_FULL
    if free is not None and free < low:
        return [_as_told(disk("disk", "小主机的磁盘", free, low, ())[-1])]
    return [Finding(WELL, f"数据文件夹 {seen.home} 可以写。")]


def _settings(seen: Seen) -> list[Finding]:
    if seen.config is None:
        return [Finding(FIX, seen.config_error)]
    return [Finding(WELL, "sentry.ini 没有错。")]


def _receiver(seen: Seen) -> list[Finding]:
    if seen.config is None:
        return []
    if seen.heard is None:
        return [Finding(FIX, "还没有配对：打开哨兵，右键点图标，选“粘贴配对码…”。")]
    if seen.heard.why:
        return [Finding(FIX, f"接收端 {seen.config.receiver}：{seen.heard.why}。")]
    if seen.heard.alerts_why:
        why = seen.heard.alerts_why.rstrip("。")
        return [Finding(FIX, f"接收端连得上，但它发不出告警：{why}。请登录服务器检查。")]
    return [Finding(WELL, f"接收端 {seen.config.receiver} 连得上，也发得出告警。")]


def _clock(seen: Seen) -> list[Finding]:
    offset = seen.heard.offset if seen.heard else None
    if offset is None:
        return []
    signs = clock(offset, ())
    return [_as_told(signs[-1]) if signs else Finding(WELL, "时钟和接收端一致。")]


def _running(seen: Seen) -> list[Finding]:
    if seen.tray_runs:
        return [Finding(WELL, "哨兵正在运行。")]
    return [Finding(FIX, "哨兵没有在运行：请从开始菜单打开“QMT 哨兵”。")]


def _qmt(seen: Seen) -> list[Finding]:
    if seen.config is None:
        return []
    folder = seen.config.qmt_folder
    if folder and not seen.qmt_here:
        names = "、".join(seen.config.qmt_names)
        return [Finding(FIX, f"{folder} 里没有 QMT（{names}）：请改正 sentry.ini 的 [qmt] folder。")]
    runs = Finding(WELL, f"QMT 在运行（{seen.qmt_running[0]}）。") if seen.qmt_running else None
    runs = runs or Finding(LOOK, "QMT 没有运行：交易时间里请打开并登录。")
    if not folder:
        hint = "没有设 QMT 的文件夹，别的同名程序会被当成它：请在 sentry.ini 的 [qmt] 里写 folder。"
        return [Finding(LOOK, hint), runs]
    return [Finding(WELL, f"QMT 的文件夹是 {folder}。"), runs]


def _package(seen: Seen) -> list[Finding]:
    package = seen.package
    if package is None:
        return []
    again = "请关掉 QMT，重新运行哨兵的安装程序，再打开 QMT。"
    if package.version is None:
        return [Finding(FIX, f"QMT 里还没有程序包 dingtou（{package.path}），策略用不了：{again}")]
    if package.wanted is not None and package.version < package.wanted:
        return [Finding(FIX, f"QMT 里的程序包 dingtou 是旧的（{package.version}，应为 {package.wanted}）：{again}")]
    if package.error:
        return [Finding(FIX, f"QMT 读程序包 dingtou 出错（{package.error}）：{again}")]
    return [Finding(WELL, f"程序包 dingtou {package.version} 在 {package.path}。")]


def _autostart(seen: Seen) -> list[Finding]:
    found = seen.autostart
    if found is None:
        return []
    if not found.keepalive and not found.run_value:
        return [Finding(FIX, "没有任何东西会在开机后启动哨兵：请重新运行安装程序。")]
    if not found.keepalive:
        return [Finding(LOOK, "没有看守任务，哨兵意外停止后没有人再启动它：请重新运行安装程序。")]
    more = "；也有收盘后关机的任务" if found.shutdown else ""
    return [Finding(WELL, f"看守任务在，每 5 分钟看一次哨兵是否还在{more}。")]


def _power(seen: Seen) -> list[Finding]:
    power, findings = seen.power, []
    if power is None:
        return []
    for seconds, what in ((power.sleep, "睡眠"), (power.hibernate, "休眠")):
        if seconds:
            minutes = max(1, seconds // 60)
            text = f"电脑闲置 {minutes} 分钟后会{what}：请在“电源和睡眠”里把接通电源时的{what}改成“从不”。"
            findings.append(Finding(FIX, text))
    if power.fast_start:
        text = "开着“快速启动”，关机不彻底：请在“电源选项 - 选择电源按钮的功能”里去掉“启用快速启动”。"
        findings.append(Finding(LOOK, text))
    if not findings and power.sleep == 0:
        findings.append(Finding(WELL, "接通电源时电脑不会自己睡眠。"))
    return findings


_RULES: tuple[Callable[[Seen], list[Finding]], ...] = (
    _settings,
    _home,
    _receiver,
    _clock,
    _running,
    _qmt,
    _package,
    _autostart,
    _power,
)


def text_of(findings: Sequence[Finding]) -> str:
    lines = [f"{finding.level} {finding.text}" for finding in findings]
    count = sum(finding.level == FIX for finding in findings)
    lines.append(zh.DOCTOR_FIX.format(count=count) if count else zh.DOCTOR_WELL)
    return "\n".join(lines)


def run(home: Home, say: Callable[[str], None], report: Path | None, look: Callable[[Home], Seen] | None = None) -> int:
    """Look, judge, say it, and write it to `report` (None: REPORT in the home folder, and where there is no console it
    is shown in a window too). 0: nothing to fix; 1: something is, or could not be written."""
    from tray_app import doctor_look

    in_window = report is None and not logs.has_console()
    report = report or home.root / REPORT
    findings = judge((look or doctor_look.look)(home))
    text = text_of(findings)
    code = 1 if any(finding.level == FIX for finding in findings) else 0
    try:
        write_whole(report, text + "\n")
        text += "\n" + zh.DOCTOR_WRITTEN.format(path=report)
    except OSError as error:
        text += "\n" + zh.NO_REPORT.format(path=report, why=error.strerror or error)
        code = 1
    say(text)
    if in_window:
        _show(text)
    return code


def _show(text: str) -> None:
    """A windowed program has no other way to answer whoever started it."""
    if sys.platform == "win32":
        from tray_app import winui

        winui.message_box(zh.DOCTOR_TITLE, text, winui.MB_ICONINFORMATION)
