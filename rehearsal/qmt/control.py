"""Commands for drills: files DIR/control/*.cmd, taken in the order of their names and deleted when done.

The command is the file's text, or its name without .cmd where the file is empty. Write it under another name and rename
it, or use the name alone, so that a half-written command is never read.
"""

import os
from typing import Iterator, Tuple


def waiting(folder: str) -> Iterator[Tuple[str, str]]:
    """(path, command) of each waiting file."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    for name in names:
        if name.endswith(".cmd"):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                yield path, file.read(200).strip() or name[:-4]
