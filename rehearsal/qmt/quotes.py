"""The quotes side of the simulated client: which tick it is, get_full_tick, and the frames of get_market_data(_ex).

Shapes are those of qmt-facts 1.8. The market's days are replayed, so frames carry dates that end today: bar dates are
the weekdays up to now. pandas is imported only where a frame is asked for, since it takes a second to load.
"""

from typing import Any, Dict, List, Sequence, Tuple

from rehearsal.market import Market

from . import times

FIELDS = ("open", "high", "low", "close", "volume")
_WEEKEND = ("Sat", "Sun")


class Quotes:
    """Ticks of `market` as time passes: one every `tick_seconds` from `start` (epoch seconds) on."""

    def __init__(self, market: Market, start: float, tick_seconds: float, tick_time: str = "timetag") -> None:
        self.market = market
        self.tick_seconds = tick_seconds
        self._start = start
        self._tick_time = tick_time
        self._frozen_at = 0.0

    def freeze(self, now: float) -> None:
        self._frozen_at = self._frozen_at or now

    def thaw(self) -> None:
        self._frozen_at = 0.0

    @property
    def frozen(self) -> bool:
        return bool(self._frozen_at)

    def number(self, now: float) -> int:
        """The tick that is the market's newest at `now`."""
        return int((now - self._start) // self.tick_seconds)

    def next_at(self, now: float) -> float:
        """Epoch time of the market's next tick."""
        return self._start + (self.number(now) + 1) * self.tick_seconds

    def tick_at(self, now: float) -> float:
        """Epoch time of the newest tick that the client has."""
        return self._start + self.number(self._frozen_at or now) * self.tick_seconds

    def full_tick(self, codes: Sequence[str], now: float) -> Dict[str, Dict[str, Any]]:
        """get_full_tick: codes without a quote are left out."""
        return {code: self._entry(code, now) for code in codes if code in self.market.bars}

    def _entry(self, code: str, now: float) -> Dict[str, Any]:
        tick = self.market.tick(code, self.number(self._frozen_at or now))
        at = self.tick_at(now)
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
            "openInt": 13,
            "lastSettlementPrice": tick.last_close,
            "askPrice": list(tick.ask),
            "bidPrice": list(tick.bid),
            "askVol": list(tick.ask_volume),
            "bidVol": list(tick.bid_volume),
        }
        if self._tick_time == "time":
            entry.update(time=int(at * 1000), stime=times.text(at, "%Y%m%d%H%M%S"))
        else:
            entry["timetag"] = times.timetag(at)
        return entry

    # ---- frames

    def daily(self, code: str, now: float, count: int) -> List[Tuple[str, Dict[str, float]]]:
        """The newest `count` daily bars (-1: all), oldest first; the last is today's, still forming."""
        number = self.number(self._frozen_at or now)
        index = self.market.day_index(code, number)
        tick = self.market.tick(code, number)
        closed = self.market.bars[code][:index]
        rows = [{"open": b.open, "high": b.high, "low": b.low, "close": b.close, "volume": 244000.0} for b in closed]
        rows.append(
            {"open": tick.open, "high": tick.high, "low": tick.low, "close": tick.last, "volume": float(tick.volume)}
        )
        kept = rows if count < 0 else rows[-count:] if count else []
        return list(zip(_weekdays(now, len(kept)), kept))

    def market_data(self, fields: Sequence[str], codes: Sequence[str], now: float, ranged: bool, count: int) -> Any:
        """get_market_data of daily bars, shaped as the question asks for; `ranged`: with a start or end time."""
        import pandas  # type: ignore[import-untyped,unused-ignore]

        if not ranged and count < 0:
            newest = {code: dict(self.daily(code, now, 1)[0][1]) for code in codes if code in self.market.bars}
            if len(codes) == 1 and len(fields) == 1:
                return newest[codes[0]][fields[0]] if newest else -1
            if len(codes) == 1:
                return pandas.Series(newest.get(codes[0], {}), index=list(fields))
            return pandas.DataFrame(newest).T.reindex(index=list(codes), columns=list(fields))
        frames = {code: self.frame(fields, code, now, count) for code in codes}
        if len(codes) == 1:
            return frames[codes[0]]
        return pandas.Panel(frames) if pandas.__version__ < "0.25" else frames

    def frame(self, fields: Sequence[str], code: str, now: float, count: int) -> Any:
        """A DataFrame of daily bars, index 'YYYYMMDD' named stime; empty for a code without data."""
        import pandas

        bars = self.daily(code, now, count) if code in self.market.bars else []
        index = pandas.Index([date for date, _ in bars], name="stime", dtype=object)
        return pandas.DataFrame([row for _, row in bars], index=index, columns=list(fields or FIELDS))


def _weekdays(now: float, count: int) -> List[str]:
    """The last `count` days that are no Saturday or Sunday, the last of them today whatever day it is."""
    days = [times.day(now)] if count else []
    back = now
    while len(days) < count:
        back -= 86400
        if times.text(back, "%a") not in _WEEKEND:
            days.append(times.day(back))
    return days[::-1]
