"""SentryTool.exe: what the installer and the uninstaller need done and NSIS is no language for. No window of its own.

stop      end a running copy, so that its files can be replaced
set-up    sentry.ini, QMT's package, tasks; what the owner should know goes into --report
to-qmt    put the package into QMT's Python (the start menu's entry, for later)
remove    the uninstaller's counterpart of set-up
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Sequence

from installer import autostart, first_settings, qmt_folder, qmt_package, running_copy
from tray_app import config
from tray_app import home as homes

DONE, FAILED, STILL_RUNNING = 0, 1, 5
PROGRAM = "QMTSentry.exe"


class Place:
    """The installation: `root` holds app (the program), and beside it previous and next while it is upgraded."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.app = os.path.join(self.root, "app")
        self.exe = os.path.join(self.app, PROGRAM)
        self.package = os.path.join(self.app, "qmt", "dingtou")
        self.example = Path(self.app, "sentry.example.ini")
        self.remembered = Path(self.root, "site-packages.txt")  # where the package was put, for the uninstaller
        self.shutdown_task = Path(self.root, "shutdown-task.txt")  # there: the owner wants that task
        self.log = os.path.join(self.root, "setup.log")


def stop(place: Place) -> int:
    """0: none runs. The tasks go first: they would start it again in the middle of an upgrade."""
    autostart.remove_tasks(autostart.call_quietly)
    gone = running_copy.stop(
        lambda: running_copy.ask_program(place.exe), lambda: running_copy.pids_in(place.app), running_copy.kill
    )
    return DONE if gone else STILL_RUNNING


def set_up(place: Place, given: str, shutdown_task: str) -> list[str]:
    """Everything after the files are in place; gives back what the owner should know (Chinese). shutdown_task: yes,
    no or keep."""
    said = []
    wanted = remember_wish(place, shutdown_task)
    home = homes.Home(homes.find(None, os.environ, os.path.expanduser("~")))
    home.make_folders()
    running = qmt_folder.running_programs()
    folder, words = find_qmt(given or configured_folder(home.ini), running)
    said += words
    try:
        example = place.example.read_text(encoding="utf-8-sig")
        first_settings.write(home.ini, example, folder, bool(given))
    except (OSError, UnicodeDecodeError) as error:
        said.append(f"{home.ini} 没有写成（{error}）：请检查权限，然后重新运行安装程序。")
    if folder:
        said.append(install_package(place, home, folder, bool(running)))
    today = datetime.date.today()
    done = autostart.register(place.exe, autostart.current_user(), today, wanted, autostart.call_quietly, run_value())
    if not done.keepalive:
        said.append("这台电脑不让建计划任务：哨兵会随登录启动，但意外停止后不会自动再起来。")
    if wanted and not done.shutdown:
        said.append("收盘后自动关机的计划任务没有建成：请以管理员身份重新运行安装程序，或不用这一项。")
    return said


def remember_wish(place: Place, shutdown_task: str) -> bool:
    """Whether the owner wants the shutdown task: an upgrade does not ask again."""
    if shutdown_task == "yes":
        place.shutdown_task.write_text("yes", encoding="ascii")
    elif shutdown_task == "no":
        homes.remove(place.shutdown_task)
    return place.shutdown_task.exists()


def configured_folder(ini: Path) -> str:
    """[qmt] folder of the settings that are there, where QMT still lies in it: an upgrade does not search anew."""
    try:
        return qmt_folder.install_folder(config.load(ini).qmt_folder)
    except config.ConfigError:
        return ""


def find_qmt(given: str, running: Sequence[str]) -> tuple[str, list[str]]:
    """(install folder or '', what to say about it)."""
    if given:
        folder = qmt_folder.install_folder(given)
        if folder:
            return folder, []
        return "", [f"{given} 里没有 QMT（找不到 bin.x64\\XtItClient.exe）：请核对文件夹，再从开始菜单运行“装到 QMT”。"]
    found = qmt_folder.choose(running, [*qmt_folder.registered(), *qmt_folder.usual_places()])
    if found.folder:
        return found.folder, [f"找到 QMT：{found.folder}"]
    if found.all:
        return "", ["找到几处 QMT（{}）：请运行安装程序时加 /QMT=文件夹 指定一处。".format("；".join(found.all))]
    return "", ["没有找到 QMT：装好 QMT 后，请从开始菜单运行“装到 QMT”。"]


def install_package(place: Place, home: homes.Home, folder: str, is_running: bool) -> str:
    """Put dingtou into QMT's Python, or, where that is not allowed, into the home folder, the scripts' second place."""
    if is_running:
        return "QMT 正在运行，里面的程序包没有动：请收盘后关掉 QMT，再从开始菜单运行“装到 QMT”。"
    target = qmt_folder.site_packages(folder)
    try:
        os.makedirs(target, exist_ok=True)
        qmt_package.install(place.package, target)
    except FileExistsError:
        return f"{target} 里的 dingtou 不是哨兵的，没有动它：请先改名或移走，再从开始菜单运行“装到 QMT”。"
    except OSError as error:
        if os.path.exists(os.path.join(target, qmt_package.NAME)):
            return (
                f"QMT 里的程序包没有换成新的（{error.strerror or error}）：请检查 {target} 的权限，再运行“装到 QMT”。"
            )
        qmt_package.install(place.package, str(home.root))
        target = str(home.root)
    place.remembered.write_text(target, encoding="utf-8")
    return f"QMT 的程序包已放进 {target}"


def remove(place: Place, purge: bool) -> int:
    """Tasks, the Run value if it is ours, the package; with `purge` the home folder as well."""
    autostart.remove_tasks(autostart.call_quietly)
    run_value().remove_if_ours(place.exe)
    left = False
    try:
        site_packages = place.remembered.read_text(encoding="utf-8")
    except OSError:
        site_packages = ""
    if site_packages:
        left = bool(qmt_folder.running_programs()) or not qmt_package.remove(site_packages)
    if purge:
        shutil.rmtree(str(homes.find(None, os.environ, os.path.expanduser("~"))), ignore_errors=True)
    return FAILED if left else DONE


def run_value() -> autostart.RunValue:
    import winreg

    return autostart.RunValue(winreg)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="SentryTool")
    parser.add_argument("step", choices=("stop", "set-up", "to-qmt", "remove"))
    parser.add_argument("--root", required=True, help="where the program is installed")
    parser.add_argument("--qmt", default="", help="QMT's folder, where the owner named it")
    parser.add_argument("--shutdown-task", choices=("yes", "no", "keep"), default="keep")
    parser.add_argument("--purge", action="store_true")
    parser.add_argument("--report", help="file for what the owner should know (UTF-16, for NSIS)")
    options = parser.parse_args(argv)
    place = Place(options.root)
    if options.step == "stop":
        return stop(place)
    if options.step == "remove":
        return remove(place, options.purge)
    if options.step == "to-qmt":
        return to_qmt(place, options.qmt)
    said = set_up(place, options.qmt, options.shutdown_task)
    note(place, said)
    if options.report:
        Path(options.report).write_bytes(b"\xff\xfe" + "\r\n".join(said).encode("utf-16-le"))
    return DONE


def to_qmt(place: Place, given: str) -> int:
    """For the start menu: the same as in set-up, answered in a message box."""
    from tray_app import winui

    home = homes.Home(homes.find(None, os.environ, os.path.expanduser("~")))
    running = qmt_folder.running_programs()
    folder, said = find_qmt(given or configured_folder(home.ini), running)
    if folder:
        said.append(install_package(place, home, folder, bool(running)))
    note(place, said)
    winui.message_box("QMT 哨兵", "\n".join(said), winui.MB_ICONINFORMATION)
    return DONE


def note(place: Place, said: Sequence[str]) -> None:
    with open(place.log, "a", encoding="utf-8") as file:
        file.writelines(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n" for line in said)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except Exception:
        # A windowed program's own dialog would stand there for ever in a silent installation.
        with open(os.path.join(os.path.dirname(sys.executable), "setup-error.log"), "a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        code = FAILED
    sys.exit(code)
