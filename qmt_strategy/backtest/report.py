"""The report: one HTML file in Chinese, nothing loaded from elsewhere, readable on a desk and on a phone."""

import html
from typing import Any, Dict, List, Optional, Sequence

from . import summary
from .engine import Order
from .setup import FILLS, Setup
from .summary import number, percent, yuan

STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{font:15px/1.55 -apple-system,"Segoe UI","PingFang SC","Microsoft YaHei",sans-serif;color:#1c2833;
margin:0 auto;max-width:1080px;padding:16px;background:#fff}
h1{font-size:22px;margin:8px 0}h2{font-size:18px;margin:28px 0 8px;border-bottom:2px solid #1f5fa8;padding-bottom:4px}
h3{font-size:16px;margin:20px 0 4px}
p{margin:6px 0}.note{background:#fef5e7;border-left:4px solid #d68910;padding:8px 12px;margin:10px 0}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px;margin:12px 0}
.card{background:#f4f6f7;border-radius:8px;padding:10px 12px}.card b{display:block;font-size:19px}
.card span{color:#566573;font-size:13px}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{padding:5px 8px;border-bottom:1px solid #e5e8ea;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{background:#f4f6f7}
svg{width:100%;height:auto;display:block}
summary{cursor:pointer;padding:4px 0}
@media(max-width:760px){body{padding:10px;font-size:14px}.cards{grid-template-columns:repeat(2,1fr)}
.wide svg{min-width:560px}}
"""


NO_PICTURES = "没有安装 matplotlib，所以没有图：pip install matplotlib==3.7.5 后再跑一次就有"


def pictures() -> Optional[Any]:
    """The module that draws, or None where matplotlib is not installed (Python 3.8 as the tray has it)."""
    try:
        from . import plots
    except ImportError:
        return None
    return plots


def page(
    figures: Dict[str, Any],
    setup: Setup,
    source: str,
    notes: List[str],
    pictures: Dict[str, Any],
    orders: Sequence[Order] = (),
) -> str:
    """The whole file. `pictures` as plots.all_pictures, {} = none could be drawn."""
    against: Optional[Dict[str, Any]] = figures.get("benchmark")
    parts = [
        "<h1>ETF 网格回测报告</h1>",
        "<p>%s 到 %s。%s。</p>" % (_day(figures["first_day"]), _day(figures["last_day"]), _e(source)),
        "<p>%s；%s。</p>" % (_e(FILLS[setup.fill]), _e(summary.rule_words(setup.rule))),
        "".join('<div class="note">%s</div>' % _e(note) for note in notes + ([] if pictures else [NO_PICTURES])),
        _cards(figures, against),
        "<h2>净值和基准</h2>",
        _picture(pictures.get("equity")),
        "<p>单位净值：补入的钱不算收益，和基准可直接比。</p>",
        _picture(pictures.get("unit")),
        _against(against),
        "<h2>回撤</h2>",
        _picture(pictures.get("drawdown")),
        _falls(figures["drawdowns"]),
        "<h2>现金和持仓</h2>",
        _picture(pictures.get("cash")),
        "<h2>每月收益（%）</h2>",
        _picture(pictures.get("months"), " heat"),
        _months(figures["months"], figures["years"]),
        "<h2>各基金</h2>",
        _funds(figures["funds"]),
        "<h2>没有下的单</h2>",
        _skipped(figures["skipped"]),
    ]
    for code, price, cell in pictures.get("funds", []):
        parts.append("<h3>%s</h3>%s%s" % (_e(code), _picture(price), _picture(cell)))
    parts.append("<h2>成交明细</h2>" + _orders(orders))
    parts.append("<h2>全部参数</h2>" + _setup(setup))
    return document("ETF 网格回测报告", "".join(parts))


def document(title: str, body: str) -> str:
    """A whole HTML file."""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>%s</title>'
        "<style>%s</style></head><body>%s</body></html>" % (_e(title), STYLE, body)
    )


def _cards(one: Dict[str, Any], against: Optional[Dict[str, Any]]) -> str:
    cards = [
        ("XIRR（实际投入时间）", percent(one["xirr"])),
        ("盈亏（元）", yuan(one["profit"])),
        ("投入（元）", yuan(one["injected"])),
        ("期末总值（元）", yuan(one["final_value"])),
        ("期末单位净值（开始为 1）", "%.4f" % one["unit_value"]),
        ("单位净值年化", percent(one["cagr"])),
        ("最大回撤", percent(one["max_drawdown"])),
        ("年波动", percent(one["volatility"])),
        ("夏普（无风险 %s）" % percent(one["risk_free"]), number(one["sharpe"])),
        ("索提诺", number(one["sortino"])),
        ("卡玛", number(one["calmar"])),
        ("买 / 卖", "%d / %d" % (one["buys"], one["sells"])),
        ("手续费（元）", yuan(one["fees"])),
        ("占用资金最高（元）", yuan(one["peak_capital"])),
        ("持仓市值最高（元）", yuan(one["peak_holdings"])),
        ("闲置现金 平均 / 期末", "%s / %s" % (percent(one["idle_cash_share"]), percent(one["idle_cash_at_end"]))),
        ("原策略年化算法", percent(one["original_annualised"])),
    ]
    if against:
        cards.insert(1, ("同样的钱买 %s 的 XIRR" % against["name"], percent(against["xirr"])))
    return '<div class="cards">%s</div>' % "".join(
        '<div class="card"><span>%s</span><b>%s</b></div>' % (_e(name), _e(value)) for name, value in cards
    )


def _against(one: Optional[Dict[str, Any]]) -> str:
    if not one:
        return ""
    words = "<p>同样的钱、同样的日子买 %s：期末 %s 元，XIRR %s；它自己的年化 %s，最大回撤 %s，日收益相关 %s。</p>"
    return words % (
        _e(one["name"]),
        yuan(one["final_value"]),
        percent(one["xirr"]),
        percent(one["cagr"]),
        percent(one["max_drawdown"]),
        number(one["correlation"]),
    )


def _falls(falls: List[Dict[str, Any]]) -> str:
    rows = [
        [
            percent(fall["depth"]),
            _day(fall["peak"]),
            _day(fall["trough"]),
            _day(fall["end"]) if fall["end"] else "未恢复",
        ]
        for fall in falls
    ]
    return table(["幅度", "开始", "最低", "恢复"], rows)


def _months(months: Dict[str, float], years: Dict[str, float]) -> str:
    rows = []
    for year, whole in years.items():
        of_year = [months.get("%s%02d" % (year, month)) for month in range(1, 13)]
        rows.append([year] + ["" if one is None else "%.1f" % (one * 100) for one in of_year + [whole]])
    return table(["年"] + ["%d月" % month for month in range(1, 13)] + ["全年"], rows)


def _orders(orders: Sequence[Order]) -> str:
    """Folded away: on a phone it would be the longest part."""
    rows = [
        [
            _day(one.day),
            "%02d:%02d" % (one.second // 3600, one.second // 60 % 60),
            one.code,
            "买" if one.side > 0 else "卖",
            one.shares,
            "%.3f" % one.price,
            yuan(one.yuan),
            yuan(one.fee),
            one.cell,
            yuan(one.injected) if one.injected else "",
        ]
        for one in orders
    ]
    heads = ["日期", "时间", "基金", "买卖", "份额", "价格", "金额", "手续费", "格", "补入现金"]
    return "<details><summary>全部 %d 笔</summary>%s</details>" % (len(rows), table(heads, rows))


def _funds(funds: List[Dict[str, Any]]) -> str:
    rows = [
        [
            one["code"],
            one["buys"],
            one["sells"],
            percent(one["win_rate"]),
            yuan(one["realised"]),
            yuan(one["fees"]),
            number(one["turnover"]),
            one["skipped"],
            one["shares"],
            yuan(one["value"]),
            one["cell"],
        ]
        for one in funds
    ]
    heads = [
        "基金",
        "买",
        "卖",
        "卖出胜率",
        "已实现盈亏",
        "手续费",
        "年换手",
        "没下的单",
        "期末份额",
        "期末市值",
        "当前格",
    ]
    return table(heads, rows)


def _skipped(reasons: Dict[str, Any]) -> str:
    if not reasons:
        return "<p>没有。</p>"
    rows = [
        [reason, one["buys"], one["sells"], "、".join("%s %d" % pair for pair in sorted(one["codes"].items()))]
        for reason, one in reasons.items()
    ]
    return "<p>同一基金同一天同一原因只记一次。</p>" + table(["原因", "买", "卖", "基金和天数"], rows)


def _setup(setup: Setup) -> str:
    values = dict(setup._asdict())
    values.update(values.pop("rule")._asdict())
    values.pop("daily_limit")  # each fund's own
    return table(["参数", "值"], [[name, str(value)] for name, value in values.items()])


def table(heads: List[str], rows: List[List[Any]]) -> str:
    head = "".join("<th>%s</th>" % _e(one) for one in heads)
    body = "".join("<tr>%s</tr>" % "".join("<td>%s</td>" % _e(str(one)) for one in row) for row in rows)
    return '<div class="wide"><table><tr>%s</tr>%s</table></div>' % (head, body)


def _picture(svg: Optional[str], kind: str = "") -> str:
    return '<div class="wide%s">%s</div>' % (kind, svg) if svg else ""


def _e(text: str) -> str:
    return html.escape(str(text))


def _day(day: str) -> str:
    return "%s-%s-%s" % (day[:4], day[4:6], day[6:])
