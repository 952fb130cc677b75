"""QMT's objects as rows with the Chinese keys of docs/protocol.md, ready for strict JSON.

QMT fills what it does not know with 1.7976931348623157e308 (double) or 2147483647 (int); both become None, as do NaN
and infinity. Attributes are read one by one, since any may be missing or raise (m_xtTag does on orders and deals, and
is never read). Sources: the object dumps in qmt-facts 1.5 and the status table in 1.4.
"""

import math
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

Row = Dict[str, Any]

MAX_ROWS = 200  # per table in one heartbeat: ~60 KiB each, far below the wire's 1 MiB, and a few ms to make
_MAX_TEXT = 300  # characters; counters' reject texts run to about 200
_NO_INT = 2147483647
_NO_DOUBLE = 1e300

_STATUS = {
    48: "未报",
    49: "待报",
    50: "已报",
    51: "已报待撤",
    52: "部成待撤",
    53: "部撤",
    54: "已撤",
    55: "部成",
    56: "已成",
    57: "废单",
    86: "已确认",
    255: "未知",
}
FINAL = (53, 54, 56, 57)


def _read(obj: object, names: Tuple[str, ...]) -> object:
    for name in names:
        try:
            value = getattr(obj, name)
        except Exception:  # an attribute of a C++ object may raise anything; the row goes on without it
            continue
        if value is not None:
            return value
    return None


def text(value: Any) -> Optional[str]:
    """A non-empty str of at most 300 characters, or None."""
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode("gbk", "replace")
    cleaned = str(value).strip(" \0\t\r\n\u3000")[:_MAX_TEXT]  # some texts come out of C arrays
    return cleaned or None


def contract(value: Optional[str]) -> str:
    """A contract number, '' while there is none: a counter may show a placeholder before it has numbered an order."""
    return "" if value in (None, "0", "-1", "None") else str(value)


def number(value: Any) -> Optional[float]:
    """A finite float (6 decimals), or None for QMT's 'no value', NaN, infinity and what is no number."""
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(result) or abs(result) >= _NO_DOUBLE:
        return None
    return round(result, 6)


def whole(value: Any) -> Optional[int]:
    """An int, or None for QMT's 'no value' and what is no number."""
    result = number(value)
    if result is None or int(result) == _NO_INT:
        return None
    return int(result)


def side(value: Any) -> Optional[str]:
    """买 or 卖 from m_nOffsetFlag (48/49); m_nDirection is always 48 for stocks and says nothing."""
    return {48: "买", 49: "卖"}.get(whole(value))  # type: ignore[arg-type]


def status(value: Any) -> Optional[str]:
    code = whole(value)
    return None if code is None else _STATUS.get(code, "未知(%d)" % code)


def last_four(value: Any) -> Optional[str]:
    """The last four characters of an account number: the whole one never leaves QMT."""
    whole_text = text(value)
    return None if whole_text is None else whole_text[-4:]


_Column = Tuple[str, Callable[[Any], Any], Tuple[str, ...]]

_ACCOUNT: Tuple[_Column, ...] = (
    ("账号", last_four, ("m_strAccountID",)),
    ("总资产", number, ("m_dBalance",)),
    ("可用金额", number, ("m_dAvailable",)),
    ("总市值", number, ("m_dInstrumentValue",)),
    ("总盈亏", number, ("m_dPositionProfit",)),
)
_POSITION: Tuple[_Column, ...] = (
    ("代码", text, ("m_strInstrumentID",)),
    ("名称", text, ("m_strInstrumentName",)),
    ("市场", text, ("m_strExchangeID",)),
    ("日期", text, ("m_strTradingDay",)),
    ("股数", whole, ("m_nVolume",)),
    ("可用股数", whole, ("m_nCanUseVolume",)),
    ("持仓成本", number, ("m_dPositionCost",)),
    ("成本价", number, ("m_dOpenPrice",)),
    ("最新价", number, ("m_dLastPrice",)),
    ("盈亏", number, ("m_dPositionProfit",)),
    ("市值", number, ("m_dMarketValue", "m_dInstrumentValue")),
    ("盈亏比例", number, ("m_dProfitRate",)),
)
_HOLDING = tuple(column for column in _POSITION if column[0] in ("代码", "日期", "股数", "可用股数"))
_ORDER: Tuple[_Column, ...] = (
    ("代码", text, ("m_strInstrumentID",)),
    ("名称", text, ("m_strInstrumentName",)),
    ("投资备注", text, ("m_strRemark",)),
    ("合同编号", text, ("m_strOrderSysID",)),
    ("买卖", side, ("m_nOffsetFlag",)),
    ("委托价", number, ("m_dLimitPrice",)),
    ("委托量", whole, ("m_nVolumeTotalOriginal",)),
    ("成交量", whole, ("m_nVolumeTraded",)),
    ("成交均价", number, ("m_dTradedPrice",)),
    ("状态", status, ("m_nOrderStatus",)),
    ("状态码", whole, ("m_nOrderStatus",)),
    ("时间", text, ("m_strInsertTime",)),
    ("日期", text, ("m_strInsertDate",)),
    ("原因", text, ("m_strCancelInfo",)),
)
_DEAL: Tuple[_Column, ...] = (
    ("代码", text, ("m_strInstrumentID",)),
    ("名称", text, ("m_strInstrumentName",)),
    ("投资备注", text, ("m_strRemark",)),
    ("合同编号", text, ("m_strOrderSysID",)),
    ("订单编号", text, ("m_strTradeID",)),
    ("合约编号", text, ("m_strCompactNo",)),
    ("成交均价", number, ("m_dPrice",)),
    ("成交量", whole, ("m_nVolume",)),
    ("成交额", number, ("m_dTradeAmount",)),
    ("买卖", side, ("m_nOffsetFlag",)),
    ("时间", text, ("m_strTradeTime",)),
    ("日期", text, ("m_strTradeDate",)),
    # The vendor's tables say m_dCommission, older ones m_dComission, real objects have m_dComssion (qmt-facts 1.5).
    ("手续费", number, ("m_dComssion", "m_dCommission", "m_dComission")),
)


def _row(obj: object, columns: Tuple[_Column, ...]) -> Row:
    row = {}
    for key, convert, names in columns:
        try:
            row[key] = convert(_read(obj, names))
        except Exception:  # a value whose str() or float() raises: one empty field, not a lost heartbeat
            row[key] = None
    return row


def account(obj: object) -> Row:
    return _row(obj, _ACCOUNT)


def position(obj: object) -> Row:
    return _row(obj, _POSITION)


def holding(obj: object) -> Row:
    """Of a position 代码, 日期, 股数 and 可用股数 alone: what every look at the account asks for."""
    return _row(obj, _HOLDING)


def order(obj: object) -> Row:
    return _row(obj, _ORDER)


def deal(obj: object) -> Row:
    return _row(obj, _DEAL)


class Finished:
    """Rows that can no longer change, kept so that a day of many orders does not make every heartbeat dearer.

    A deal never changes; an order does not once its status is final and its number is known.
    """

    def __init__(self) -> None:
        self._rows: Dict[Tuple[Any, ...], Row] = {}

    def forget(self) -> None:
        """A new day has begun."""
        self._rows.clear()

    def deal(self, obj: Any) -> Row:
        try:
            # The two exchanges number for themselves: a number alone names no deal and no order.
            key = ("deal", obj.m_strInstrumentID, obj.m_strTradeDate, obj.m_strTradeID, obj.m_strOrderSysID)
        except Exception:  # an attribute of a C++ object may raise anything
            return deal(obj)
        return self._row(key, obj, deal)

    def order(self, obj: Any) -> Row:
        try:
            number = (obj.m_strInstrumentID, obj.m_strInsertDate, obj.m_strOrderSysID)
            # The volume may come later than the status.
            status = obj.m_nOrderStatus
            key = ("order",) + number + (0 if status == 56 else obj.m_nVolumeTraded, status)
        except Exception:  # as above
            return order(obj)
        return self._row(key, obj, order) if key[-1] in FINAL else order(obj)

    def _row(self, key: Tuple[Any, ...], obj: object, convert: Callable[[object], Row]) -> Row:
        for part in key:
            if part == "" or not isinstance(part, (str, int)):
                return convert(obj)
        if key not in self._rows:
            self._rows[key] = convert(obj)
        return self._rows[key]


def deal_key(row: Row) -> Tuple[Optional[str], Optional[str], Optional[str]]:
    """What makes a deal one deal: QMT replays them after a reconnect (qmt-facts 1.6)."""
    return (row["日期"], row["订单编号"], row["合同编号"])


def newest(rows: Iterable[Row], limit: int = MAX_ROWS) -> Tuple[List[Row], int]:
    """The newest `limit` rows by 日期 and 时间, oldest first, and how many were left out."""
    ordered = sorted(rows, key=lambda row: (row["日期"] or "", row["时间"] or ""))
    left_out = max(0, len(ordered) - limit)
    return ordered[left_out:], left_out
