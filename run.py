#!/usr/bin/env python3
"""One command for everything: makes a virtual environment, then runs rehearsal, drills, benches, tests or the Windows
build in it.

Standard library only, Linux and Windows; see `python3 run.py --help` and the README. This file only prepares the
environment and hands over to `python -m rehearsal` inside it.
"""

import argparse
import glob
import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
OLDEST, NEWEST = (3, 8), (3, 11)  # what the pinned versions install on
QMT_PYTHON = "3.6"  # what QMT brings
WINDOWS_PYTHON = "3.8"  # what goes into the setup program
QMT_PIP = "pip==21.3.1"  # the pip that 3.6 ships stops at pytest
QMT_TESTS = ["tests/qmt_strategy", "tests/simulated_qmt", "tests/orders", "tests/fortnight"]


class CannotPrepare(Exception):
    """The environment cannot be made; the text is one Chinese sentence for the user."""


def version_of(python):
    """(major, minor) of an interpreter, or None where it does not run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
        return tuple(int(part) for part in answer.stdout.decode().strip().split("."))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def find_python(version):
    """An interpreter of this version ("3.6"), from PATH, pyenv or Windows's py launcher; None where there is none."""
    wanted = tuple(int(part) for part in version.split("."))
    candidates = [shutil.which("python" + version)]
    pyenv = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    candidates += sorted(glob.glob(os.path.join(pyenv, "versions", version + ".*", "bin", "python")), reverse=True)
    if shutil.which("py"):
        found = subprocess.run(["py", "-" + version, "-c", "import sys; print(sys.executable)"], stdout=subprocess.PIPE)
        candidates.append(found.stdout.decode().strip())
    for candidate in candidates:
        if candidate and version_of(candidate) == wanted:
            return candidate
    return None


def suitable_python():
    """This interpreter if the pinned versions install on it, else the newest other one that fits."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = find_python("3.%d" % minor)
        if found:
            return found
    raise CannotPrepare(
        "需要 Python 3.8 到 3.11，这里是 %d.%d：请安装 Python 3.11 后重试。" % tuple(sys.version_info[:2])
    )


def environment_python(folder):
    """The interpreter inside a virtual environment."""
    if os.name == "nt":
        return os.path.join(folder, "Scripts", "python.exe")
    return os.path.join(folder, "bin", "python")


def fingerprint(python, requirements):
    """What the environment was made from: if this changes it is made anew."""
    with open(requirements, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return "%s %s\n" % ("%d.%d" % version_of(python), digest)


def prepare_environment(python, folder, requirements, first=()):
    """Make the virtual environment unless it is there; returns its interpreter. `first`: pip itself, for 3.6."""
    stamp = os.path.join(folder, "made-from.txt")
    wanted = fingerprint(python, requirements)
    inside = environment_python(folder)
    if os.path.exists(stamp) and os.path.exists(inside):
        with open(stamp) as file:
            if file.read() == wanted:
                return inside
    if subprocess.run([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL).returncode != 0:
        raise CannotPrepare("这个 Python 不能创建虚拟环境：请先运行 sudo apt install python3-venv，然后重试。")
    print("第一次运行：正在准备 %s（约一分钟）……" % os.path.basename(folder), flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run([python, "-m", "venv", folder])
    pip = [inside, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    for packages in ([list(first)] if first else []) + [["-r", requirements]]:
        if made.returncode == 0:
            made = subprocess.run(pip + packages, env=dict(os.environ, PIP_ROOT_USER_ACTION="ignore"))
    if made.returncode != 0:
        raise CannotPrepare("安装依赖失败（上面是 pip 的原话）：请检查网络后重试，仍不行就删除 %s 再运行。" % folder)
    with open(stamp, "w") as file:
        file.write(wanted)
    return inside


def qmt_side(command, arguments):
    """The QMT side's tests, or a bench, on QMT's Python. Where that is missing it is said; under CI it fails."""
    python = find_python(QMT_PYTHON)
    if python is None:
        print("SKIPPED: no Python %s on this machine (looked in PATH and pyenv)" % QMT_PYTHON)
        return 1 if os.environ.get("CI") == "true" else 0
    requirements = os.path.join(ROOT, "requirements-qmt.txt")
    inside = prepare_environment(python, os.path.join(ROOT, ".venv-qmt"), requirements, first=[QMT_PIP])
    if command == "bench":
        return hand_over([inside, "-m", "rehearsal.bench", "--here"] + arguments)
    named = any(os.path.exists(os.path.join(ROOT, argument.split("::")[0])) for argument in arguments)
    # One run for each folder: pytest 7.0, the last on 3.6, cannot import helpers of two folders in one run.
    runs = [[]] if named else [[folder] for folder in QMT_TESTS]
    codes = [subprocess.call([inside, "-m", "pytest"] + arguments + folders, cwd=ROOT) for folders in runs]
    return next((code for code in codes if code), 0)


def windows_build(arguments):
    """The setup program. On Windows it is made by the Python that goes into it; elsewhere that one runs under Wine."""
    if os.name != "nt":
        requirements = os.path.join(ROOT, "requirements.txt")
        inside = prepare_environment(suitable_python(), os.path.join(ROOT, ".venv"), requirements)
    else:
        python = find_python(WINDOWS_PYTHON)
        if python is None:
            raise CannotPrepare("制作安装程序要用 Python 3.8：请从 python.org 安装 Python 3.8.10（64 位），然后重试。")
        requirements = os.path.join(ROOT, "installer", "requirements-build.txt")
        inside = prepare_environment(python, os.path.join(ROOT, ".venv-windows"), requirements)
    return hand_over([inside, "-m", "installer"] + arguments)


def hand_over(command):
    """Run the command in our place and leave with its exit code; Ctrl-C is the command's own business.

    In the caller's folder, so that `--report r.json` lands where the caller expects it.
    """
    paths = [ROOT, os.environ.get("PYTHONPATH", "")]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in paths if path))
    if os.name != "nt":
        os.execve(command[0], command, environment)
    child = subprocess.Popen(command, env=environment)
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:
            continue  # the child got it too and is cleaning up


def main():
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a Windows pipe may know no Chinese
    # run.py's own switches stand before the command; everything else belongs to `python -m rehearsal`.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--python", help="version to use, e.g. 3.8; 3.6: the QMT side's tests and benches")
    own, rest = parser.parse_known_args()
    try:
        if own.python == QMT_PYTHON:
            named = rest[:1] if rest[:1] in (["test"], ["bench"]) else []
            sys.exit(qmt_side("".join(named), rest[len(named) :]))
        if rest[:1] == ["windows"]:
            windows_build(rest[1:])
        python, folder = None, ".venv"
        if own.python:
            python, folder = find_python(own.python), ".venv-" + own.python
            if python is None:
                raise CannotPrepare("没有找到 Python %s：请先安装，或去掉 --python。" % own.python)
        inside = prepare_environment(
            python or suitable_python(), os.path.join(ROOT, folder), os.path.join(ROOT, "requirements.txt")
        )
    except CannotPrepare as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("已中断，下次运行会重新准备。", file=sys.stderr)
        sys.exit(130)
    if own.python and rest[:1] == ["bench"]:
        rest.insert(1, "--here")  # a version was named: on that one alone
    hand_over([inside, "-m", "rehearsal"] + rest)


if __name__ == "__main__":
    main()
