"""The broker's book as the objects that scripts get (qmt-facts 1.5)."""

from typing import TYPE_CHECKING, Any, Dict, List

from . import times
from .objects import Account, Deal, Order, Position

if TYPE_CHECKING:
    from .broker import BookedDeal, BookedOrder, Broker

_EXCHANGES = {"SH": "上交所", "SZ": "深交所", "BJ": "北交所"}


def view(broker: "Broker", now: float, number: int) -> Dict[str, List[Any]]:
    """The four tables as they stand now, with prices of tick `number`."""
    positions = [position(broker, code, now, number) for code in sorted(broker.holdings.shares)]
    return {
        "account": [account(broker, positions, now)],
        "position": positions,
        "order": [order(broker, booked) for booked in broker.orders],
        "deal": [deal(broker, booked) for booked in broker.deals],
    }


def account(broker: "Broker", positions: List[Position], now: float) -> Account:
    holdings = broker.holdings
    value = round(sum(p.m_dMarketValue for p in positions), 2)
    return Account(
        sentinels=broker.behaviours.sentinels,
        m_dBalance=round(holdings.cash + value, 2),
        m_dAvailable=round(holdings.available, 2),
        m_dInstrumentValue=value,
        m_dStockValue=value,
        m_dFundValue=0.0,
        m_dPositionProfit=round(sum(p.m_dPositionProfit for p in positions), 2),
        m_dCommission=round(holdings.commission, 4),
        m_dFrozenCash=round(holdings.frozen_cash, 4),
        m_dFetchBalance=round(holdings.available, 2),
        m_nBrokerType=2,
        m_nDirection=48,
        m_strAccountID=broker.account,
        m_strAccountKey="2____11194____114911____49____%s____" % broker.account,
        m_strStatus="准备登录",  # so it stands in a working account's dump
        m_strTradingDate=times.day(now),
        m_strMoneyType="人民币",
    )


def position(broker: "Broker", code: str, now: float, number: int) -> Position:
    held = broker.holdings.shares[code]
    tick = broker.market.tick(code, number)
    value = round(held.volume * tick.last, 2)
    profit = round(value - held.cost, 2)
    return Position(
        sentinels=broker.behaviours.sentinels,
        m_strInstrumentID=code[:6],
        m_strExchangeID=code[7:],
        m_strInstrumentName=broker.market.name(code),
        m_nVolume=held.volume,
        m_nCanUseVolume=broker.holdings.sellable(code),
        m_nYesterdayVolume=max(0, held.volume - held.today),
        m_nOnRoadVolume=min(held.today, held.volume),
        m_nFrozenVolume=held.frozen,
        m_dOpenPrice=round(held.cost / held.volume, 4) if held.volume else 0.0,
        m_dAvgOpenPrice=round(held.bought_cost / held.bought_volume, 4) if held.bought_volume else 0.0,
        m_dPositionCost=round(held.cost, 2),
        m_dLastPrice=tick.last,
        m_dSettlementPrice=tick.last,
        m_dMarketValue=value,
        m_dInstrumentValue=value,
        m_dFloatProfit=round(held.volume * (tick.last - tick.last_close), 2),
        m_dPositionProfit=profit,
        m_dProfitRate=round(profit / held.cost, 4) if held.cost > 0 else 0.0,
        m_strTradingDay=times.day(now),
        m_bIsToday=True,
        m_nDirection=48,
    )


def order(broker: "Broker", booked: "BookedOrder") -> Order:
    request = booked.request
    frozen = round(booked.rest * request.price, 4) if request.buy and booked.alive and booked.sysid else 0.0
    return Order(
        sentinels=broker.behaviours.sentinels,
        m_strAccountID=broker.account,
        m_strInstrumentID=request.code[:6],
        m_strExchangeID=request.code[7:],
        m_strExchangeName=_EXCHANGES.get(request.code[7:], ""),
        m_strInstrumentName=broker.market.name(request.code),
        m_strOrderSysID=booked.sysid,
        m_strOrderRef=str(8875341038780000000 + booked.ref),
        m_nRef=booked.ref,
        m_nOrderStatus=booked.status,
        m_nOrderSubmitStatus=52 if booked.status == 57 else 51 if booked.sysid else 48,
        m_nOpType=23 if request.buy else 24,
        m_nOffsetFlag=48 if request.buy else 49,
        m_nDirection=48,  # always, for stocks
        m_nHedgeFlag=49,
        m_nOrderPriceType=50,
        m_eEntrustType=48 if request.buy else 49,
        m_dLimitPrice=request.price,
        m_nVolumeTotalOriginal=request.shares,
        m_nVolumeTraded=booked.traded,
        m_nVolumeTotal=booked.rest,
        m_dTradedPrice=round(booked.amount / booked.traded, 4) if booked.traded else 0.0,
        m_dTradeAmount=round(booked.amount, 4),
        m_dCancelAmount=float(booked.rest) if booked.status in (53, 54) else 0.0,
        m_dFrozenMargin=frozen,
        m_dFrozenCommission=round(frozen * 0.0002, 4),
        m_strInsertDate=times.day(booked.at),
        m_strInsertTime=times.second(booked.at),
        m_strOptName="限价买入" if request.buy else "限价卖出",
        m_strRemark=request.remark,
        m_strSource=request.source,
        m_strOrderStrategyType="函数下单" if request.source else "手动下单",
        m_strXTTrade="本终端",
        m_strCancelInfo=booked.reason,
        m_nStrategyID=0,
    )


def deal(broker: "Broker", booked: "BookedDeal") -> Deal:
    request = booked.order.request
    return Deal(
        booked.fee,
        broker.behaviours.commission_name,
        sentinels=broker.behaviours.sentinels,
        m_strTradeID=booked.trade_id,
        m_strOrderSysID=booked.order.sysid,
        m_strOrderRef=str(8875341038780000000 + booked.order.ref),
        m_nRef=booked.order.ref,
        m_strInstrumentID=request.code[:6],
        m_strExchangeID=request.code[7:],
        m_strInstrumentName=broker.market.name(request.code),
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
        m_strRemark=request.remark,
        m_strSource=request.source,
        m_strXTTrade="本终端",
    )
