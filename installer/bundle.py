"""What goes into the program folder, what stays out, and what must never be missing from it (used by build.spec)."""

from __future__ import annotations

import os
from typing import Any, Iterable, Sequence

# Never imported by the tray on Windows; PyInstaller would follow optional imports of the libraries to them.
EXCLUDES = [
    *("tkinter", "_tkinter", "unittest", "pydoc", "doctest", "lib2to3", "test", "distutils", "setuptools", "pip"),
    *("pkg_resources", "pytest", "_pytest", "hypothesis", "numpy", "pandas", "rehearsal", "receiver", "xmlrpc"),
    *("Xlib", "pystray._xorg", "pystray._gtk", "pystray._appindicator", "pystray._darwin", "pystray._util.gtk"),
    *("pystray._util.notify_dbus", "simplejson", "chardet", "cryptography", "OpenSSL", "brotli", "zstandard", "socks"),
    *("multiprocessing", "asyncio", "_msi", "winsound", "_elementtree", "PyInstaller"),
    *("PIL.ImageTk", "PIL.ImageQt", "PIL.ImageShow", "PIL.ImageGrab", "PIL.ImageFont", "PIL._imagingft"),
    *("PIL._imagingcms", "PIL._imagingtk", "PIL._imagingmath", "PIL._imagingmorph", "PIL._webp", "PIL._avif"),
    *(f"PIL.{name}ImagePlugin" for name in ("WebP", "Avif", "Jpeg2K", "Pdf", "Tiff", "Gif", "Mpo", "Fits", "Eps")),
    *(f"PIL.{name}ImagePlugin" for name in ("Psd", "Sgi", "Sun", "Tga", "Wmf", "Xbm", "Xpm", "Fpx", "Mic", "Palm")),
    *(f"PIL.{name}ImagePlugin" for name in ("Blp", "Bufr", "Dcx", "Dds", "Fli", "Ftex", "Gbr", "Grib", "Hdf5", "Icns")),
    *(
        f"PIL.{name}ImagePlugin"
        for name in ("Im", "Imt", "Iptc", "Mcidas", "Mpeg", "Msp", "Pcd", "Pcx", "Pixar", "Qoi")
    ),
    *(f"PIL.{name}ImagePlugin" for name in ("Spider", "XVThumb", "Ppm", "Cur", "Jpeg")),
]
# The installer's tool asks nobody on the network and draws nothing.
TOOL_EXCLUDES = ["PIL", "pystray", "requests", "urllib3", "certifi", "bottle", "cheroot", "psutil", "sqlite3", "ssl"]

# Without these the program starts and then reaches nobody or keeps nothing (seen in the wild: NetSpeedTray 1.3.2).
NEEDED = ("_ssl", "_hashlib", "libssl", "libcrypto", "_sqlite3", "sqlite3", "_ctypes", "libffi", "_socket", "psutil")

# Windows 10 and 11 bring the C runtime themselves.
_SYSTEM = ("api-ms-win-", "ucrtbase")


class Incomplete(Exception):
    """A library that the program cannot do without is missing from the build."""


def check(names: Iterable[str]) -> None:
    """Raises Incomplete unless each of NEEDED begins the file name, or is a folder, of one of the `names`."""
    parts = [part.lower() for name in names for part in name.replace("\\", "/").split("/")]
    missing = [wanted for wanted in NEEDED if not any(part.startswith(wanted) for part in parts)]
    if missing:
        raise Incomplete("the build lacks: " + ", ".join(missing))


def wanted(binaries: Sequence[Any]) -> list[Any]:
    """PyInstaller's (name, path, kind) rows without those that Windows brings itself."""
    return [row for row in binaries if not os.path.basename(row[0].replace("\\", "/")).lower().startswith(_SYSTEM)]
