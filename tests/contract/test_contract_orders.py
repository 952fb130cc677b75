"""Section 7 of docs/protocol.md: the codes, fields and states on the page are those of the code, on all three sides."""

import ast
import json
import re
from functools import lru_cache
from pathlib import Path

import pytest

from qmt_strategy.dingtou import chart, control, dayfiles, ids, instance, ledger, notices, orders
from receiver import receiver
from tests.orders import world as worlds
from tests.orders.tiny_qmt import Fate
from tray_app import answers
from tray_app import orders as tray_orders
from tray_app.watch import spool

ROOT = Path(__file__).resolve().parents[2]
WHOLE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
PAGE = WHOLE.split("\n## 7. ")[1]
CODE = ROOT / "qmt_strategy" / "dingtou"
FLAG = "20260105-510300-B-01"


def table(heading):
    """The rows of the first table below a heading: lists of cells."""
    lines = PAGE.split(f"### {heading}")[1].splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[begin + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def ticked(cell):
    return re.findall(r"`([^`]+)`", cell)


KEYS = {key for row in table("Flag files") for key in ticked(row[0])}
FIELDS = {what: set(ticked(row[1])) for row in table("strategy.notice") for what in ticked(row[0])}
NAMES = {name: value for name, value in vars(notices).items() if name.isupper() and isinstance(value, str)}
CODES = set(NAMES.values())


# The code as written -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=None)
def functions():
    """(module, function) of the whole package."""
    trees = [(path.stem, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(CODE.glob("*.py"))]
    return [(stem, node) for stem, tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def calls(node, *names):
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            name = inner.func.attr if isinstance(inner.func, ast.Attribute) else getattr(inner.func, "id", "")
            if name in names:
                yield inner


def keywords(call, function):
    """The names that a call is given, through `**about` too: a dict that the same function has written down."""
    found = {keyword.arg for keyword in call.keywords if keyword.arg}
    for name in [keyword.value.id for keyword in call.keywords if not keyword.arg]:
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
                for inner in ast.walk(node.value):
                    found |= {key.value for key in inner.keys} if isinstance(inner, ast.Dict) else set()
    return found


def codes_in(node):
    """The codes that are named in a piece of code: notices.FILL, or FILL in notices.py itself."""
    names = {getattr(inner, "attr", None) or getattr(inner, "id", "") for inner in ast.walk(node)}
    return {NAMES[name] for name in names if name in NAMES}


@lru_cache(maxsize=None)
def told():
    """[(codes that one call of Teller.tell or Teller.once may tell, its fields)]"""
    found = []
    for module, function in functions():
        for call in calls(function, "tell", "once"):
            if len(call.args) < 2 or module == "notices" and function.name in ("tell", "once"):
                continue
            named = set().union(*(codes_in(argument) for argument in call.args[:2]))
            if function.name == "tell_refusal":
                named = {*notices._REFUSED.values(), notices.BLOCKED}
            if named or codes_in(function) or function.name == "tell_refusal":
                found.append((named or codes_in(function), keywords(call, function)))
    return found


def test_the_page_lists_every_code():
    assert set(FIELDS) == CODES


def test_every_field_in_the_code_stands_on_the_page():
    extra = {(what, field) for codes, fields in told() for what in codes for field in fields - FIELDS[what]}
    assert extra == set()


@pytest.mark.parametrize("what", sorted(CODES))
def test_every_field_on_the_page_is_in_the_code(what):
    given = set().union(*(fields for codes, fields in told() if what in codes))
    assert given == FIELDS[what]


def test_the_keys_of_flag_lines_on_the_page_are_those_in_the_code():
    written = set()
    for module, function in functions():
        for call in calls(function, "first_line"):
            written |= keywords(call, function)
        for call in calls(function, "append"):
            written |= {keyword.arg for keyword in call.keywords if keyword.arg}
        if (module, function.name) in (("desk", "record"), ("desk", "append"), ("flags", "first_line")):
            for node in ast.walk(function):
                if isinstance(node, ast.Dict):
                    written |= {key.value for key in node.keys}
                if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "line":
                    written.add(node.slice.value if isinstance(node.slice, ast.Constant) else node.slice.value.value)
    assert written == KEYS


def test_the_three_sides_know_the_same_states():
    (states,) = [ticked(row[2]) for row in table("Flag files") if row[0] == "`state`"]
    assert set(states) == set(orders.STATES) == tray_orders.STATES
    assert set(states) <= {*receiver.ORDER_ALIVE, *receiver.ORDER_ENDED, "unknown"} & set(receiver.ORDER_WORDS)


def test_the_receiver_has_words_of_its_own_for_every_code():
    [heartbeats] = re.findall(r"Codes of the heartbeat's `strategy.notice`: ([\w, ]+)\.", WHOLE.replace("\n", " "))
    assert {*receiver.TELLINGS, *receiver.NOTICE_EFFECTS} == CODES | set(heartbeats.split(", "))


# What really comes out -----------------------------------------------------------------------------------------------


@pytest.fixture
def posts(tmp_path):
    """A day with fills, a reject, an unknown order and its answer, STOP and what is told of the account: all posts."""
    notices._told.clear()
    instance._newest.clear()
    worlds.forget_plans()
    world = worlds.World(tmp_path, start="none").start().run(120)
    fates = [Fate(refused=True), Fate(reject="[251005] 可用资金不足"), Fate(fills=((2, 3000),)), Fate()]
    world.broker.fate = lambda call: fates.pop(0) if fates else Fate()
    for code in worlds.CODES:
        world.context.prices[code] = 0.93
    world.run(300)
    flag = next(name for name, state in world.states().items() if state == "unknown")
    answers.write(tmp_path / "control" / "answers", flag, answers.Answer(answers.NOTHING, lines=3), world.now)
    (tmp_path / "control" / "STOP").write_text("")
    world.run(30)
    (tmp_path / "control" / "STOP").unlink()
    world.run(30)
    world.go(worlds.DAY, "14:57:57").run(30)
    assert world.errors() == []
    found = [json.loads(path.read_bytes().decode()) for path in sorted((tmp_path / "spool").glob("*.json"))]
    return world, found


def test_what_a_day_leaves_behind_has_the_fields_of_the_page(posts):
    world, found = posts
    states = {line["state"] for lines in world.flags().values() for line in lines}
    assert {"unknown", "rejected", "filled", "cancelled"} <= states
    assert {key for lines in world.flags().values() for line in lines for key in line} <= KEYS
    told = [event["data"] for event in found if event["kind"] == "strategy.notice"]
    wrong = {
        (data["what"], key)
        for data in told
        for key in set(data) - {"strategy", "instance", "what", "text"} - FIELDS[data["what"]]
    }
    assert wrong == set()
    assert {"mode", "stop", "unknown", "rejected", "settled", "fill", "trade-triggered"} <= {
        one["what"] for one in told
    }
    stops = [data["on"] for data in told if data["what"] == "stop"]
    assert stops == [True, False]


def test_its_mode_is_read_by_tray_and_receiver(posts):
    _, found = posts
    modes = [event for event in found if event["data"].get("what") == "mode"]
    last = modes[-1]["data"]
    assert (last["mode"], last["why"], last["chosen"]) == ("live", "", False)
    assert set(last["funds"]) == set(worlds.CODES)
    assert spool.mode_of(modes[-1], modes[-1]["at"] + 1) == spool.Mode(modes[-1]["at"], True)


def test_its_files_have_the_names_on_the_page(posts):
    world, found = posts
    names = {event["data"]["name"] for event in found if event["kind"] == "file"}
    assert names == {"grid.json", "transaction.csv", *(f"chart-{code}.csv" for code in worlds.CODES)}
    assert {name.split(".")[0] for name in names if not name.startswith("chart")} <= set(re.findall(r"\w+", PAGE))


def test_ledger_and_chart_have_the_columns_of_the_page():
    assert "columns " + " ".join(ledger.COLUMNS) in PAGE
    assert f"`{chart.HEADER.strip()}`" in PAGE
    assert f"{chart.DAYS:,} days" in PAGE and dayfiles.LARGEST == chart.LARGEST == 256 << 10


# The owner's word ----------------------------------------------------------------------------------------------------


def test_the_answer_on_the_page_is_what_the_strategy_takes():
    example = next(line.strip() for line in PAGE.splitlines() if line.startswith('    {"flag"'))
    found = control.parse(example.encode(), FLAG)
    assert (found.kind, found.shares, found.price, found.problem) == (orders.OWNER_FILLED, 7500, 0.932, "")
    assert set(json.loads(example)) == {key for row in table("The owner's word") for key in ticked(row[0])}


@pytest.mark.parametrize("kind", [answers.NOTHING, answers.ALL, answers.CANCELLED])
def test_what_the_tray_writes_is_what_the_strategy_takes(tmp_path, kind):
    answers.write(tmp_path, FLAG, answers.Answer(kind, 7500, 0.932, 3), 1767576000.0)
    raw = (tmp_path / (FLAG + ".json")).read_bytes()
    assert control.parse(raw, FLAG).problem == ""
    assert set(json.loads(raw.decode())) == {key for row in table("The owner's word") for key in ticked(row[0])}


def test_both_sides_know_an_order_id():
    for name in (FLAG, "20260105-510300-X-01", "2026-510300-B-01", FLAG + "1", FLAG + "\n", FLAG[:-2] + "00",
                 FLAG.replace("5", "٥")):  # fmt: skip
        known = ids.parse(name) is not None
        assert known == tray_orders.is_flag(name) == bool(receiver.ORDER_ID.fullmatch(name))
