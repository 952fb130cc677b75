"""passorder's arguments as an order for the counter, or the words with which QMT refuses them (qmt-facts 1.1).

The functions here are pure: the tick, the limits and the account's state come in.
"""

import re
from typing import Any, Dict, NamedTuple, Tuple, Union

from rehearsal.market import Tick

from .exchange import LOT, Request

BUY, SELL = 23, 24
SIDES = {23: True, 24: False, 33: True, 34: False}  # 33, 34: credit accounts
BY_SHARES, BY_AMOUNT, BY_ASSETS, BY_AVAILABLE = 1101, 1102, 1113, 1123
CODE = re.compile(r"^\d{6}\.(SH|SZ|BJ)$")
LIMIT, STOP_PRICE, OWN_BEST, OTHER_BEST, AFTER_HOURS = 11, 12, 13, 14, 49
# Market orders: exchanges, what becomes of the rest, from which level of the book (-1: own best price).
MARKET_TYPES: Dict[int, Tuple[Tuple[str, ...], str, int]] = {
    42: (("SH", "BJ"), "rest-cancelled", 4),
    43: (("SH", "BJ"), "limit", 4),
    44: (("SH", "SZ", "BJ"), "limit", 0),
    45: (("SH", "SZ", "BJ"), "limit", -1),
    46: (("SZ",), "rest-cancelled", 4),
    47: (("SZ",), "rest-cancelled", 4),
    48: (("SZ",), "all-or-none", 4),
}


class Call(NamedTuple):
    """One passorder call, its arguments named."""

    op_type: int
    order_type: int
    account: str
    code: str
    price_type: int
    price: float
    volume: float
    strategy: str
    quick_trade: int
    remark: str


class State(NamedTuple):
    """What QMT looks at to make an order of a call."""

    tick: Tick
    limits: Tuple[float, float]  # (跌停价, 涨停价)
    assets: float  # yuan
    available: float  # yuan
    sellable: int  # shares of this code
    floor_to_lots: bool = True


class Refusal(NamedTuple):
    """QMT's own words; no order is made. `dialog_only`: not even a callback comes."""

    words: str
    dialog_only: bool


def read(args: Tuple[Any, ...]) -> Call:
    """The positional arguments of passorder, ContextInfo last: 8, 9 (with quickTrade, or strategyName where it is a
    text), 10 or 11 of them. TypeError for another number or a value of a wrong type, as from the C++ signature."""
    if len(args) not in (8, 9, 10, 11):
        raise TypeError("passorder: Python argument types did not match C++ signature (%d arguments)" % len(args))
    strategy, quick_trade, remark = "", 0, ""
    if len(args) == 9 and isinstance(args[7], str):
        strategy = args[7]
    elif len(args) == 9:
        quick_trade = args[7]
    elif len(args) >= 10:
        strategy, quick_trade = args[7], args[8]
        remark = args[9] if len(args) == 11 else ""
    try:
        return Call(
            int(args[0]),
            int(args[1]),
            str(args[2]),
            str(args[3]),
            int(args[4]),
            float(args[5]),
            float(args[6]),
            str(strategy),
            int(quick_trade),
            str(remark),
        )
    except ValueError as error:
        raise TypeError("passorder: Python argument types did not match C++ signature (%s)" % error) from None


def price_of(call: Call, state: State) -> float:
    """The price in yuan that prType stands for; 0.0 where there is none. For 12 I take the limit of the day."""
    kind, tick, buy = call.price_type, state.tick, SIDES.get(call.op_type, True)
    if kind in (LIMIT, AFTER_HOURS):
        return call.price
    if kind == 5:
        return tick.last
    if 0 <= kind <= 4:
        return tick.ask[4 - kind]
    if 6 <= kind <= 10:
        return tick.bid[kind - 6]
    if kind == STOP_PRICE:
        return state.limits[1] if buy else state.limits[0]
    if kind in (OWN_BEST, OTHER_BEST):
        return tick.bid[0] if (kind == OWN_BEST) == buy else tick.ask[0]
    if kind in MARKET_TYPES:
        return _market_price(call, state, buy)
    return 0.0


def _market_price(call: Call, state: State, buy: bool) -> float:
    level = MARKET_TYPES[call.price_type][2]
    if level < 0:
        return state.tick.bid[0] if buy else state.tick.ask[0]
    side = [price for price in (state.tick.ask if buy else state.tick.bid)[: level + 1] if price > 0]
    if not side:
        return 0.0
    worst = side[-1]
    if call.price > 0:  # the protection limit
        worst = min(worst, call.price) if buy else max(worst, call.price)
    return worst


def error_args(call: Call) -> Dict[str, Any]:
    """orderError_callback's orderArgs, as dumped: the code with its market first, strategy and remark in one."""
    return {
        "accountID": call.account,
        "currentTime": 0,
        "formulaName": "",
        "modelPrice": call.price,
        "modelVolume": call.volume,
        "opType": call.op_type,
        "orderCode": call.code[7:] + call.code[:6],
        "orderType": call.order_type,
        "prType": call.price_type,
        "strategyName": "%s_&&&_%s" % (call.strategy, call.remark),
    }


def to_request(call: Call, state: State, source: str, client: int = 0) -> Union[Request, Refusal]:
    """What is sent to the counter now."""
    if call.op_type not in SIDES or call.order_type not in (BY_SHARES, BY_AMOUNT, BY_ASSETS, BY_AVAILABLE):
        return _dialog("opType %d orderType %d 不支持，无法下单!" % (call.op_type, call.order_type))
    if call.price_type in MARKET_TYPES and call.code[7:] not in MARKET_TYPES[call.price_type][0]:
        return _dialog("prType %d 不适用于 %s，无法下单!" % (call.price_type, call.code))
    if call.price_type == AFTER_HOURS:
        return _dialog("盘后定价不适用于 %s，无法下单!" % call.code)
    price = price_of(call, state)
    if price <= 0:
        name = {LIMIT: "指定价", OTHER_BEST: "对手价", OWN_BEST: "挂单价"}.get(call.price_type, "报价")
        return Refusal(
            "[函数交易]　函数: passorder,　证券 [%s%s] %s 无效, 无法下单!" % (call.code[7:], call.code[:6], name), False
        )
    shares = _shares(call, state, price)
    if shares <= 0:
        return _dialog("下单数量/金额/比例为0")
    rest = MARKET_TYPES[call.price_type][1] if call.price_type in MARKET_TYPES else "limit"
    return Request(call.code, SIDES[call.op_type], shares, price, call.remark, source, call.strategy, client, rest)


def _shares(call: Call, state: State, price: float) -> int:
    """Shares of an order. Amounts are turned into shares at the order's own price: which one QMT takes is undocumented.
    1123 on a sale is a share of what can be sold (my inference; the manual speaks of money only)."""
    if call.order_type == BY_SHARES:
        return int(call.volume)
    if call.order_type == BY_AVAILABLE and not SIDES[call.op_type]:
        wanted = state.sellable * call.volume
    else:
        base = {BY_AMOUNT: 1.0, BY_ASSETS: state.assets, BY_AVAILABLE: state.available}[call.order_type]
        wanted = base * call.volume / price
    lot = LOT if state.floor_to_lots else 1
    return int(wanted + 1e-6) // lot * lot


def _dialog(words: str) -> Refusal:
    return Refusal("[函数交易]　函数: passorder,　" + words, True)
