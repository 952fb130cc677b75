"""passorder's arguments as an order for the counter, or the words with which QMT refuses them (qmt-facts 1.1).

The functions here are pure: the tick and the account's state come in.
"""

from typing import Any, Dict, NamedTuple, Tuple, Union

from rehearsal.market import Tick

from .broker import Request

BUY, SELL = 23, 24
BY_SHARES, BY_AMOUNT = 1101, 1102


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


class Refusal(NamedTuple):
    """QMT's own words; no order is made. `dialog_only`: not even a callback comes."""

    words: str
    dialog_only: bool


def read(args: Tuple[Any, ...]) -> Call:
    """The positional arguments of passorder, ContextInfo last: 8, 9 (with quickTrade), 10 or 11 of them."""
    if len(args) not in (8, 9, 10, 11):
        raise TypeError("passorder: Python argument types did not match C++ signature (%d arguments)" % len(args))
    strategy, quick_trade, remark = "", 0, ""
    if len(args) == 9:
        quick_trade = args[7]
    elif len(args) >= 10:
        strategy, quick_trade = args[7], args[8]
        remark = args[9] if len(args) == 11 else ""
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


def price_of(call: Call, tick: Tick) -> float:
    """The price in yuan that prType stands for; 0.0 where there is none."""
    if call.price_type == 11:
        return call.price
    if call.price_type == 5:
        return tick.last
    if 0 <= call.price_type <= 4:
        return tick.ask[4 - call.price_type]
    if 6 <= call.price_type <= 10:
        return tick.bid[call.price_type - 6]
    if call.price_type in (13, 14):
        own_side = call.price_type == 13
        return tick.bid[0] if own_side == (call.op_type == BUY) else tick.ask[0]
    return 0.0


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


def to_request(call: Call, tick: Tick, source: str) -> Union[Request, Refusal]:
    """What is sent to the counter at this tick."""
    price = price_of(call, tick)
    if price <= 0:
        kind = "指定价" if call.price_type == 11 else "对手价" if call.price_type == 14 else "报价"
        return Refusal(
            "[函数交易]　函数: passorder,　证券 [%s%s] %s 无效, 无法下单!" % (call.code[7:], call.code[:6], kind), False
        )
    if call.op_type not in (BUY, SELL) or call.order_type not in (BY_SHARES, BY_AMOUNT):
        return Refusal("[函数交易]　模拟的 QMT 没有 opType %d orderType %d" % (call.op_type, call.order_type), True)
    shares = int(call.volume)
    if call.order_type == BY_AMOUNT:
        shares = int(call.volume / price + 1e-9) // 100 * 100
    if shares <= 0:
        return Refusal("[函数交易]　下单数量/金额/比例为0", True)
    return Request(call.code, call.op_type == BUY, shares, price, call.remark, source, call.strategy)
