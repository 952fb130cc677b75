"""Every function, global and attribute that scripts meet in the simulated QMT, with its arities and where the facts
name it. What is not here does not exist: a global raises NameError, an attribute of ContextInfo AttributeError (so that
hasattr works as in QMT), each with a line in the client's log.

The tests hold the simulation to this table in both directions.
"""

from typing import Dict, NamedTuple, Optional, Tuple, Type

from . import objects
from .client import CALLBACKS
from .trade_api import DROPPED

GLOBAL, CONTEXT, CALLBACK = "global", "ContextInfo", "callback"
ANY = ()  # any number of arguments


class Entry(NamedTuple):
    """A function (arities: numbers of positional arguments it takes), or with `arities` None a plain value."""

    where: str
    name: str
    arities: Optional[Tuple[int, ...]]
    section: str  # of qmt-facts
    gives: str


def _functions() -> Tuple[Entry, ...]:
    rows = (
        (GLOBAL, "passorder", (8, 9, 10, 11), "1.1", "None"),
        (GLOBAL, "algo_passorder", (8, 9, 10, 11, 12), "1.2", "None"),
        (GLOBAL, "cancel", (4,), "1.2", "bool"),
        (GLOBAL, "can_cancel_order", (3,), "1.2", "bool"),
        (GLOBAL, "cancel_task", (4,), "1.2", "bool"),
        (GLOBAL, "pause_task", (4,), "1.2", "bool"),
        (GLOBAL, "resume_task", (4,), "1.2", "bool"),
        (GLOBAL, "get_last_order_id", (3, 4), "1.2", "str, '-1' = none"),
        (GLOBAL, "get_value_by_order_id", (4,), "1.2", "order or deal object, None"),
        (GLOBAL, "get_history_trade_detail_data", (5,), "1.2", "list of order or deal objects"),
        (GLOBAL, "get_trade_detail_data", (3, 4), "1.3", "list of objects"),
        (GLOBAL, "timetag_to_datetime", (2,), "1.7", "str"),
        (GLOBAL, "schedule_run", (2, 3, 4, 5), "1.7", "int"),
        (GLOBAL, "cancel_schedule_run", (1,), "1.7", "bool"),
        (CONTEXT, "set_account", (1,), "1.6", "None"),
        (CONTEXT, "is_last_bar", (0,), "1.7", "bool"),
        (CONTEXT, "is_new_bar", (0,), "1.7", "bool"),
        (CONTEXT, "get_bar_timetag", (1,), "1.7", "int, ms"),
        (CONTEXT, "get_tick_timetag", (0,), "1.7", "int, ms"),
        (CONTEXT, "run_time", (3, 4), "1.7", "None"),
        (CONTEXT, "schedule_run", (2, 3, 4, 5), "1.7", "int"),
        (CONTEXT, "cancel_schedule_run", (1,), "1.7", "bool"),
        (CONTEXT, "get_trading_dates", (4, 5), "1.7", "list of 'YYYYMMDD'"),
        (CONTEXT, "get_open_date", (1,), "1.7", "int, 19910403"),
        (CONTEXT, "get_stock_name", (1,), "1.7", "str"),
        (CONTEXT, "get_instrument_detail", (1,), "1.7", "dict"),
        (CONTEXT, "get_divid_factors", (1,), "1.7", "{ms: [7 numbers]}"),
        (CONTEXT, "get_market_data", tuple(range(1, 9)), "1.8", "scalar, Series, DataFrame, Panel or dict"),
        (CONTEXT, "get_market_data_ex", tuple(range(10)), "1.8", "{code: DataFrame}"),
        (CONTEXT, "get_full_tick", (0, 1), "1.8", "{code: dict}"),
        (CONTEXT, "subscribe_quote", (1, 2, 3, 4, 5), "1.8", "int"),
        (CONTEXT, "subscribe_whole_quote", (1, 2), "1.8", "int"),
    )
    dropped = tuple((GLOBAL, name, ANY, "1.1", "None; no order leaves in live trading") for name in DROPPED)
    return tuple(Entry(*row) for row in rows + dropped)


def _values() -> Tuple[Entry, ...]:
    rows = (
        (GLOBAL, "account", "1.1", "str"),
        (GLOBAL, "accountType", "1.1", "str, STOCK"),
        (CONTEXT, "barpos", "1.7", "int, from 0"),
        (CONTEXT, "stockcode", "1.7", "str without suffix"),
        (CONTEXT, "market", "1.7", "str, SH or SZ"),
        (CONTEXT, "period", "1.7", "str"),
        (CONTEXT, "dividend_type", "1.7", "str"),
        (CONTEXT, "do_back_test", "1.7", "bool"),
        (CONTEXT, "capital", "1.7", "int"),
        (CONTEXT, "benchmark", "1.7", "str"),
        (CONTEXT, "time_tick_size", "1.7", "int"),
    )
    return tuple(Entry(where, name, None, section, gives) for where, name, section, gives in rows)


def _entry_points() -> Tuple[Entry, ...]:
    """Functions of the script that the client calls."""
    own = (("init", 1), ("after_init", 1), ("handlebar", 1), ("stop", 1))
    pushed = tuple((name, 3 if kind in ("orderError", "credit_account") else 2) for kind, name in CALLBACKS.items())
    return tuple(Entry(CALLBACK, name, (arity,), "1.6, 1.7", "") for name, arity in own + pushed)


TABLE = _functions() + _values() + _entry_points()

# The attributes of the objects in get_trade_detail_data and in callbacks (qmt-facts 1.5).
OBJECTS: Dict[str, Type[objects.QmtObject]] = {
    "account": objects.Account,
    "order": objects.Order,
    "deal": objects.Deal,
    "position": objects.Position,
    "task": objects.Task,
    "position_statistics": objects.Position,
}
TICK_KEYS = [
    "lastPrice",
    "open",
    "high",
    "low",
    "lastClose",
    "amount",
    "volume",
    "pvolume",
    "stockStatus",
    "openInt",
    "lastSettlementPrice",
    "askPrice",
    "bidPrice",
    "askVol",
    "bidVol",
]
DETAIL_KEYS = [
    "InstrumentName",
    "PreClose",
    "UpStopPrice",
    "DownStopPrice",
    "PriceTick",
    "OpenDate",
    "InstrumentStatus",
]
ERROR_KEYS = [
    "accountID",
    "currentTime",
    "formulaName",
    "modelPrice",
    "modelVolume",
    "opType",
    "orderCode",
    "orderType",
    "prType",
    "strategyName",
]


def attributes(kind: str) -> Tuple[str, ...]:
    """The names that an object of get_trade_detail_data(..., kind) has."""
    made = OBJECTS[kind]
    names = " ".join((made.doubles, made.ints, made.texts)).split()
    return tuple(names + (["m_dComssion"] if kind == "deal" else []))
