"""The version resource of our programs: what Windows shows under Properties, Details."""

from __future__ import annotations

import re
from typing import Any

COMPANY = "QMT Sentry"
_CHINESE, _UNICODE = 0x0804, 1200


def numbers(version: str) -> tuple[int, int, int, int]:
    """ "1.2.3" -> (1, 2, 3, 0). ValueError for anything else: two versions must be comparable by their numbers."""
    match = re.fullmatch(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", version)
    if match is None:
        raise ValueError(f"a version is three numbers, such as 1.2.3, not {version!r}")
    return (int(match.group(1)), int(match.group(2)), int(match.group(3)), 0)


def resource(version: str, name: str, description: str) -> Any:
    """For PyInstaller's EXE(version=...). Only on the building side: PyInstaller is imported here."""
    from PyInstaller.utils.win32 import versioninfo as v  # type: ignore[import-not-found,import-untyped,unused-ignore]

    strings = {
        "CompanyName": COMPANY,
        "FileDescription": description,
        "FileVersion": version,
        "InternalName": name,
        "OriginalFilename": name + ".exe",
        "ProductName": "QMT Sentry",
        "ProductVersion": version,
    }
    table = v.StringTable("080404B0", [v.StringStruct(key, value) for key, value in strings.items()])
    fixed = v.FixedFileInfo(filevers=numbers(version), prodvers=numbers(version))
    translation = v.VarFileInfo([v.VarStruct("Translation", [_CHINESE, _UNICODE])])
    return v.VSVersionInfo(ffi=fixed, kids=[v.StringFileInfo([table]), translation])
