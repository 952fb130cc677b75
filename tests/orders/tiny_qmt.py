"""A QMT of a few hundred lines, for tests that call the strategy a million times: broker, quotes, ContextInfo.

The broker keeps the true books. What the client shows (`table`) may be late, without remarks, empty while logged out;
each order's fate is set by `fate` when it arrives. Times are epoch seconds, passed in.
"""

import calendar
import math
import time

from qmt_strategy.dingtou.clock import CHINA
from qmt_strategy.dingtou.clock import day as day_of

ACCOUNT = "2000567"
FEE = 0.0002
BARS = 600
AVERAGE_BARS = 200


def at(day, time):
    """Epoch seconds of 'YYYYMMDD' 'HH:MM[:SS]' in China."""
    parts = [int(part) for part in time.split(":")] + [0]
    return calendar.timegm((int(day[:4]), int(day[4:6]), int(day[6:]), parts[0], parts[1], parts[2])) - CHINA


class Thing:
    """An object with just these attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Fate:
    """What becomes of one order. Seconds count from its arrival.

    `fills`: [(seconds, shares)], shares None = all the rest. `reject`: counter text, the order goes straight to 57.
    `refused`: no row and no callback ever. `error`: only orderError_callback. `visible`: seconds until ORDER shows it.
    """

    def __init__(
        self, fills=((2.0, None),), visible=1.0, sysid=1.0, reject="", refused=False, error="", cancel="works"
    ):
        self.fills = list(fills)
        self.visible = visible
        self.sysid = sysid
        self.reject = reject
        self.refused = refused
        self.error = error
        self.cancel = cancel  # 'works', 'deaf' (never cancelled), 'lies' (works, but says False)


class Order:
    def __init__(self, number, now, code, buy, shares, price, remark, fate, ours):
        self.number, self.at, self.code, self.buy, self.shares = number, now, code, buy, shares
        self.price, self.remark, self.fate, self.ours = price, remark, fate, ours
        self.traded = 0
        self.status = 49
        self.reason = ""
        self.cancel_at = None

    @property
    def sysid(self):
        return str(self.number)

    @property
    def alive(self):
        return self.status not in (53, 54, 56, 57)


class Broker:
    """The true books of one account."""

    def __init__(self, cash=1000000.0, shares=None):
        self.cash = cash
        self.volume = dict(shares or {})  # by six digits
        self.today = {}  # bought today
        self.orders = []
        self.deals = []
        self.calls = []  # every passorder: (now, remark, op, order type, volume, code)
        self.cancels = []  # every cancel: (now, sysid)
        self.fate = lambda call: Fate()
        self.logged_in = True
        self.remarks = True
        self.number = 100
        self.events = []  # (kind, *arguments) to be pushed to the client
        self.filled = {}  # remark -> shares, over all days
        self.lag = 0.0  # seconds that POSITION, ACCOUNT and DEAL are behind
        self.ticks = {}

    # ---- what the client does

    def passorder(self, now, op, order_type, code, price_type, volume, remark, ours=True):
        call = (now, remark, op, order_type, volume, code)
        if ours:
            self.calls.append(call)
        fate = self.fate(call)
        tick = self.ticks[code]
        price = tick["askPrice"][1] if price_type == 3 else tick["bidPrice"][1]
        shares = int(volume / price / 100 + 1e-9) * 100 if order_type == 1102 else int(volume)
        if fate.refused or shares <= 0:
            return
        if fate.error:
            words = {"strategyName": "etf_grid_&&&_" + remark, "orderCode": code[7:] + code[:6]}
            self.events.append(("orderError", words, fate.error))
            return
        self.number += 1
        order = Order(self.number, now, code[:6], op == 23, shares, price, remark, fate, ours)
        self.orders.append(order)
        order.reason = fate.reject or self._refusal(order)
        if order.reason:
            order.status = 57

    def cancel(self, now, sysid):
        self.cancels.append((now, sysid))
        for order in self.orders:
            if order.sysid == sysid and order.alive and order.fate.cancel != "deaf":
                order.cancel_at = now + 1.0
                return order.fate.cancel == "works"
        return False

    def _refusal(self, order):
        if order.buy:
            frozen = sum(o.price * (o.shares - o.traded) for o in self.orders if o.alive and o.buy and o is not order)
            return (
                ""
                if order.shares * order.price * (1 + FEE) <= self.cash - frozen
                else "[COUNTER][260200][可用资金不足]"
            )
        return "" if order.shares <= self.sellable(order.code, order) else "[COUNTER][251005][证券可用数量不足]"

    def sellable(self, code, but=None):
        frozen = sum(
            o.shares - o.traded for o in self.orders if o.alive and not o.buy and o.code == code and o is not but
        )
        return self.volume.get(code, 0) - self.today.get(code, 0) - frozen

    # ---- what time does

    def advance(self, now):
        """Do what is due; returns the events to be pushed."""
        for order in self.orders:
            if not order.alive:
                continue
            if order.status == 49 and now - order.at >= order.fate.sysid:
                order.status = 50
                self.events.append(("order", order))
            if order.cancel_at is not None and now >= order.cancel_at:
                order.status = 53 if order.traded else 54
                self.events.append(("order", order))
                continue
            while order.alive and order.fate.fills and now - order.at >= order.fate.fills[0][0]:
                self._fill(order, now, order.fate.fills.pop(0)[1])
        pushed, self.events = self.events, []
        return pushed if self.logged_in else []

    def _fill(self, order, now, shares):
        shares = min(order.shares - order.traded, shares or order.shares)
        order.traded += shares
        if order.ours:
            self.filled[order.remark] = self.filled.get(order.remark, 0) + shares
        order.status = 56 if order.traded == order.shares else 55
        sign = 1 if order.buy else -1
        self.cash -= sign * shares * order.price + shares * order.price * FEE
        self.volume[order.code] = self.volume.get(order.code, 0) + sign * shares
        if order.buy:
            self.today[order.code] = self.today.get(order.code, 0) + shares
        self.number += 1
        self.deals.append((self.number, order, shares, now))
        self.events.append(("deal", self.deals[-1]))
        self.events.append(("order", order))

    def end_day(self):
        """Close: what is alive expires at the exchange; nothing of today shows tomorrow."""
        self.orders = []
        self.deals = []
        self.events = []
        self.today = {}

    # ---- what the client shows

    def table(self, kind, now):
        if not self.logged_in:
            return []
        kind = kind.lower()
        if kind == "account":
            frozen = sum(o.price * (o.shares - o.traded) for o in self.orders if o.alive and o.buy)
            return [
                Thing(
                    m_strAccountID=ACCOUNT, m_dAvailable=self.cash - frozen, m_dBalance=self.cash,
                    m_dInstrumentValue=0.0, m_dPositionProfit=0.0, m_strTradingDate="",
                )
            ]  # fmt: skip
        if kind == "order":
            return [self.order_row(o) for o in self.orders if now - o.at >= o.fate.visible]
        if kind == "deal":
            return [self.deal_row(deal) for deal in self.deals if now - deal[3] >= self.lag]
        codes = sorted(self.volume)
        return [
            Thing(m_strInstrumentID=code, m_nVolume=self.volume[code], m_nCanUseVolume=self.sellable(code))
            for code in codes
        ]

    def order_row(self, o):
        return Thing(
            m_strInstrumentID=o.code, m_strRemark=o.remark if self.remarks else "",
            m_strOrderSysID=o.sysid if o.status != 49 else "", m_nOffsetFlag=48 if o.buy else 49,
            m_dLimitPrice=o.price, m_nVolumeTotalOriginal=o.shares, m_nVolumeTraded=o.traded, m_dTradedPrice=o.price,
            m_nOrderStatus=o.status, m_strCancelInfo=o.reason, m_strInsertDate=day_of(o.at), m_strInsertTime="",
        )  # fmt: skip

    def deal_row(self, deal):
        number, o, shares, now = deal
        return Thing(
            m_strInstrumentID=o.code, m_strRemark=o.remark if self.remarks else "", m_strOrderSysID=o.sysid,
            m_strTradeID=str(number), m_dPrice=o.price, m_nVolume=shares, m_dTradeAmount=shares * o.price,
            m_nOffsetFlag=48 if o.buy else 49, m_strTradeDate=day_of(now), m_strTradeTime="",
            m_dComssion=shares * o.price * FEE,
        )  # fmt: skip


class Frame:
    """A daily frame: ["close"] and .index."""

    def __init__(self, days, closes):
        self.index = days
        self.close = closes

    def __getitem__(self, name):
        return self.close


_DAYS = []  # every weekday of 2022 to 2026


def trading_days():
    if not _DAYS:
        for epoch in range(calendar.timegm((2022, 1, 3, 0, 0, 0)), calendar.timegm((2027, 1, 1, 0, 0, 0)), 86400):
            if (epoch // 86400 + 3) % 7 < 5:
                _DAYS.append(time.strftime("%Y%m%d", time.gmtime(epoch)))
    return _DAYS


def closes(count):
    """A wave around 1.0, ending at 1.0 less a little: average about 1, both sides well visited."""
    return [round(1.0 + 0.06 * math.sin((i - count + 1) / 9.0), 3) for i in range(count)]


class Context:
    """ContextInfo: prices are set by the test in `prices`."""

    do_back_test = False

    def __init__(self, codes):
        self.last_bar = True
        self.accounts = []
        self.day = ""
        self.now = 0.0
        self.prices = dict.fromkeys(codes, 1.0)
        self.tick_shift = 0.0
        self.splits = {}

    def set_account(self, account):
        self.accounts.append(account)

    def is_last_bar(self):
        return self.last_bar

    def get_full_tick(self, codes):
        return {code: self.tick(code) for code in codes if code in self.prices}

    def tick(self, code):
        price = self.prices[code]
        return {
            "time": int((self.now + self.tick_shift) * 1000), "lastPrice": price, "lastClose": 1.0, "openInt": 13,
            "askPrice": [round(price + 0.001 * i, 3) for i in (1, 2, 3, 4, 5)],
            "bidPrice": [round(price - 0.001 * i, 3) for i in (1, 2, 3, 4, 5)],
        }  # fmt: skip

    def get_market_data_ex(self, fields, codes, **named):
        days = trading_days()
        end = days.index(self.day)
        return {code: Frame(days[end - BARS : end], closes(BARS)) for code in codes}

    def get_trading_dates(self, code, start, end, count, period):
        days = trading_days()
        place = days.index(end) + 1
        return days[place - count : place]

    def get_instrument_detail(self, code):
        return {"PreClose": 1.0, "PriceTick": 0.001, "InstrumentStatus": 0}

    def get_divid_factors(self, code):
        return self.splits.get(code, {})
