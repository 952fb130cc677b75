"""One look at the account: ACCOUNT, ORDER, DEAL and POSITION as plain values.

get_trade_detail_data reads the client's cache, which may be seconds old, and gives [] while not logged in (qmt-facts
1.3): a look counts as good only when ACCOUNT is not empty.
"""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from . import rows


class OrderRow(NamedTuple):
    """One of today's orders, whoever placed it."""

    code: str  # six digits
    remark: str
    sysid: str
    buy: Optional[bool]
    price: float  # yuan, 0.0 = not known
    volume: int
    traded: int
    average: float
    status: Optional[int]
    day: str  # '' = not known
    reason: str
    sure: bool = True  # the row says how much was traded


class Holding(NamedTuple):
    volume: int
    sellable: int


class Look(NamedTuple):
    good: bool
    trading_date: str = ""
    available: Optional[float] = None
    total: Optional[float] = None
    market_value: Optional[float] = None
    profit: Optional[float] = None
    orders: List[OrderRow] = []
    deals: List[rows.Row] = []
    holdings: Dict[str, Holding] = {}
    position_day: str = ""  # the newest trading day that POSITION's rows carry; '' = they do not say

    def holding(self, code: str) -> Holding:
        return self.holdings.get(code[:6], Holding(0, 0))


NOTHING = Look(False)


class Reader:
    """Reads looks through `api`, the script's globals."""

    def __init__(self, api: Mapping[str, Any], account: str, account_type: str) -> None:
        self._api = api
        self._account = account
        self._type = account_type
        self._finished = rows.Finished()

    def forget(self) -> None:
        """A new day has begun."""
        self._finished.forget()

    def read(self) -> Look:
        """All four tables. Raises whatever QMT's function raises."""
        accounts = self._table("ACCOUNT")
        if not accounts:
            return NOTHING
        account = rows.account(accounts[0])
        if not account["总资产"]:  # the trade link is lost, or nothing has been loaded yet (qmt-facts 2)
            return NOTHING
        positions = [rows.holding(obj) for obj in self._table("POSITION")]
        return Look(
            good=True,
            trading_date=rows.text(getattr(accounts[0], "m_strTradingDate", None)) or "",
            available=account["可用金额"],
            total=account["总资产"],
            market_value=account["总市值"],
            profit=account["总盈亏"],
            orders=[order_row(self._finished.order(obj)) for obj in self._table("ORDER")],
            deals=[self._finished.deal(obj) for obj in self._table("DEAL")],
            holdings=_holdings(positions),
            position_day=max([row["日期"] or "" for row in positions], default=""),
        )

    def _table(self, name: str) -> List[Any]:
        return list(self._api["get_trade_detail_data"](self._account, self._type, name) or [])


def order_row(row: rows.Row) -> OrderRow:
    """rows.order()'s row."""
    side = row["买卖"]
    return OrderRow(
        code=(row["代码"] or "")[:6],
        remark=row["投资备注"] or "",
        sysid=rows.contract(row["合同编号"]),
        buy=None if side is None else side == "买",
        price=row["委托价"] or 0.0,
        volume=row["委托量"] or 0,
        traded=row["成交量"] or 0,
        average=row["成交均价"] or 0.0,
        status=row["状态码"],
        day=row["日期"] or "",
        reason=row["原因"] or "",
        sure=row["成交量"] is not None,
    )


def _holdings(positions: List[rows.Row]) -> Dict[str, Holding]:
    found: Dict[str, Holding] = {}
    for row in positions:
        code = (row["代码"] or "")[:6]
        before = found.get(code, Holding(0, 0))
        found[code] = Holding(before.volume + (row["股数"] or 0), before.sellable + (row["可用股数"] or 0))
    return found
