"""Every function, global and attribute of the table exists with its arities and shapes (qmt-facts 1.1 to 1.8)."""

import datetime

import pandas
import pytest

from rehearsal.qmt import api_table
from rehearsal.qmt.contextinfo import ContextInfo
from rehearsal.qmt.objects import QmtObject

FUNCTIONS = [entry for entry in api_table.TABLE if entry.arities is not None and entry.where != api_table.CALLBACK]
VALUES = [entry for entry in api_table.TABLE if entry.arities is None]
CALLED = [entry for entry in api_table.TABLE if entry.where == api_table.CALLBACK]
ORDER = (23, 1101, "2000567", "510300.SH", 5, 0, 100, "grid", 2, "my-id")

# For each function: arguments (the longest call), and what its answer must look like. C stands for ContextInfo.
EXAMPLES = {
    "passorder": (ORDER + ("C",), lambda found: found is None),
    "algo_passorder": (ORDER + ({"a": 1}, "C"), lambda found: found is None),
    "cancel": (("none", "2000567", "STOCK", "C"), lambda found: found is False),
    "can_cancel_order": (("none", "2000567", "STOCK"), lambda found: found is False),
    "cancel_task": (("9", "2000567", "STOCK", "C"), lambda found: found is False),
    "pause_task": (("9", "2000567", "STOCK", "C"), lambda found: found is False),
    "resume_task": (("9", "2000567", "STOCK", "C"), lambda found: found is False),
    "get_last_order_id": (("2000567", "STOCK", "order", "grid"), lambda found: found == "-1"),
    "get_value_by_order_id": (("9", "2000567", "STOCK", "order"), lambda found: found is None),
    "get_history_trade_detail_data": (
        ("2000567", "STOCK", "order", "20250101", "20260101"),
        lambda found: found == [],
    ),
    "get_trade_detail_data": (("2000567", "STOCK", "POSITION", ""), lambda found: len(found) == 2),
    "timetag_to_datetime": ((1767576600000, "%Y%m%d%H%M%S"), lambda found: found == "20260105093000"),
    "schedule_run": (
        ("f", "20300101000000", 0, datetime.timedelta(seconds=1), "name"),
        lambda found: isinstance(found, int),
    ),
    "cancel_schedule_run": (("no such",), lambda found: found is False),
    "set_account": (("2000567",), lambda found: found is None),
    "is_last_bar": ((), lambda found: found is True),
    "is_new_bar": ((), lambda found: isinstance(found, bool)),
    "get_bar_timetag": ((0,), lambda found: isinstance(found, int) and found > 1.7e12),
    "get_tick_timetag": ((), lambda found: isinstance(found, int) and found > 1.7e12),
    "run_time": (("f", "5nSecond", "2019-10-14 13:20:00", "SH"), lambda found: found is None),
    "get_trading_dates": (("510300.SH", "", "", 2, "1d"), lambda found: found == ["20260102", "20260105"]),
    "get_open_date": (("510300.SH",), lambda found: 20200101 < found < 20260101),
    "get_stock_name": (("510300.SH",), lambda found: found == "沪深300ETF"),
    "get_instrument_detail": (("510300.SH",), lambda found: set(api_table.DETAIL_KEYS) <= set(found)),
    "get_divid_factors": (("510300.SH",), lambda found: found == {}),
    "get_market_data": (
        (["close"], ["510300.SH"], "", "", True, "1d", "none", 3),
        lambda found: isinstance(found, (pandas.DataFrame, float)),
    ),
    "get_market_data_ex": (
        (["close"], ["510300.SH"], "1d", "", "", 3, "none", True, True),
        lambda found: all(isinstance(frame, pandas.DataFrame) for frame in found.values()),
    ),
    "get_full_tick": (
        (["510300.SH"],),
        lambda found: set(found["510300.SH"]) == set(api_table.TICK_KEYS + ["timetag"]),
    ),
    "subscribe_quote": (("510300.SH", "1m", "none", "", None), lambda found: found > 0),
    "subscribe_whole_quote": ((["510300.SH"], None), lambda found: found > 0),
}
EXAMPLES.update({name: (("510300.SH", 100, "C", "2000567"), lambda found: found is None) for name in api_table.DROPPED})

CALLING = """
def handlebar(C):
    if C.is_last_bar() and not seen:
        args = [C if arg == 'C' else arg for arg in ARGS]
        try:
            seen.append(%s(*args))
        except TypeError as error:
            seen.append(error)
def f(C):
    pass
"""


def answer(client, entry, args):
    """What the function gives to a script that calls it at a tick."""
    made = client(CALLING % (("C." if entry.where == api_table.CONTEXT else "") + entry.name))
    made.more_globals["ARGS"] = args
    made.started().ticks(1)
    assert not made.scripts[0].stopped, made.log()
    return made.seen[0]


def shortened(args, count):
    """The first arguments, ContextInfo kept at the end where the full call has it there."""
    return args[: count - 1] + args[-1:] if args and args[-1:] == ("C",) else args[:count]


@pytest.mark.parametrize("entry", FUNCTIONS, ids=lambda entry: entry.where + "." + entry.name)
def test_each_function_answers_in_its_shape(client, entry):
    args, right = EXAMPLES[entry.name]
    found = answer(client, entry, args)
    assert right(found), found


@pytest.mark.parametrize(
    "entry, count",
    [(entry, count) for entry in FUNCTIONS for count in entry.arities],
    ids=lambda value: getattr(value, "name", value),
)
def test_each_function_takes_each_of_its_arities(client, entry, count):
    assert not isinstance(answer(client, entry, shortened(EXAMPLES[entry.name][0], count)), TypeError)


@pytest.mark.parametrize("entry", [entry for entry in FUNCTIONS if entry.arities], ids=lambda entry: entry.name)
def test_no_function_takes_another_number_of_arguments(client, entry):
    args = EXAMPLES[entry.name][0]
    assert isinstance(answer(client, entry, args + ("one too many", "and another")), TypeError)
    if min(entry.arities) > 0:
        assert isinstance(answer(client, entry, args[: min(entry.arities) - 1]), TypeError)


@pytest.mark.parametrize("entry", VALUES, ids=lambda entry: entry.where + "." + entry.name)
def test_each_value_is_there(client, entry):
    expression = entry.name if entry.where == api_table.GLOBAL else "C." + entry.name
    made = client("def init(C):\n    seen.append(%s)\n" % expression).started()
    assert isinstance(made.seen[0], (str, int))


@pytest.mark.parametrize("entry", CALLED, ids=lambda entry: entry.name)
def test_each_entry_point_of_a_script_is_called_with_its_arguments(client, entry):
    parameters = ", ".join("abc"[: entry.arities[0]])
    text = "def %s(%s):\n    seen.append((%s,))\n" % (entry.name, parameters, parameters)
    made = client(("def init(a):\n    a.set_account(account)\n" if entry.name != "init" else "") + text)
    made.started().ticks(1)
    kinds = {name: kind for kind, name in api_table.CALLBACKS.items()}
    if entry.name in kinds:
        made.push(kinds[entry.name], *["x"] * (entry.arities[0] - 1))
    made.stop()
    assert isinstance(made.seen[0][0], ContextInfo)
    assert len(made.seen[0]) == entry.arities[0]


def test_the_table_names_all_that_is_injected_and_nothing_else(client):
    made = client("").started()
    globals_ = set(made.trade_api.injected(made.scripts[0]))
    assert globals_ == {entry.name for entry in api_table.TABLE if entry.where == api_table.GLOBAL}


def test_the_table_names_all_that_contextinfo_has_and_nothing_else(client):
    made = client("").started()
    context = made.scripts[0].context
    found = {name for name in dir(context) if not name.startswith("_")}
    assert found == {entry.name for entry in api_table.TABLE if entry.where == api_table.CONTEXT}


TRADING = """
sent = [0]
def init(C):
    C.set_account(account)
def handlebar(C):
    if not sent[0] and C.is_last_bar():
        sent[0] = 1
        algo_passorder(23, 1101, account, '510300.SH', 3, 0, 1000, 'grid', 1, 'my-id', {}, C)
    for kind in ('account', 'order', 'deal', 'position', 'task', 'position_statistics'):
        rows = get_trade_detail_data(account, 'STOCK', kind)
        if rows:
            seen.append((kind, rows[-1]))
"""


@pytest.fixture
def objects(client):
    made = client(TRADING).started().ticks(10)
    return dict(made.seen)


@pytest.mark.parametrize("kind", sorted(api_table.OBJECTS))
def test_each_object_has_exactly_its_attributes(objects, kind):
    assert isinstance(objects[kind], QmtObject)
    assert set(vars(objects[kind])) == set(api_table.attributes(kind))


def test_a_refused_price_gives_the_order_error_arguments_of_the_dump(client):
    text = """
    def init(C):
        C.set_account(account)
    def handlebar(C):
        passorder(23, 1101, account, '159915.SZ', 11, 0.0, 100, 'grid', 1, 'my-id', C)
    def orderError_callback(C, args, words):
        seen.append((args, words))
    """
    args, words = client(text).started().ticks(1).seen[0]
    assert set(args) == set(api_table.ERROR_KEYS)
    assert (args["orderCode"], args["strategyName"], args["modelVolume"]) == ("SZ159915", "grid_&&&_my-id", 100.0)
    assert words == "[函数交易]　函数: passorder,　证券 [SZ159915] 指定价 无效, 无法下单!"


@pytest.mark.parametrize("where", ["at the top", "in a function"])
def test_any_other_name_is_a_name_error_with_a_log_line(client, where):
    text = "download_history_data('x')\n" if where == "at the top" else "def init(C):\n    download_history_data('x')\n"
    made = client(text).started()
    assert "NameError: name 'download_history_data' is not defined" in made.log()
    assert "没有 download_history_data 这个名字" in made.client_log()


def test_any_other_attribute_of_contextinfo_is_missing_with_a_log_line(client):
    made = client("def init(C):\n    seen.append(hasattr(C, 'mine'))\n    C.get_everything()\n").started()
    assert made.seen == [False]
    assert "AttributeError: 'ContextInfo' object has no attribute 'get_everything'" in made.log()
    assert "ContextInfo 没有 get_everything" in made.client_log()
