"""docs/guide/alarms.md has a row for every title that can reach the phone, and no row for one that cannot."""

import re
from pathlib import Path

import pytest

from receiver import receiver as program
from tests.guide.alarm_titles import VARYING, titles
from tests.guide.pages import rows
from tray_app import last_resort
from tray_app import strings_zh as zh
from tray_app.sender import Link

SOURCE = Path(program.__file__).read_text(encoding="utf-8")
TABLE = [row[0] for row in rows("alarms.md")]
MARK = re.compile(r"^[^\w ]+ ")  # ❗, ✅ and their like
LINKS = [
    Link(state="ok", alerts_ok=False, alerts_why="磁盘满了"),
    Link(state="ok"),
    Link(state="denied", why="不认这个令牌"),
    Link(state="waiting", why="没有网络"),
]


def last_resort_titles():
    """The first lines of all that the tray itself sends, without mark and machine."""
    memory = last_resort.Memory(ok_at=0.0, words=1)
    words = (last_resort.DOWN, last_resort.STILL, last_resort.BACK)
    said = [
        last_resort.text_of(word, memory, link, "QMT 在运行", "mini-pc", 3600.0, 600.0)
        for word in words
        for link in LINKS
    ]
    first = [text.partition("\n")[0] for text in [*said, zh.LAST_RESORT_TEST.format(machine="mini-pc")]]
    bare = {MARK.sub("", line).partition(" · ")[0] for line in first}
    return {re.sub(r"第 \d+ 次", f"第 {VARYING} 次", line) for line in bare}


def test_every_title_of_the_receiver_has_a_row():
    assert sorted(titles(SOURCE) - set(TABLE)) == []


def test_every_title_of_the_last_resort_has_a_row():
    assert sorted(last_resort_titles() - set(TABLE)) == []


def test_no_row_is_for_a_title_that_nobody_sends():
    assert sorted(set(TABLE) - titles(SOURCE) - last_resort_titles()) == []
    assert len(TABLE) == len(set(TABLE))


def test_every_row_says_what_it_means_and_what_to_do():
    assert [row[0] for row in rows("alarms.md") if len(row) != 3 or not all(row)] == []


ADDED = {
    "a call with the title itself": 'def f():\n    return Accusation("k", "", None, "新的告警", "", "", "")',
    "a notice": 'def f(n):\n    return notice("k", n, 0.0, "新的" + "告警", "")',
    "a name": 'def f():\n    what, y = "新的告警", 1\n    return Accusation("k", "", None, what, "", "", "")',
    "a choice": 'def f(x):\n    return title_of("❗", "成交" if x else "新的告警", "")',
    "a constant of the module": 'TELLINGS = {"new": Telling("新的告警", 1)}',
    "a table": 'T = {1: ("新的告警", 2)}\ndef f(k):\n    what, _ = T.get(k, ("", 3))\n    title_of("", what)',
    "changed afterwards": 'def f(told):\n    return told._replace(what="新的告警")',
}


@pytest.mark.parametrize("way", ADDED)
def test_a_title_that_is_added_is_found(way):
    assert titles(ADDED[way]) - set(TABLE) == {"新的告警"}


def test_a_title_that_cannot_be_worked_out_is_no_silence():
    with pytest.raises(LookupError):
        titles('def f():\n    return Accusation("k", "", None, NAMES["x"], "", "", "")')


def test_every_word_of_not_ready_yet_has_a_row():
    found = set(re.findall(r"Item\([^()]*?\"([^\"]+)\",", SOURCE)) | set(re.findall(r"short = \"([^\"]+)\"", SOURCE))
    table = [row[0] for row in rows("daily.md")]
    assert (
        found
        and [word for word in found if word.strip() and word.strip(" ") + " …" not in table and word not in table] == []
    )
