"""Supply chain: every version is pinned, and a document or script that names one names the pinned one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = ("requirements.txt", "requirements-qmt.txt", "installer/requirements-build.txt")
LINE = re.compile(r"([\w.-]+(?:\[\w+\])?)==([\w.]+)(?:\s*;.*)?\Z")
NAMED = re.compile(r"([A-Za-z][\w.-]*)==(\d[\w.]*)")
HIDDEN = re.compile(r"(?:^|/)(?:\.|dist/|build/)")


def lines_of(name):
    lines = (line.split(" #")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


PINNED = dict(LINE.match(line).groups() for line in lines_of("requirements.txt"))


@pytest.mark.parametrize("name", LISTS)
def test_every_requirement_is_pinned(name):
    assert [line for line in lines_of(name) if not LINE.match(line)] == []


def naming():
    """Every text that a user follows or a machine runs."""
    for kind in ("*.md", "*.service", "*.sh"):
        for path in sorted(ROOT.rglob(kind)):
            if not HIDDEN.search(path.relative_to(ROOT).as_posix()):
                yield path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", naming())
def test_a_version_that_is_named_is_the_pinned_one(name):
    found = NAMED.findall((ROOT / name).read_text(encoding="utf-8"))
    assert [pair for pair in found if PINNED.get(pair[0], pair[1]) != pair[1]] == []


def test_the_programs_own_packages_are_the_same_in_setup_program_and_tests():
    built = dict(LINE.match(line).groups() for line in lines_of("installer/requirements-build.txt"))
    for package in ("pystray", "pillow", "psutil", "requests", "bottle", "cheroot"):
        assert built[package] == PINNED[package]
