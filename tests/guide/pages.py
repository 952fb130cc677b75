"""docs/guide as the tests read it: fenced blocks with the heading they stand under, and code within sentences."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"


class Block(NamedTuple):
    page: str
    section: str  # the nearest heading above
    kind: str  # sh: commands, one a line; ini: settings; text: what a program prints
    lines: list


def text_of(page):
    return (GUIDE / page).read_text(encoding="utf-8")


def pages():
    return sorted(path.name for path in GUIDE.glob("*.md"))


def blocks(page):
    found, section, inside = [], "", None
    for line in text_of(page).splitlines():
        fence = re.fullmatch(r"\s*```(\w*)", line)
        if fence and inside is None:
            inside = Block(page, section, fence.group(1), [])
        elif fence:
            found.append(inside)
            inside = None
        elif inside is not None:
            inside.lines.append(line)
        elif line.startswith("#"):
            section = line.lstrip("# ")
    assert inside is None, f"{page}: a fenced block is not closed"
    return found


def commands(page):
    """(section, command) of the page, in its order."""
    return [(block.section, line) for block in blocks(page) if block.kind == "sh" for line in block.lines if line]


def inline(page):
    """Code within sentences and tables."""
    outside = re.sub(r"^\s*```.*?^\s*```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", outside)


def rows(page):
    """The cells of every table row, without heads and rules."""
    found, lines = [], text_of(page).splitlines()
    for number, line in enumerate(lines):
        rule_follows = number + 1 < len(lines) and re.match(r"^\|[-|\s]+\|$", lines[number + 1])
        if line.startswith("|") and not re.match(r"^\|[-|\s]+\|$", line) and not rule_follows:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found
