"""The counter's book as the objects that scripts get (qmt-facts 1.5)."""

from typing import Any, Callable, List

from rehearsal.market import Market, Tick

from . import times
from .behaviours import Behaviours
from .book import CANCELLED, PARTLY_CANCELLED, BookedDeal, BookedOrder, BookedTask
from .exchange import Request
from .holdings import Holdings
from .objects import Account, Deal, Order, Position, Task

_EXCHANGES = {"SH": "上交所", "SZ": "深交所", "BJ": "北交所"}
_REF = 8875341038780000000
_TASK_WORDS = {2: "任务执行中", 5: "任务暂停", 6: "任务撤销", 7: "任务完成"}


class Statement:
    """Makes the objects for one run of a client. `client`: the number of that run."""

    def __init__(self, account: str, market: Market, behaviours: Behaviours, client: int) -> None:
        self._account = account
        self._market = market
        self._behaviours = behaviours
        self._client = client

    def knows(self, request: Request) -> bool:
        """Whether this client still has remark and strategyName of that order (qmt-facts 1.1, point 25)."""
        return request.client == self._client or (request.client > 0 and not self._behaviours.remarks_lost)

    def positions(self, holdings: Holdings, day: str, quote: Callable[[str], Tick]) -> List[Any]:
        return [self._position(holdings, code, day, quote(code)) for code in sorted(holdings.shares)]

    def account(self, holdings: Holdings, day: str, quote: Callable[[str], Tick]) -> Account:
        value = profit = 0.0
        for code, held in holdings.shares.items():
            worth = held.volume * _last(quote(code))
            value += worth
            profit += worth - held.cost
        value = round(value, 2)
        return Account(
            sentinels=self._behaviours.sentinels,
            m_dBalance=round(holdings.cash + value, 2),
            m_dAvailable=round(holdings.available, 2),
            m_dInstrumentValue=value,
            m_dStockValue=value,
            m_dFundValue=0.0,
            m_dPositionProfit=round(profit, 2),
            m_dCommission=round(holdings.commission, 4),
            m_dFrozenCash=round(holdings.frozen_cash, 4),
            m_dFetchBalance=round(holdings.available, 2),
            m_dPreBalance=round(holdings.pre_balance, 2),
            m_nBrokerType=2,
            m_nDirection=48,
            m_strAccountID=self._account,
            m_strAccountKey="2____11194____114911____49____%s____" % self._account,
            m_strStatus="准备登录",  # so it stands in a working account's dump
            m_strTradingDate=day,
            m_strMoneyType="人民币",
        )

    def _position(self, holdings: Holdings, code: str, day: str, tick: Tick) -> Position:
        held = holdings.shares[code]
        last = _last(tick)
        value = round(held.volume * last, 2)
        profit = round(value - held.cost, 2)
        return Position(
            sentinels=self._behaviours.sentinels,
            m_strInstrumentID=code[:6],
            m_strExchangeID=code[7:],
            m_strInstrumentName=self._market.name(code),
            m_nVolume=held.volume,
            m_nCanUseVolume=holdings.sellable(code, self._behaviours.settle_next_day),
            m_nYesterdayVolume=max(0, held.volume - held.today),
            m_nOnRoadVolume=min(held.today, held.volume),
            m_nFrozenVolume=held.frozen,
            m_dOpenPrice=round(held.cost / held.volume, 4) if held.volume else 0.0,
            m_dAvgOpenPrice=round(held.bought_cost / held.bought_volume, 4) if held.bought_volume else 0.0,
            m_dOpenCost=round(held.bought_cost, 2),
            m_dPositionCost=round(held.cost, 2),
            m_dLastPrice=last,
            m_dSettlementPrice=last,
            m_dMarketValue=value,
            m_dInstrumentValue=value,
            m_dFloatProfit=round(held.volume * (last - tick.last_close), 2),
            m_dPositionProfit=profit,
            m_dProfitRate=round(profit / held.cost, 4) if held.cost > 0 else 0.0,
            m_strTradingDay=day,
            m_bIsToday=True,
            m_nDirection=48,
        )

    def order(self, booked: BookedOrder) -> Order:
        request = booked.request
        frozen = round(booked.rest * request.price, 4) if request.buy and booked.alive and booked.sysid else 0.0
        knows = self.knows(request)
        return Order(
            sentinels=self._behaviours.sentinels,
            m_strAccountID=self._account,
            m_strInstrumentID=request.code[:6],
            m_strExchangeID=request.code[7:],
            m_strExchangeName=_EXCHANGES.get(request.code[7:], ""),
            m_strInstrumentName=self._market.name(request.code),
            m_strOrderSysID=booked.sysid,
            m_strOrderRef=str(_REF + booked.ref),
            m_nRef=booked.ref,
            m_nOrderStatus=booked.status,
            m_nOrderSubmitStatus=booked.submit_status,
            m_nOpType=23 if request.buy else 24,
            m_nOffsetFlag=48 if request.buy else 49,
            m_nDirection=48,  # always, for stocks
            m_nHedgeFlag=49,
            m_nOrderPriceType=50 if request.kind in ("limit", "refused") else 49,
            m_eEntrustType=48 if request.buy else 49,
            m_dLimitPrice=request.price,
            m_nVolumeTotalOriginal=request.shares,
            m_nVolumeTraded=booked.traded,
            m_nVolumeTotal=booked.rest,
            m_dTradedPrice=round(booked.amount / booked.traded, 4) if booked.traded else 0.0,
            m_dTradeAmount=round(booked.amount, 4),
            m_dCancelAmount=float(booked.rest) if booked.status in (PARTLY_CANCELLED, CANCELLED) else 0.0,
            m_dFrozenMargin=frozen,
            m_dFrozenCommission=round(frozen * 0.0002, 4),
            m_strInsertDate=times.day(booked.at),
            m_strInsertTime=times.second(booked.at),
            m_strOptName="限价买入" if request.buy else "限价卖出",
            m_strRemark=request.remark if knows else "",
            m_strSource=request.source if knows else "",
            m_strOrderStrategyType="函数下单" if knows and request.source else "手动下单",
            m_strXTTrade="本终端" if knows else "",
            m_strCancelInfo=booked.reason,
            m_nStrategyID=0,
        )

    def deal(self, booked: BookedDeal) -> Deal:
        request = booked.request
        knows = self.knows(request)
        return Deal(
            booked.fee,
            self._behaviours.commission_name,
            sentinels=self._behaviours.sentinels,
            m_strTradeID=booked.trade_id,
            m_strOrderSysID=booked.sysid,
            m_strOrderRef=str(_REF + booked.ref),
            m_nRef=booked.ref,
            m_strInstrumentID=request.code[:6],
            m_strExchangeID=request.code[7:],
            m_strInstrumentName=self._market.name(request.code),
            m_dPrice=booked.price,
            m_nVolume=booked.shares,
            m_dTradeAmount=round(booked.shares * booked.price, 4),
            m_strTradeDate=times.day(booked.at),
            m_strTradeTime=times.second(booked.at),
            m_nOffsetFlag=48 if request.buy else 49,
            m_nDirection=48,
            m_nRealOffsetFlag=-1,
            m_nOrderPriceType=50,
            m_strOptName="限价买入" if request.buy else "限价卖出",
            m_strRemark=request.remark if knows else "",
            m_strSource=request.source if knows else "",
            m_strXTTrade="本终端" if knows else "",
        )

    def task(self, booked: BookedTask) -> Task:
        request = booked.request
        return Task(
            sentinels=self._behaviours.sentinels,
            m_nTaskId=str(booked.number),
            m_eStatus=booked.status,
            m_strMsg=_TASK_WORDS.get(booked.status, ""),
            m_stockCode=request.code,
            m_nNum=request.shares,
            m_nBusinessNum=request.shares if booked.status == 7 else 0,
            m_dFixPrice=request.price,
            m_strRemark=request.remark if self.knows(request) else "",
            m_startTime=int(booked.at),
            m_endTime=int(booked.at),
        )


def _last(tick: Tick) -> float:
    return tick.last or tick.last_close
