"""sentry.ini as the installer leaves it: the example with its explanations, in observe mode. An existing one stays."""

from __future__ import annotations

import re
from pathlib import Path

from tray_app.home import write_whole_bytes

BOM = "\ufeff"


def write(ini: Path, example: str, qmt_folder: str, folder_was_given: bool) -> bool:
    """Make sentry.ini where there is none, with the QMT folder in it. In one that is there only a folder that the
    owner named on the command line is changed. Whether anything was written. Raises OSError, UnicodeDecodeError."""
    try:
        old = ini.read_bytes().decode("utf-8")
    except FileNotFoundError:
        new = example.lstrip(BOM).replace("\r\n", "\n").replace("\n", "\r\n")
        if qmt_folder:
            new = with_value(new, "qmt", "folder", qmt_folder)
        write_whole_bytes(ini, new.encode("utf-8"))
        return True
    if not (qmt_folder and folder_was_given):
        return False
    new = with_value(old, "qmt", "folder", qmt_folder)
    if new != old:
        write_whole_bytes(ini, new.encode("utf-8"))
    return new != old


def with_value(text: str, section: str, key: str, value: str) -> str:
    """The text with `key = value` in that section; comments and everything else stay as they are."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    header = None
    for number, line in enumerate(lines):
        name = re.match(BOM + r"?\[([^]]+)\]", line)
        if name and header is not None:
            break
        if name and name.group(1) == section:
            header = number
        elif header is not None and re.match(rf"\s*{re.escape(key)}\s*[=:]", line, re.IGNORECASE):
            lines[number] = f"{key} = {value}{end}"
            return "".join(lines)
    if header is None:
        return "".join([*lines, end, f"[{section}]{end}", f"{key} = {value}{end}"])
    lines[header] = lines[header].rstrip("\r\n") + end
    return "".join([*lines[: header + 1], f"{key} = {value}{end}", *lines[header + 1 :]])
