"""What the strategy tells is read on a phone as well: its texts are found in its source, whoever wrote them.

Whole texts, put together by a running strategy, are looked at by tests/orders/conftest.py after each of its tests.
"""

import ast
import errno
import re
from pathlib import Path

import pytest

from qmt_strategy.dingtou import checkup, disk, params, settings
from tests.orders.phone_words import FORMAT, MOST_LITERAL, WINDOW, faults, strange
from tests.receiver.receiver_bench import Bench, event

DINGTOU = Path(__file__).resolve().parents[2] / "qmt_strategy" / "dingtou"
HAN = re.compile("[\u4e00-\u9fff]")
FUNDS = ["512690.SH", "512580.SH", "512660.SH", "159915.SZ", "159928.SZ", "510330.SH", "510500.SH"]


def chinese_of(source):
    """The string literals with Chinese in them, but for docstrings and what is printed in QMT's window alone."""
    tree = ast.parse(source)
    documented = [node for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    docs = {id(node.body[0].value) for node in documented if node.body and isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if HAN.search(text) and not text.startswith(WINDOW) and id(node) not in docs:
            yield text


def faults_of(literal):
    return strange(FORMAT.sub("", literal)) + ["too long"] * (len(literal) > MOST_LITERAL)


@pytest.mark.parametrize("path", sorted(DINGTOU.glob("*.py")), ids=lambda path: path.name)
def test_no_text_in_the_strategys_source_is_long_or_in_its_programmers_words(path):
    found = {literal: faults_of(literal) for literal in chinese_of(path.read_text(encoding="utf-8"))}
    assert not {literal: wrong for literal, wrong in found.items() if wrong}


@pytest.mark.parametrize(
    "text",
    [
        "网格状态 state/grid.json 丢了",
        "委托记录 flags/%s/%s.jsonl 丢了或被改动",
        "QMT 的 is_last_bar() 给出了意外的值",
        "dingtou 版本 %d 太旧",
        "内容不是完整的 JSON",
        "这条意图没有写完",
        "请看 state",
        "请" + "一次又一次地" * 14 + "核对",
    ],
)
def test_a_text_that_is_not_fit_for_a_phone_is_found_in_a_source(text):
    assert [faults_of(literal) for literal in chinese_of(f'"""文档"""\nwords = {text!r}')][0]


@pytest.mark.parametrize("number", sorted(errno.errorcode), ids=errno.errorcode.get)
def test_a_disk_that_refuses_is_told_in_chinese_and_without_its_paths(number):
    words = disk.why(OSError(number, "No space left on device", "/home/x/state/book.json"))
    assert words and not faults(words)


def test_a_disk_that_is_full_is_told_so_by_linux_and_by_windows():
    assert disk.why(OSError(errno.ENOSPC, "x")) == "磁盘满了"
    for code in (39, 112):
        refused = OSError(errno.EINVAL, "x")
        refused.winerror = code
        assert disk.why(refused) == "磁盘满了"


def test_an_error_without_a_number_is_told_as_well():
    assert not faults(disk.why(OSError("the probe file reads back differently")))


@pytest.mark.parametrize(
    "ini, words",
    [
        ("[strategy]\nmode = live\n[strategy]\n", "第 3 行的 [strategy] 写了两遍"),
        ("[strategy]\nmode = live\nmode = observe\n", "第 3 行：[strategy] 的 mode 写了两遍"),
        ("\nmode = live\n", "第 2 行的前面没有 [节]"),
        ("[strategy]\nwhat\n", "第 2 行看不懂"),
        ("[strategy]\nmax_atempts = 3\n", "应为 max_attempts"),
        ("[strategy]\nzzz = 3\n", "请改正或删掉它"),
        ("[fund:999999.SH]\namount = 3\n", "[fund:999999.SH] 不是 funds 里哪只基金的"),
    ],
)
def test_a_mistake_in_sentry_ini_is_told_with_its_place(ini, words):
    (problem,) = [text for text in params.parse(ini).problems if words in text]
    assert not faults(re.sub(r"\[[^]]*\]|zzz|max_atempts", "", problem))


@pytest.mark.parametrize("ini", ["mode = live\n", "[account]\nwhat\n", "[heartbeat]\nevery = 0\n"])
def test_the_heartbeat_tells_such_a_mistake_in_the_same_words(ini):
    (problem,) = settings.parse(ini).problems
    assert not faults(problem)


def test_seven_funds_that_stop_at_once_are_one_message_that_a_phone_takes_whole(tmp_path):
    bench = Bench(tmp_path)
    bench.alive()
    words = checkup.changed(checkup.GRID, "state")
    told = {"strategy": "etf_grid", "what": "stopped-fund"}
    bench.batch(*[event("strategy.notice", bench.time, **told, text=f"{code}：{words}", code=code) for code in FUNDS])
    bench.run(10, every=bench.alive)
    (told,) = bench.texts()
    first, *lines = told.body.splitlines()
    assert told.title.startswith("❗ 有基金停止下单") and first.startswith("怎么办：")
    assert [line for line in lines if "：" in line] == [f"10:00 {code}：{words}" for code in FUNDS]
    assert len("\n".join(told).encode()) <= 2048  # the most that a WeCom robot takes
