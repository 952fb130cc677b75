"""The simulated exchange: its five-level book at any moment, what it accepts, and what an order meets there.

Free of state: market, hours and behaviours come in, the time is passed. Prices follow the documented path of the day's
bar; the book is one price tick wide around the last price, its volumes drawn from code and step alone, so that the same
moment has the same book whoever asks and how often.
"""

import zlib
from typing import Any, Dict, List, NamedTuple, Tuple

from rehearsal.market import LEVELS, PRICE_TICK, Market, Tick, extremes_at, price_at

from . import hours as phases
from .behaviours import Behaviours

CAGE = 0.02  # of the best price of the other side, or CAGE_TICKS where that is more
CAGE_TICKS = 10
MOST_SHARES = 1000000  # of one order
LOT = 100
NOTHING = Tick(0.0, 0.0, 0.0, 0.0, 0.0, 0, (0.0,) * 5, (0.0,) * 5, (0,) * 5, (0,) * 5)


class Request(NamedTuple):
    """What reaches the counter."""

    code: str
    buy: bool
    shares: int
    price: float  # limit in yuan; of a market order its protection
    remark: str = ""
    source: str = ""  # the strategy file's name; '' = by hand
    strategy: str = ""
    client: int = 0  # the run of the client that placed it; 0 = another one
    kind: str = "limit"  # limit; market orders: rest-cancelled, rest-limit, all-or-none
    task: int = 0  # of algo_passorder


class Fill(NamedTuple):
    shares: int
    price: float


class Exchange:
    def __init__(self, market: Market, hours: Any, behaviours: Behaviours) -> None:
        self.market = market
        self.hours = hours
        self.behaviours = behaviours
        self._quotes: Dict[str, Tuple[Any, Tick]] = {}
        self._moment: Tuple[float, Any] = (-1.0, None)
        self._days: Dict[Tuple[str, str], Tuple[float, float, float]] = {}

    def moment(self, now: float) -> phases.Moment:
        if self._moment[0] != now:
            self._moment = (now, self.hours.moment(now))
        found: phases.Moment = self._moment[1]
        return found

    def phase(self, now: float) -> int:
        return self.moment(now).phase if self.behaviours.phases else phases.CONTINUOUS

    def is_halted(self, code: str, day: str) -> bool:
        return self.behaviours.concerns("halted", code) or self.market.index(code, day) is None

    def quote(self, code: str, now: float) -> Tick:
        """The book and prices of `code` at `now`; zeros before a day's first price."""
        return self.quote_at(code, self.moment(now))

    def quote_at(self, code: str, moment: phases.Moment) -> Tick:
        behaviours = self.behaviours
        special = (behaviours.halted, behaviours.limit_up, behaviours.limit_down, behaviours.thin_book)
        key = (moment.day, moment.step, special)
        cached = self._quotes.get(code)
        if cached is None or cached[0] != key:
            cached = (key, self._make(code, moment))
            self._quotes[code] = cached
        return cached[1]

    def _make(self, code: str, moment: phases.Moment) -> Tick:
        base, floor, ceiling = self._day(code, moment.day)
        index = self.market.index(code, moment.day)
        if self.is_halted(code, moment.day) or index is None:
            return NOTHING._replace(last=base, last_close=base)
        if moment.step < 0:
            return NOTHING._replace(last_close=base)
        bar = self.market.bars[code][index]
        last = price_at(bar, moment.step, moment.steps)
        high, low = extremes_at(bar, moment.step, moment.steps)
        # Prices of the past may lie beyond the limits as computed here: what traded was allowed.
        floor, ceiling = min(floor, bar.low), max(ceiling, bar.high)
        if self.behaviours.concerns("limit_up", code):
            last = high = ceiling
        elif self.behaviours.concerns("limit_down", code):
            last = low = floor
        first_ask = last if last <= floor else round(last + PRICE_TICK, 3)
        first_bid = ceiling if last >= ceiling else last
        ask = _levels(first_ask, 1, floor, ceiling) if last < ceiling else NOTHING.ask
        bid = _levels(first_bid, -1, floor, ceiling) if last > floor else NOTHING.bid
        number = zlib.crc32(("%s %s %d" % (code, moment.day, moment.step)).encode("ascii"))
        volumes = _volumes(number, 5 if self.behaviours.thin_book else 8900)
        return Tick(
            last=last,
            open=bar.open,
            high=high,
            low=low,
            last_close=base,
            volume=int(bar.volume * (moment.step + 1) / (moment.steps + 1)),
            ask=ask,
            bid=bid,
            ask_volume=tuple(v if p else 0 for v, p in zip(volumes[:LEVELS], ask)),
            bid_volume=tuple(v if p else 0 for v, p in zip(volumes[LEVELS:], bid)),
        )

    def _day(self, code: str, day: str) -> Tuple[float, float, float]:
        """(昨收, 跌停价, 涨停价) of a day."""
        if (code, day) not in self._days:
            floor, ceiling = self.market.limits(code, day)
            self._days[code, day] = (self.market.last_close(code, day), floor, ceiling)
        return self._days[code, day]

    # ---- accepting

    def refusal(self, request: Request, sellable: int, now: float) -> str:
        """The counter's words where the exchange would not take this order now; '' where it does.

        Their shape is that of qmt-facts 1.5; the texts beyond money and shares are this simulator's own.
        """
        behaviours, phase = self.behaviours, self.phase(now)
        if behaviours.phases and phase in (phases.BEFORE, phases.CLOSED):
            return "[COUNTER][120141][非交易时间，不允许委托]"
        moment = self.moment(now)
        if self.is_halted(request.code, moment.day):
            return "[COUNTER][251021][证券停牌][v_stock_code=%s]" % request.code[:6]
        if request.kind != "limit" and phase != phases.CONTINUOUS:
            return "[COUNTER][251032][集合竞价时段不允许市价委托]"
        if request.shares > MOST_SHARES:
            return "[COUNTER][251028][委托数量超过单笔上限][max_amount=%d]" % MOST_SHARES
        odd = request.shares % LOT
        if behaviours.lots and odd and (request.buy or odd != sellable % LOT):
            return "[COUNTER][251004][委托数量不是整手][entrust_amount=%d]" % request.shares
        floor, ceiling = self.market.limits(request.code, moment.day)
        if behaviours.price_limits and not floor - 1e-9 <= request.price <= ceiling + 1e-9:
            return "[COUNTER][251013][委托价格超出涨跌幅限制][%.3f-%.3f]" % (floor, ceiling)
        if behaviours.price_cage and phase == phases.CONTINUOUS and request.kind == "limit":
            return self._outside_cage(request, self.quote_at(request.code, moment))
        return ""

    @staticmethod
    def _outside_cage(request: Request, tick: Tick) -> str:
        if request.buy:
            best = tick.ask[0] or tick.bid[0] or tick.last
            outside = request.price > max(best * (1 + CAGE), best + CAGE_TICKS * PRICE_TICK) + 1e-9
        else:
            best = tick.bid[0] or tick.ask[0] or tick.last
            outside = request.price < min(best * (1 - CAGE), best - CAGE_TICKS * PRICE_TICK) - 1e-9
        return "[COUNTER][251043][委托价格超出有效申报价格范围][%.3f]" % best if outside else ""

    # ---- matching

    def fills(self, request: Request, shares: int, now: float, resting: bool) -> List[Fill]:
        """What `shares` of the order meet in the book at `now`, best price first.

        An order that has been `resting` in the book trades at its own limit: the other side came to it.
        """
        if self.phase(now) != phases.CONTINUOUS or self.is_halted(request.code, self.moment(now).day):
            return []
        tick = self.quote(request.code, now)
        prices, volumes = (tick.ask, tick.ask_volume) if request.buy else (tick.bid, tick.bid_volume)
        found: List[Fill] = []
        for price, lots in zip(prices, volumes):
            reached = 0 < price <= request.price + 1e-9 if request.buy else price >= request.price - 1e-9 and price > 0
            if not reached or shares <= 0:
                break
            taken = min(shares, lots * LOT)
            found.append(Fill(taken, request.price if resting else price))
            shares -= taken
        return found

    def fixing_price(self, code: str, now: float) -> float:
        """The price of the auction that is fixed at `now` (09:25 or 15:00); 0.0: none."""
        moment = self.moment(now)
        if self.is_halted(code, moment.day) or self.market.index(code, moment.day) is None:
            return 0.0
        return self.quote_at(code, moment).last


def _levels(first: float, step: int, floor: float, ceiling: float) -> Tuple[float, ...]:
    """Five prices from `first` on, one price tick apart; 0.0 beyond the day's limits."""
    ticks = int(round(first * 1000))
    prices = [(ticks + step * level) / 1000 for level in range(LEVELS)]
    return tuple(price if floor <= price <= ceiling and price > 0 else 0.0 for price in prices)


def _volumes(number: int, most: int) -> List[int]:
    """Ten volumes in lots from one number; a linear congruential generator, since random.Random costs more."""
    least = 1 if most < 100 else 100
    made = []
    for _ in range(2 * LEVELS):
        number = (number * 1103515245 + 12345) % 2147483648
        made.append(least + (number >> 8) % most)
    return made
