"""The report's pictures as inline SVG text: matplotlib without display or file, labels in the browser's fonts."""

import io
import re
import warnings
from typing import Any, Dict, List, Optional, Sequence

import matplotlib

matplotlib.use("Agg")
import matplotlib.font_manager  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from . import levels, metrics, money  # noqa: E402
from .board import Board  # noqa: E402
from .engine import Result  # noqa: E402

plt.rcParams["svg.fonttype"] = "none"  # text stays text: any Chinese font of the reader will do
plt.rcParams["svg.hashsalt"] = "qmt-backtest"  # the same run gives the same file
plt.rcParams["axes.unicode_minus"] = False
_CHINESE = ("Microsoft YaHei", "SimHei", "PingFang SC", "Noto Sans CJK SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei")
_THERE = {font.name for font in matplotlib.font_manager.fontManager.ttflist}
plt.rcParams["font.sans-serif"] = [name for name in _CHINESE if name in _THERE] + ["DejaVu Sans"]
BLUE, RED, GREEN, GREY, ORANGE = "#1f5fa8", "#c0392b", "#1e8449", "#7f8c8d", "#d68910"
POINTS = 1200  # of a line: more cannot be seen and makes the file heavy
WIDTH, HEIGHT = 7.2, 2.9  # inches


def _dates(days: Sequence[str]) -> "np.ndarray[Any, Any]":
    return np.array(["-".join((day[:4], day[4:6], day[6:])) for day in days], dtype="datetime64[D]")


def _thin(count: int) -> "np.ndarray[Any, Any]":
    """Indices of at most POINTS of `count` values, the last among them."""
    step = max(1, -(-count // POINTS))
    return np.unique(np.append(np.arange(0, count, step), count - 1))


def _axes(ratio: float = 1.0) -> Any:
    figure, axes = plt.subplots(figsize=(WIDTH, HEIGHT * ratio))
    axes.grid(True, color="#e5e8ea", linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes


def _legend(axes: Any, columns: int) -> None:
    """Above the picture: inside it would cover some fund's line."""
    place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2}
    axes.legend(fontsize=8, ncol=columns, frameon=False, **place)


def _svg(figure: Any) -> str:
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # Where this machine has no Chinese font only the widths are guessed: the reader's browser draws the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.tight_layout()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # As wide as its place; two pictures in one page must not share the names of their parts.
    text = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", text, count=1)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"([^>]*?)width="[^"]*"', r"<svg \1\2", text, count=1)
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 sans-serif", text)
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)


def _prefixed(text: str, prefix: str) -> str:
    text = re.sub(r'id="([^"]+)"', r'id="%s\1"' % prefix, text)
    text = re.sub(r'xlink:href="#([^"]+)"', r'xlink:href="#%s\1"' % prefix, text)
    return re.sub(r"url\(#([^)]+)\)", r"url(#%s\1)" % prefix, text)


def all_pictures(result: Result, board: Board, level: Optional[Any], name: str) -> Dict[str, Any]:
    """{'equity', 'drawdown', 'cash', 'months': SVG, 'funds': [(code, price SVG, cell SVG)]}."""
    began = int(np.argmax(result.flows > 0)) if (result.flows > 0).any() else 0
    days = result.days[began:]
    returns = money.unit_returns(result.equity, result.flows)[began:]
    found: Dict[str, Any] = {
        "equity": _equity(result, level, name),
        "unit": _unit(days, returns, None if level is None else level[began:], name),
        "drawdown": _drawdown(days, returns),
        "cash": _cash(result),
        "months": _months(days, returns),
        "funds": [],
    }
    for number, code in enumerate(result.codes):
        found["funds"].append((code, _price(result, board, number), _cell(result, board, number)))
    prefixed: Dict[str, Any] = {key: _prefixed(one, key) for key, one in found.items() if key != "funds"}
    prefixed["funds"] = [
        (code, _prefixed(price, "p%d" % at), _prefixed(cell, "c%d" % at))
        for at, (code, price, cell) in enumerate(found["funds"])
    ]
    return prefixed


def _equity(result: Result, level: Optional[Any], name: str) -> str:
    figure, axes = _axes()
    at = _thin(len(result.days))
    dates = _dates(result.days)[at]
    axes.plot(dates, result.equity[at] / 1e4, color=BLUE, linewidth=1.3, label="组合总值")
    axes.plot(dates, np.cumsum(result.flows)[at] / 1e4, color=GREY, linewidth=1.1, label="累计投入")
    if level is not None:
        same = money.same_flows(result.flows, level)[at] / 1e4
        axes.plot(dates, same, color=ORANGE, linewidth=1.1, label="同样的钱买 " + name)
    axes.set_ylabel("万元", fontsize=9)
    _legend(axes, 3)
    return _svg(figure)


def _unit(days: Sequence[str], returns: Any, level: Optional[Any], name: str) -> str:
    figure, axes = _axes()
    at = _thin(len(days))
    dates = _dates(days)[at]
    axes.plot(dates, money.unit_values(returns)[at], color=BLUE, linewidth=1.3, label="单位净值")
    if level is not None and np.isfinite(level[0]):
        axes.plot(dates, (level / level[0])[at], color=ORANGE, linewidth=1.1, label=name + "（含分红）")
    _legend(axes, 3)
    return _svg(figure)


def _drawdown(days: Sequence[str], returns: Any) -> str:
    figure, axes = _axes(0.7)
    at = _thin(len(days))
    curve = metrics.drawdown_curve(returns)[at] * 100
    axes.fill_between(_dates(days)[at], curve, 0, color=RED, alpha=0.35, linewidth=0)
    axes.set_ylabel("%", fontsize=9)
    return _svg(figure)


def _cash(result: Result) -> str:
    figure, axes = _axes()
    at = _thin(len(result.days))
    rows = [result.cash[at] / 1e4] + [row[at] / 1e4 for row in result.holdings]
    colors = ["#d5dbdb"] + [plt.get_cmap("tab10")(number % 10) for number in range(len(result.codes))]
    axes.stackplot(_dates(result.days)[at], rows, labels=["现金"] + result.codes, colors=colors, linewidth=0)
    axes.set_ylabel("万元", fontsize=9)
    _legend(axes, 4)
    return _svg(figure)


def _months(days: Sequence[str], returns: Any) -> str:
    months = metrics.by_month(days, returns)
    years = sorted({month[:4] for month in months})
    table = np.full((len(years), 12), np.nan)
    for month, one in months.items():
        table[years.index(month[:4])][int(month[4:]) - 1] = one * 100
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.32 * len(years)))
    most = max(1.0, float(np.nanmax(np.abs(table))))
    # Red is up in China.
    axes.imshow(table, cmap="RdYlGn_r", vmin=-most, vmax=most, aspect="auto")
    for row in range(len(years)):
        for column in range(12):
            if np.isfinite(table[row][column]):
                color = "white" if abs(table[row][column]) > 0.7 * most else "black"
                axes.text(column, row, "%.1f" % table[row][column], ha="center", va="center", fontsize=8, color=color)
    axes.set_xticks(range(12))
    axes.set_xticklabels(["%d月" % month for month in range(1, 13)], fontsize=8)
    axes.set_yticks(range(len(years)))
    axes.set_yticklabels(years, fontsize=8)
    return _svg(figure)


def _price(result: Result, board: Board, number: int) -> str:
    """Price with its average, the bands of the day's thresholds and the trades, all adjusted to the last day."""
    line = board.lines[number]
    at = _thin(len(line.places))
    dates = _dates([board.days[place] for place in line.places])
    signal, scale, now = line.signal, line.scale[0], line.scale[0][-1]
    shown = levels.shown(board, result.setup, number)
    raise_to_now = (scale / now)[line.first :]
    figure, axes = _axes(1.1)
    axes.plot(dates[at], (signal[line.first :] / now)[at], color="#34495e", linewidth=1.0, label="价格（前复权）")
    for values, color, style, label in (
        (shown[0], ORANGE, "-", "均线"),
        (shown[1], GREEN, "--", "低于此可买"),
        (shown[2], RED, "--", "高于此可卖"),
    ):
        axes.plot(dates[at], (values * raise_to_now)[at], color=color, linewidth=0.9, linestyle=style, label=label)
    factor = dict(zip((board.days[place] for place in line.places), raise_to_now))
    for side, color, mark, label in ((1, RED, "^", "买"), (-1, GREEN, "v", "卖")):
        orders = [order for order in result.orders if order.code == result.codes[number] and order.side == side]
        axes.scatter(
            _dates([order.day for order in orders]),
            [order.price * factor[order.day] for order in orders],
            color=color,
            marker=mark,
            s=22,
            zorder=3,
            label="%s %d" % (label, len(orders)),
        )
    axes.set_ylabel("元", fontsize=9)
    _legend(axes, 3)
    return _svg(figure)


def _cell(result: Result, board: Board, number: int) -> str:
    line = board.lines[number]
    at = _thin(len(line.places))
    dates = _dates([board.days[place] for place in line.places])
    average = levels.shown(board, result.setup, number)[0]
    raw = np.array(line.fund.closes[line.first :])
    with np.errstate(invalid="ignore"):
        cells = (raw - average) / average / result.setup.rule.grid_height
    figure, axes = _axes(0.7)
    axes.plot(dates[at], cells[at], color="#aab7b8", linewidth=0.8, label="价格所在的格")
    axes.step(
        dates[at], result.cells[number][line.places][at], color=BLUE, linewidth=1.2, where="post", label="上次成交的格"
    )
    axes.axhline(0, color="#bdc3c7", linewidth=0.8)
    if not np.isfinite(cells).any():
        axes.text(0.5, 0.7, "行情不足一条均线，没有交易", transform=axes.transAxes, ha="center", fontsize=10)
        axes.set_yticks([])
    _legend(axes, 2)
    return _svg(figure)


def distances(lines: Sequence[Any], band: Any, prefix: str) -> str:
    """(name, days, distances to the average) of several signals of a fund, with the thresholds of the first."""
    figure, axes = _axes(1.2)
    colors = (BLUE, ORANGE, GREEN, GREY, RED)
    for (name, days, values), color in reversed(list(zip(lines, colors))):
        at = _thin(len(days))
        axes.plot(_dates(days)[at], np.asarray(values)[at] * 100, color=color, linewidth=1.0, label=name)
    for value, color, label in ((band[0], GREEN, "低于此可买（等比）"), (band[1], RED, "高于此可卖（等比）")):
        if np.isfinite(value):
            axes.axhline(value * 100, color=color, linestyle="--", linewidth=0.9, label=label)
    axes.axhline(0, color="#bdc3c7", linewidth=0.8)
    axes.set_ylabel("离均线 %", fontsize=9)
    _legend(axes, 3)
    return _prefixed(_svg(figure), prefix)


def heat_map(title: str, names: Sequence[str], values: Sequence[List[Any]], table: Any, unit: str, prefix: str) -> str:
    """A search's result over two parameters: rows and columns are `values`, `table` may hold NaN."""
    rows, columns = values
    figure, axes = plt.subplots(figsize=(WIDTH, 1.4 + 0.4 * len(rows)))
    axes.imshow(np.asarray(table, float), cmap="viridis", aspect="auto")
    for row in range(len(rows)):
        for column in range(len(columns)):
            one = table[row][column]
            if np.isfinite(one):
                axes.text(column, row, "%.2f" % one, ha="center", va="center", fontsize=8, color="white")
    axes.set_xticks(range(len(columns)))
    axes.set_xticklabels(["%g" % value for value in columns], fontsize=8)
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels(["%g" % value for value in rows], fontsize=8)
    axes.set_ylabel(names[0], fontsize=9)
    axes.set_xlabel(names[1], fontsize=9)
    axes.set_title("%s（%s）" % (title, unit), fontsize=10)
    return _prefixed(_svg(figure), prefix)
