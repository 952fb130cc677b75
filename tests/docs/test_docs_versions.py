"""Supply chain: every version is pinned, and a document or script that names one names the pinned one."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = ("requirements.txt", "requirements-qmt.txt", "installer/requirements-build.txt")
LINE = re.compile(r"([\w.-]+(?:\[\w+\])?)==([\w.]+)(?:\s*;.*)?\Z")
NAMED = re.compile(r"([A-Za-z][\w.-]*)==(\d[\w.]*)")


def lines_of(name):
    lines = (line.split(" #")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


PINNED = dict(LINE.match(line).groups() for line in lines_of("requirements.txt"))


@pytest.mark.parametrize("name", LISTS)
def test_every_requirement_is_pinned(name):
    assert [line for line in lines_of(name) if not LINE.match(line)] == []


def naming(root=ROOT):
    """Every text that a user follows or a machine runs. What building leaves behind is not entered: its folders may go
    while we look, and rglob() fails then."""
    for folder, inner, names in os.walk(str(root)):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in ("dist", "build"))
        for name in sorted(names):
            if name.endswith((".md", ".service", ".sh")) and not name.startswith("."):
                yield (Path(folder) / name).relative_to(root).as_posix()


def test_folders_that_building_makes_and_removes_are_not_entered(tmp_path, monkeypatch):
    for name in (".venv", "build", "docs"):
        (tmp_path / name).mkdir()
    (tmp_path / "docs" / "x.md").touch()
    real = os.scandir

    def gone(path):
        if os.path.basename(path) in (".venv", "build"):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", gone)
    assert list(naming(tmp_path)) == ["docs/x.md"]


@pytest.mark.parametrize("name", naming())
def test_a_version_that_is_named_is_the_pinned_one(name):
    found = NAMED.findall((ROOT / name).read_text(encoding="utf-8"))
    assert [pair for pair in found if PINNED.get(pair[0], pair[1]) != pair[1]] == []


def test_the_programs_own_packages_are_the_same_in_setup_program_and_tests():
    built = dict(LINE.match(line).groups() for line in lines_of("installer/requirements-build.txt"))
    for package in ("pystray", "pillow", "psutil", "requests", "bottle", "cheroot"):
        assert built[package] == PINNED[package]
