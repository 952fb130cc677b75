"""What the documents name is there: linked files, tests, modules, drills, and every path of this tree."""

import glob
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = ("tests", "docs", "rehearsal", "tray_app", "receiver", "qmt_strategy", "installer")
ANY_TOP = "|".join(TOP)
NOT_OURS = ("dist", "build", "node_modules")  # what building leaves behind; hidden folders hold environments


def _files(folder):
    for entry in sorted(os.scandir(folder), key=lambda found: found.name):
        if entry.name.startswith(".") or entry.name in NOT_OURS:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        else:
            yield Path(entry.path).relative_to(ROOT).as_posix()


FILES = list(_files(ROOT))
DOCUMENTS = [name for name in FILES if name.endswith(".md")]
TESTS = {
    Path(name).stem: (ROOT / name).read_text(encoding="utf-8") for name in FILES if re.match(r"tests/.*\.py", name)
}


def _text(document):
    return (ROOT / document).read_text(encoding="utf-8")


def _outside_blocks(text):
    """Without fenced and indented blocks: what stands there is shown, not linked."""
    return "\n".join(line for line in re.sub(r"```.*?```", "", text, flags=re.S).split("\n") if line[:4] != "    ")


def missing_links(text, folder):
    """Targets of relative links that are not there; `folder` is the document's."""
    targets = re.findall(r"\]\(([^)\s]+)\)", _outside_blocks(text))
    relative = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    return [target for target in relative if not (folder / target).exists()]


def missing_tests(text):
    """Tests that are named, by file (`tests/x/test_y.py`), as pytest does (`...::test_z`) or by their bare name, and
    that are not there. A star stands for anything."""
    missing = []
    for path, name in re.findall(r"(tests/[\w/*]+\.py)(?:::(\w+))?", text):
        found = glob.glob(str(ROOT / path))
        if not found or (name and not any(_defines(Path(one).stem, name) for one in found)):
            missing.append(f"{path}::{name}")
    for name in re.findall(r"(?<![\w/.:])test_[\w*]+", text):
        pattern = re.compile(name.replace("*", r"\w*") + r"\Z")
        if not any(pattern.match(stem) for stem in TESTS) and not any(_defines(stem, name) for stem in TESTS):
            missing.append(name)
    return missing


def _defines(stem, name):
    return re.search(rf"^\s*(?:async )?def {re.escape(name)}\(", TESTS[stem], re.M) is not None


def missing_paths(text):
    """Paths of this tree in backticks, modules behind -m and drills behind `drill` that are not there. A Python file
    may be named by the end of its path, as the reader of a package would: `watch/spool.py`."""
    missing = []
    for token in re.findall(r"`([^`\s]+)`", text):
        path = token.split("::")[0].rstrip("/")
        if path.split("/")[0] in TOP and "/" in path:
            if not glob.glob(str(ROOT / path)):
                missing.append(token)
        elif re.fullmatch(r"[\w/]+\.py", path) and not any(("/" + name).endswith("/" + path) for name in FILES):
            missing.append(token)
    for module in re.findall(rf"-m ((?:{ANY_TOP})(?:\.\w+)*)", text):
        path = module.replace(".", "/")
        if path + ".py" not in FILES and path + "/__main__.py" not in FILES:
            missing.append(module)
    for drill in re.findall(r"run\.py drill ([a-z][a-z-]+)", text):
        if f"rehearsal/drills/{drill.replace('-', '_')}.py" not in FILES:
            missing.append(drill)
    return missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_to_a_file(document):
    assert missing_links(_text(document), (ROOT / document).parent) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_that_is_named_is_there(document):
    assert missing_tests(_text(document)) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_module_and_drill_that_is_named_is_there(document):
    assert missing_paths(_text(document)) == []


def test_what_is_not_there_is_found():
    assert missing_links("[a](nowhere.md) [b](https://x.example/y) [c](../README.md#top)", ROOT / "docs") == [
        "nowhere.md"
    ]
    assert missing_tests("`tests/docs/test_docs_links.py::test_no_such_thing`") == [
        "tests/docs/test_docs_links.py::test_no_such_thing"
    ]
    assert missing_tests("test_nobody_wrote_this, test_receiver_pages, test_installed_*") == ["test_nobody_wrote_this"]
    assert missing_paths("`rehearsal/nothing` `watch/spool.py` `watch/nothing.py` `docs/drills/`") == [
        "rehearsal/nothing",
        "watch/nothing.py",
    ]
    assert missing_paths("python -m rehearsal.nothing; run.py drill no-such-drill") == [
        "rehearsal.nothing",
        "no-such-drill",
    ]
