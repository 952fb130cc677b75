"""Lay out the official CPython 3.8.10 for Windows x64 in a folder, on Debian.

There is no Windows installer to run here, so the parts come from where they are public: the panda3d wheel on PyPI
carries the Python Software Foundation's own python38.dll, extension modules and OpenSSL (`deploy_libs/`, PSF licence;
panda3d itself is not used), the pure-Python standard library comes from any CPython 3.8 on this machine, and the two
small files that are left (python.exe and the stable-ABI forwarder python3.dll) are made with mingw.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

PANDA3D = "panda3d==1.10.16"
MINGW = "x86_64-w64-mingw32-"

# What the tray and its tests import; the versions stand in requirements.txt.
FROM_REQUIREMENTS = ("pystray", "pillow", "psutil", "requests", "bottle", "cheroot", "aiosmtpd", "pytest", "hypothesis")
# Needed on Windows only: pip evaluates `sys_platform == "win32"` for the machine that it runs on, not for the target.
WINDOWS_ONLY = ("colorama==0.4.6", "six==1.17.0")

PYTHON_EXE_C = r"""
#include <windows.h>
#include <stdio.h>
int _dowildcard = 0; /* python.exe never expands * in its arguments; mingw's start-up code would */
int wmain(int argc, wchar_t **argv)
{
    HMODULE dll = LoadLibraryW(L"python38.dll");
    int (*py_main)(int, wchar_t **) = dll ? (int (*)(int, wchar_t **))(void *)GetProcAddress(dll, "Py_Main") : NULL;
    if (!py_main) {
        fprintf(stderr, "python38.dll: error %lu\n", GetLastError());
        return 103;
    }
    return py_main(argc, argv);
}
"""

PYTHON3_DLL_C = "int DllMainCRTStartup(void *module, unsigned reason, void *reserved) { return 1; }\n"


class SetupError(Exception):
    """Something on this machine keeps the Windows Python from being made; the text says what to do (Chinese)."""


class LocalPython38(NamedTuple):
    exe: str
    version: str
    stdlib: str


def find_python38() -> LocalPython38:
    """A CPython 3.8 that has pip: this interpreter, `python3.8` on PATH, or one of pyenv's. Raises SetupError."""
    probe = (
        "import platform, sysconfig, pip; "
        "print(platform.python_implementation(), platform.python_version(), sysconfig.get_paths()['stdlib'], sep='|')"
    )
    for exe in _python38_candidates():
        try:
            done = subprocess.run([exe, "-c", probe], capture_output=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        name, _, rest = done.stdout.decode("utf-8", "replace").strip().partition("|")
        version, _, stdlib = rest.partition("|")
        if done.returncode == 0 and name == "CPython" and version.startswith("3.8."):
            return LocalPython38(exe, version, stdlib)
    raise SetupError(
        "找不到带 pip 的 CPython 3.8：请安装它（例如 pyenv install 3.8），让 python3.8 在 PATH 里，然后重试"
    )


def _python38_candidates() -> Iterator[str]:
    yield sys.executable
    on_path = shutil.which("python3.8")
    if on_path:
        yield on_path
    # pyenv's shim on PATH refuses to run a version that is not selected, so look into its versions as well.
    roots = [os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")]
    if shutil.which("pyenv"):
        done = subprocess.run(["pyenv", "root"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        roots.insert(0, done.stdout.decode("utf-8", "replace").strip())
    for root in filter(None, roots):
        for exe in sorted(Path(root).glob("versions/3.8*/bin/python3.8"), reverse=True):
            yield str(exe)


def pinned_wheels(requirements: str) -> List[str]:
    """The lines of requirements.txt (its text) that the tray and its tests need, and what only Windows needs."""
    pins: Dict[str, str] = {}
    for line in requirements.splitlines():
        pin = re.match(r"([A-Za-z0-9_.-]+)==[^\s;#]+", line)
        if pin:
            pins[pin.group(1).lower()] = pin.group(0)
    missing = [name for name in FROM_REQUIREMENTS if name not in pins]
    if missing:
        raise SetupError("requirements.txt 里缺少固定版本：{}".format("、".join(missing)))
    return [pins[name] for name in FROM_REQUIREMENTS] + list(WINDOWS_ONLY)


def fetch_dlls(python38: LocalPython38, work: Path, target: Path) -> None:
    """Download the panda3d wheel into `work` and unpack its Windows Python into `target`."""
    command = [python38.exe, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--platform", "win_amd64", "--python-version", "3.8", "--dest", str(work), PANDA3D]
    _call(command, f"下载 {PANDA3D} 失败：请检查网络或 pip 源")
    (target / "DLLs").mkdir(parents=True)
    with zipfile.ZipFile(str(next(work.glob("panda3d-*.whl")))) as wheel:
        for name in wheel.namelist():
            folder, _, base = name.rpartition("/")
            # api-ms-win-*.dll are Windows' own C runtime: Wine (and Windows 10) bring theirs.
            if folder != "deploy_libs" or not base or base.startswith("api-ms-win-"):
                continue
            beside_exe = base in ("python38.dll", "VCRUNTIME140.dll")
            (target / base if beside_exe else target / "DLLs" / base).write_bytes(wheel.read(name))
    if not (target / "python38.dll").exists():
        raise SetupError(f"{PANDA3D} 里没有 python38.dll：这个版本不能用")


def copy_stdlib(python38: LocalPython38, target: Path) -> None:
    """Copy the pure-Python standard library with its .pyc files (same magic number in all of 3.8)."""
    left_out = shutil.ignore_patterns("lib-dynload", "test", "tests", "site-packages", "config-3.8*", "idlelib", "*.so")
    shutil.copytree(python38.stdlib, str(target / "Lib"), ignore=left_out)
    (target / "Lib" / "site-packages").mkdir()


def make_python_exe(work: Path, target: Path) -> None:
    source = work / "python.c"
    source.write_text(PYTHON_EXE_C, encoding="ascii")
    _call(
        [MINGW + "gcc", "-municode", "-O2", "-s", "-o", str(target / "python.exe"), str(source)], "编译 python.exe 失败"
    )


def make_python3_dll(work: Path, target: Path) -> None:
    """The forwarder that abi3 wheels (psutil's) link to; every export goes on to python38.dll."""
    dump = _call([MINGW + "objdump", "-p", str(target / "python38.dll")], "读取 python38.dll 失败")
    table = dump.partition("[Ordinal/Name Pointer] Table")[2]
    names = re.findall(r"^\s*\[\s*\d+\](?:\s+\+base\[\s*\d+\])?\s+(?:[0-9a-f]+\s+)?(\w+)\s*$", table, re.MULTILINE)
    if "Py_Main" not in names:
        raise SetupError("读不出 python38.dll 的导出表：objdump 的输出格式变了")
    lines = ["LIBRARY python3.dll", "EXPORTS"] + [f"  {name} = python38.{name}" for name in names]
    definition, source = work / "python3.def", work / "python3.c"
    definition.write_text("\n".join(lines) + "\n", encoding="ascii")
    source.write_text(PYTHON3_DLL_C, encoding="ascii")
    command = [
        MINGW + "gcc",
        "-shared",
        "-nostdlib",
        "-s",
        "-o",
        str(target / "python3.dll"),
        str(source),
        str(definition),
    ]
    _call(command + ["-Wl,-e,DllMainCRTStartup"], "链接 python3.dll 失败")


def install_wheels(python38: LocalPython38, wheels: List[str], target: Path) -> None:
    _install(python38, wheels, target / "Lib" / "site-packages")


def install_pinned(python38: LocalPython38, requirements: Path, target: Path) -> None:
    """Exactly the wheels of a requirements file that names everything, into the folder `target`."""
    _install(python38, ["--no-deps", "-r", str(requirements)], target)


def _install(python38: LocalPython38, what: List[str], folder: Path) -> None:
    command = [python38.exe, "-m", "pip", "install", "--quiet", "--target", str(folder)]
    command += ["--platform", "win_amd64", "--python-version", "3.8", "--implementation", "cp", "--only-binary=:all:"]
    _call(command + what, "安装 Windows 版依赖失败：请检查网络或 pip 源")


def _call(command: List[str], trouble: str) -> str:
    """Run and give back the output; a failure becomes a SetupError that ends with the tool's last lines."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{trouble}（{error}）") from error
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise SetupError("{}（退出码 {}）：\n{}".format(trouble, done.returncode, "\n".join(text.splitlines()[-15:])))
    return text
