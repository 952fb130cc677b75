"""The quotes side of the simulated client: get_full_tick, instrument details and the bars behind get_market_data(_ex).

No pandas here (frames.py makes the frames). Intraday bars are labelled by their end, as 09:31:00 for the first minute.
"""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from rehearsal.market import Bar, Tick, price_at

from . import adjust, times
from . import hours as phases
from .exchange import NOTHING, Exchange
from .hours import Moment

MINUTES = {"1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "1h": 60}
_MOST_INTRADAY_DAYS = 30
_STEPS_A_MINUTE = 60 // phases.SNAPSHOT
_DAY_MINUTES = 240
# How the label of a longer period's bar is cut from its date
_GROUPS = ("1w", "1mon", "1q", "1hy", "1y")


class Row(NamedTuple):
    """One bar of a frame, prices in yuan and adjusted; `stime` is 'YYYYMMDD' or 'YYYYMMDDHHMMSS'."""

    stime: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    pre_close: float


class Quotes:
    """What the client shows of `exchange`; frozen or not."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.market = exchange.market
        self.behaviours = exchange.behaviours
        self._frozen_at = 0.0

    # ---- ticks

    def freeze(self, now: float) -> None:
        self._frozen_at = self._frozen_at or now

    def thaw(self) -> None:
        self._frozen_at = 0.0

    def follow_behaviours(self, now: float) -> None:
        """quotes_frozen and stale_ticks may have been switched since."""
        if self.behaviours.quotes_frozen or self.behaviours.stale_ticks:
            self.freeze(now)
        else:
            self.thaw()

    def moment(self, now: float) -> Moment:
        """Of the newest tick that the client has."""
        return self.exchange.moment(self._frozen_at or now)

    def tick(self, code: str, now: float) -> Tick:
        """The client's newest tick of a code; zeros for an unknown one."""
        if code not in self.market.bars or self.behaviours.concerns("zero_prices", code):
            return NOTHING
        tick = self.exchange.quote_at(code, self.moment(now))
        if self.behaviours.one_level:
            return tick._replace(ask=NOTHING.ask, bid=NOTHING.bid, ask_volume=(0,) * 5, bid_volume=(0,) * 5)
        return tick

    def full_tick(self, codes: Sequence[str], now: float) -> Dict[str, Dict[str, Any]]:
        """get_full_tick: codes without a quote are left out."""
        return {code: self._entry(code, now) for code in codes if code in self.market.bars}

    def _entry(self, code: str, now: float) -> Dict[str, Any]:
        tick = self.tick(code, now)
        moment = self.moment(now)
        halted = self.exchange.is_halted(code, moment.day)
        entry: Dict[str, Any] = {
            "lastPrice": tick.last,
            "open": tick.open,
            "high": tick.high,
            "low": tick.low,
            "lastClose": tick.last_close,
            "amount": round(tick.volume * 100 * tick.last, 2),
            "volume": tick.volume,
            "pvolume": tick.volume * 100,
            "stockStatus": 0,
            "openInt": phases.HALTED if halted else phases.OPEN_INT[moment.phase],
            "lastSettlementPrice": tick.last_close,
            "askPrice": list(tick.ask),
            "bidPrice": list(tick.bid),
            "askVol": list(tick.ask_volume),
            "bidVol": list(tick.bid_volume),
        }
        if self.behaviours.tick_time == "time":
            entry.update(time=int(moment.tick_at * 1000), stime=times.text(moment.tick_at, "%Y%m%d%H%M%S"))
        else:
            entry["timetag"] = times.timetag(moment.tick_at)
        return entry

    # ---- facts about a code

    def instrument_detail(self, code: str, now: float) -> Dict[str, Any]:
        """get_instrument_detail; {} for an unknown code. Of a day before its first tick: already that day's prices."""
        if code not in self.market.bars:
            return {}
        day = times.day(now) if self.market.is_trading_day(times.day(now)) else self.moment(now).day
        floor, ceiling = self.market.limits(code, day)
        return {
            "ExchangeID": code[7:],
            "InstrumentID": code[:6],
            "InstrumentName": self.market.name(code),
            "PreClose": self.market.last_close(code, day),
            "UpStopPrice": ceiling,
            "DownStopPrice": floor,
            "PriceTick": 0.001,
            "OpenDate": self.market.bars[code][0].date,
            "InstrumentStatus": 1 if self.exchange.is_halted(code, day) else 0,
        }

    def divid_factors(self, code: str, now: float) -> Dict[int, List[float]]:
        """get_divid_factors: {epoch ms of the ex-date: [红利, 送转, 转赠, 配股, 配股价, 是否股改, 系数]}."""
        day = times.day(now)
        found: Dict[int, List[float]] = {}
        bars = self.market.bars.get(code, [])
        events = self.market.events.get(code, [])
        ratios = dict(adjust.factors(bars, events)) if events else {}
        for event in events:
            date = bars[event.at].date
            if date > day or (date == day and self.behaviours.late_factors):
                continue
            key = int(times.midnight(date) * 1000)
            row = found.setdefault(key, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1 / ratios[event.at]])
            if event.kind == "dividend":
                row[0] = event.value
            else:
                row[2] = event.value - 1
        return found

    # ---- bars

    def rows(self, code: str, period: str, kind: str, now: float, most: int = 1 << 30) -> List[Row]:
        """The bars of `code` up to now, oldest first, the last one still forming; at least the newest `most` of them.
        kind: 'none', 'front_ratio', ..."""
        if code not in self.market.bars or self.behaviours.concerns("no_data", code):
            return []
        if period in MINUTES:
            found = self._intraday(code, MINUTES[period], kind, now, most)
        elif period in _GROUPS:
            found = _grouped(self._daily(code, kind, now), period)
        else:
            found = self._daily(code, kind, now, most)
        if self.behaviours.zero_frames and kind != "none":
            return [row._replace(open=0.0, high=0.0, low=0.0, close=0.0, pre_close=0.0) for row in found]
        return found

    def _daily(self, code: str, kind: str, now: float, most: int = 1 << 30) -> List[Row]:
        moment = self.moment(now)
        late = self.behaviours.late_factors
        known = self.market.adjusted(code, kind, moment.day, late)
        bars: List[Bar] = known[max(0, len(known) - most - 1) :]
        tick = self.exchange.quote_at(code, moment)
        if tick.last > 0 and not self.exchange.is_halted(code, moment.day):
            a, b = self.market.todays_scale(code, kind, moment.day, late)
            prices = [price * a + b for price in (tick.open, tick.high, tick.low, tick.last)]
            bars.append(Bar(moment.day, prices[0], prices[1], prices[2], prices[3], float(tick.volume)))
        rows, before = [], 0.0
        for bar in bars:
            rows.append(Row(bar.date, bar.open, bar.high, bar.low, bar.close, bar.volume, before))
            before = bar.close
        return rows[-most:]

    def _intraday(self, code: str, minutes: int, kind: str, now: float, most: int) -> List[Row]:
        moment = self.moment(now)
        wanted = min(_MOST_INTRADAY_DAYS, 1 + most * minutes // _DAY_MINUTES)
        days = [day for day in self.market.days if day <= moment.day][-wanted:]
        late = self.behaviours.late_factors
        scaled = {bar.date: bar for bar in self.market.adjusted(code, kind, moment.day, late)[-len(days) :]}
        found: List[Row] = []
        for day in days:
            index = self.market.index(code, day)
            if index is None:
                continue
            bar = self.market.bars[code][index]
            whole = Moment(day, phases.CLOSED, phases.DAY_STEPS, phases.DAY_STEPS, 0.0)
            if day == moment.day:
                a, b = self.market.todays_scale(code, kind, day, late)
            else:
                a, b = _line(bar, scaled[day])
            before = self.market.last_close(code, day) * a + b
            if moment.step >= 0 or day != moment.day:
                found.extend(_minutes(bar, day, minutes, moment if day == moment.day else whole, a, b, before))
        return found


def _line(raw: Bar, scaled: Bar) -> Tuple[float, float]:
    """(a, b) that carry the prices of `raw` to `scaled`."""
    if raw.high == raw.low:
        return 1.0, scaled.close - raw.close
    a = (scaled.high - scaled.low) / (raw.high - raw.low)
    return a, scaled.low - raw.low * a


def _minutes(bar: Bar, day: str, minutes: int, last: Moment, a: float, b: float, before: float) -> List[Row]:
    """The bars of `minutes` minutes of one day up to the step of `last`. A tick on the boundary of two bars begins the
    later one, as long as trading goes on."""
    midnight, steps = times.midnight(day), last.steps
    part = max(1, steps * _STEPS_A_MINUTE * minutes // phases.DAY_STEPS)
    found: List[Row] = []
    for number in range(_DAY_MINUTES // minutes):
        begins = number * part
        if begins > last.step and last.step < steps or begins == last.step > 0 and last.phase == phases.LUNCH:
            break
        start, end = min(steps, begins), min(last.step, steps, begins + part)
        opened, close = price_at(bar, start, steps), price_at(bar, end, steps)
        high, low = _between(bar, start, end, steps)
        minute = (number + 1) * minutes
        at = midnight + (570 + minute if minute <= 120 else 660 + minute) * 60
        row = [price * a + b for price in (opened, high, low, close)]
        found.append(Row(times.text(at, "%Y%m%d%H%M%S"), row[0], row[1], row[2], row[3], 1000.0 * minutes, before))
        before = row[3]
    return found


def _between(bar: Bar, start: int, end: int, steps: int) -> Tuple[float, float]:
    """Highest and lowest price of the path from one step to another."""
    corners = [step for step in (steps // 3, 2 * steps // 3) if start < step < end]
    prices = [price_at(bar, step, steps) for step in [start, end] + corners]
    return max(prices), min(prices)


def _grouped(rows: Sequence[Row], period: str) -> List[Row]:
    """Weekly to yearly bars from daily ones, each labelled by its last day."""
    found: List[Row] = []
    keys: List[str] = []
    for row in rows:
        key = _group(row.stime, period)
        if keys and keys[-1] == key:
            last = found[-1]
            found[-1] = Row(
                row.stime,
                last.open,
                max(last.high, row.high),
                min(last.low, row.low),
                row.close,
                last.volume + row.volume,
                last.pre_close,
            )
        else:
            keys.append(key)
            found.append(row)
    return found


def _group(date: str, period: str) -> str:
    month = int(date[4:6])
    if period == "1w":
        return times.text(times.midnight(date), "%G%V")
    part = {"1mon": month, "1q": (month + 2) // 3, "1hy": (month + 5) // 6, "1y": 0}[period]
    return "%s %d" % (date[:4], part)
