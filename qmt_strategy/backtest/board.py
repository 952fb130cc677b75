"""Funds on one calendar, ready for any number of runs with the same prices, dates and kind of signal."""

import bisect
import datetime
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..dingtou import grid, plan
from ..dingtou.rule import daily_limit
from . import adjust, booking, compiled, lining, prices
from .setup import Setup

NEVER_PRICED = 1e9  # yuan: a lowest price that nothing reaches


class Line(NamedTuple):
    """A fund's bars up to the end, and where those inside the run stand on the calendar."""

    fund: prices.Fund
    signal: "np.ndarray[Any, Any]"  # adjusted closes
    scale: "np.ndarray[Any, Any]"  # raw price = signal / scale[0] - scale[1], by day
    first: int  # bars before it are before the start
    places: "np.ndarray[Any, Any]"  # calendar index of each bar from `first` on
    after_hole: "np.ndarray[Any, Any]"  # by bar: whether the trading day before it has none
    rows: Any  # `places`, as a slice where no day between them is missing


class Board:
    """The part of a run that does not depend on the rule's numbers; averages are kept by their length."""

    def __init__(
        self,
        funds: Sequence[prices.Fund],
        setup: Setup,
        engine: Optional[compiled.Engine] = None,
        series: Optional[Mapping[str, Sequence[float]]] = None,
    ) -> None:
        """`series`: signals by code, one value a bar, in place of those that setup.signals names.

        Raises prices.DataError where nothing is left between start and end.
        """
        self.engine = engine or compiled.engine()
        cut = [fund.until(setup.end) if setup.end else fund for fund in funds]
        calendar = sorted({day for fund in cut for day in fund.dates})
        self.days = [day for day in calendar if day >= setup.start]
        if not self.days:
            raise prices.DataError(
                "%s 到 %s 之间没有任何行情，请检查 --start 和 --end" % (setup.start or "最早", setup.end or "最晚")
            )
        self.codes = [fund.code for fund in cut]
        self.kind = setup.signals
        self.lines = [self._line(fund, calendar, (series or {}).get(fund.code)) for fund in cut]
        dates = [datetime.date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal() for day in self.days]
        self.gap_rows = self.engine.rows(np.array([0] + [one - before for before, one in zip(dates, dates[1:])]))
        self.spots = [self.engine.rows(line.places * len(cut) + at) for at, line in enumerate(self.lines)]
        self.ordinals = np.array(dates, dtype=np.int64)
        self.fixed = self._fixed()
        # The last close known on each spot, in units: what is held is worth that.
        self.known_closes = known_closes(self.by_fund(self.fixed["closes"]))
        self.close_rows = self.engine.rows(self.known_closes)
        self.there = self.fixed["present"] == 1
        self.columns = {name: self.engine.rows(table) for name, table in self.fixed.items() if name != "present"}
        self.eventful = self.there & ((self.fixed["splits"] != 1.0) | (self.fixed["dividends"] > 0.0))
        sides = [("lows", "highs"), ("closes", "closes")]
        self.extremes = [tuple(self.fixed[name] / booking.UNIT for name in pair) for pair in sides]
        self.extreme_rows = [tuple(self.engine.rows(table) for table in pair) for pair in self.extremes]
        self._means: Dict[Tuple[int, bool], List[Tuple[Any, Any]]] = {}
        self._average_tables: Dict[Tuple[int, bool], Any] = {}
        self._allowed_tables: Dict[bool, Tuple[Any, Any]] = {}

    def _line(self, fund: prices.Fund, calendar: Sequence[str], series: Optional[Sequence[float]]) -> Line:
        if series is not None:
            signal = np.array(series[: len(fund.dates)], float)
            scale = lining.scale_of(fund, signal)
        else:
            signal = np.array(adjust.closes(fund, self.kind)) if fund.dates else np.zeros(0)
            scale = self._scale(fund)
        first = bisect.bisect_left(fund.dates, self.days[0])
        places = np.array([bisect.bisect_left(self.days, day) for day in fund.dates[first:]], dtype=np.int64)
        at = np.array([bisect.bisect_left(calendar, day) for day in fund.dates], dtype=np.int64)
        whole = len(places) and places[-1] - places[0] + 1 == len(places)
        rows = slice(int(places[0]), int(places[-1]) + 1) if whole else places
        return Line(fund, signal, scale, first, places, np.diff(at, prepend=at[:1] - 1) != 1, rows)

    def _scale(self, fund: prices.Fund) -> "np.ndarray[Any, Any]":
        if self.kind.startswith("ratio"):
            factors = np.array(adjust.ratio_factors(fund))
            last = factors[-1] if self.kind == "ratio_front" and len(factors) else 1.0
            return np.array([factors / last, np.zeros(len(factors))])
        if self.kind == "none":
            return np.array([np.ones(len(fund.dates)), np.zeros(len(fund.dates))])
        raw = adjust.additive_lines(fund)
        m, a = raw[-1] if self.kind == "additive_front" and raw else (1.0, 0.0)
        return np.array([[one / m for one, _ in raw], [(paid - a) / one for one, paid in raw]])

    def table(self, columns: Sequence[Any], kind: Any, empty: float) -> "np.ndarray[Any, Any]":
        """One value per bar of each fund in one row: a spot is day * number of funds + fund."""
        funds = len(self.lines)
        table = np.full((len(self.days), funds), empty, dtype=kind)
        for number, (line, column) in enumerate(zip(self.lines, columns)):
            table[line.rows, number] = column[line.first :]
        return table.reshape(-1)

    def by_fund(self, table: Any) -> "np.ndarray[Any, Any]":
        """Such a row as a table [fund][day]."""
        return np.asarray(table).reshape(len(self.days), -1).T

    def column(self, table: Any, number: int) -> "np.ndarray[Any, Any]":
        """Such a row's values for each bar of one fund inside the run."""
        return table[self.lines[number].places * len(self.lines) + number]

    def _fixed(self) -> Dict[str, Any]:
        """The columns of booking.Market that depend on the prices alone, for every spot."""
        funds = [line.fund for line in self.lines]
        spots = np.arange(len(funds) * len(self.days))
        tables: Dict[str, Any] = {
            "days": spots // len(funds),
            "funds": spots % len(funds),
            "present": self.table([np.ones(len(fund.dates)) for fund in funds], np.int64, 0),
            "splits": self.table([np.array(fund.splits) for fund in funds], np.float64, 1.0),
            "dividends": self.table([np.array(fund.dividends) for fund in funds], np.float64, 0.0),
        }
        for name in ("opens", "highs", "lows", "closes"):
            columns = [np.round(np.array(getattr(fund, name)) * booking.UNIT) for fund in funds]
            tables[name] = self.table(columns, np.int64, 0)
        for name, sign in (("limit_ups", 1), ("limit_downs", -1)):
            columns = []
            for fund in funds:
                before = [prices.reference(fund, at) if at else 0.0 for at in range(len(fund.dates))]
                rate = daily_limit(fund.code)
                columns.append(np.array([round(round(one, 3) * (1 + sign * rate), 3) for one in before]) * booking.UNIT)
            tables[name] = self.table([np.round(column) for column in columns], np.int64, 0)
        return tables

    def means(self, ma: int, today: bool) -> List[Tuple[Any, Any]]:
        """(averages, distances) of each fund's bars; `today`: from the first bar on."""
        key = (ma, today)
        if key not in self._means:
            found = []
            for line in self.lines:
                signal = self.engine.rows(line.signal)
                averages = self.engine.grid.averages(signal, ma, 1 if today else ma)
                distances = self.engine.grid.distances(signal, self.engine.rows(averages))
                found.append((averages, self.engine.rows(distances)))
            self._means.clear()  # only the latest: a search goes through the lengths one after the other
            self._means[key] = found
        return self._means[key]

    def averages(self, ma: int, today: bool) -> "np.ndarray[Any, Any]":
        """The average that counts on each spot, in yuan of that day; 0.0 = none."""
        key = (ma, today)
        if key not in self._average_tables:
            columns = []
            for line, (means, _) in zip(self.lines, self.means(ma, today)):
                average = np.zeros(len(line.signal))
                if today:
                    average[:] = means / line.scale[0] - line.scale[1]
                else:
                    # The day before's, in the prices of the day.
                    average[ma:] = means[ma - 1 : -1] / line.scale[0][ma:] - line.scale[1][ma:]
                columns.append(average)
            self._average_tables.clear()  # as above
            self._average_tables[key] = self.table(columns, np.float64, 0.0)
        return self._average_tables[key]

    def allowed(self, anything: bool) -> Tuple[Any, Any]:
        """Rows of the lowest and the highest price that is no mistake, by spot; `anything`: as the original, all.

        A day after one without a bar has none: the live strategy does not trade then either (plan.py, _wrong_day).
        """
        if anything not in self._allowed_tables:
            lowest, highest = [], []
            for line in self.lines:
                last = np.zeros(len(line.signal))
                last[1:] = line.signal[:-1] / line.scale[0][1:] - line.scale[1][1:]
                limit = daily_limit(line.fund.code) + plan.LIMIT_MARGIN
                floor = np.where(line.after_hole, NEVER_PRICED, last * (1.0 - limit))
                lowest.append(np.zeros(len(last)) if anything else floor)
                highest.append(np.full(len(last), NEVER_PRICED) if anything else last * (1.0 + limit))
            tables = [self.engine.rows(self.table(columns, np.float64, 0.0)) for columns in (lowest, highest)]
            self._allowed_tables[anything] = (tables[0], tables[1])
        return self._allowed_tables[anything]

    def forget(self) -> None:
        """Drop what is kept between runs, so that the next one works everything out."""
        self._means.clear()
        self._average_tables.clear()

    def start_cells(self, setup: Setup) -> List[int]:
        """Each fund's last cell at the start: of the last close before it, or 0."""
        if setup.start_cell != "current":
            return [0] * len(self.lines)
        found = []
        for line, (means, _) in zip(self.lines, self.means(setup.rule.ma, setup.average_today)):
            at = line.first - 1
            known = at >= 1 and means[at - 1] > 0.0
            found.append(grid.cell(line.signal[at], means[at - 1], setup.rule.grid_height) if known else 0)
        return found


def known_closes(closes: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Each day's close or, where there is none (0), the last one before."""
    at = np.where(closes > 0, np.arange(closes.shape[1]), 0)
    return np.take_along_axis(closes, np.maximum.accumulate(at, axis=1), axis=1)
