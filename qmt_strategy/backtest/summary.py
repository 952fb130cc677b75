"""A run's figures in a dozen Chinese lines."""

from typing import Any, Dict, List, Optional

from ..dingtou.rule import Rule
from .setup import FILLS, Setup


def lines(figures: Dict[str, Any], setup: Setup, notes: List[str]) -> List[str]:
    found = [
        "回测 %s 到 %s，%s" % (_day(figures["first_day"]), _day(figures["last_day"]), _how(setup)),
        "买 %d 次，卖 %d 次，手续费 %s 元，分红和利息 %s 元"
        % (figures["buys"], figures["sells"], yuan(figures["fees"]), yuan(figures["income"])),
        "投入 %s 元（%d 次），期末 %s 元（其中现金 %s 元），盈亏 %s 元"
        % (
            yuan(figures["injected"]),
            figures["injections"],
            yuan(figures["final_value"]),
            yuan(figures["final_cash"]),
            yuan(figures["profit"]),
        ),
        "XIRR（按实际投入时间的年化）%s" % percent(figures["xirr"]),
        "原策略的年化算法 (E/S)^(1/年)-1：%s（把所有钱当作第一天投入，仅供对照）"
        % percent(figures["original_annualised"]),
        "期末单位净值 %.4f，年化 %s，波动 %s，夏普 %s（无风险利率 %s），索提诺 %s，卡玛 %s"
        % (
            figures["unit_value"],
            percent(figures["cagr"]),
            percent(figures["volatility"]),
            number(figures["sharpe"]),
            percent(figures["risk_free"]),
            number(figures["sortino"]),
            number(figures["calmar"]),
        ),
        "最大回撤 %s%s" % (percent(figures["max_drawdown"]), _fall(figures["drawdowns"])),
        "占用资金最高 %s 元，持仓市值最高 %s 元；闲置现金平均占 %s，期末占 %s"
        % (
            yuan(figures["peak_capital"]),
            yuan(figures["peak_holdings"]),
            percent(figures["idle_cash_share"]),
            percent(figures["idle_cash_at_end"]),
        ),
    ]
    against: Optional[Dict[str, Any]] = figures.get("benchmark")
    if against:
        words = "同样的钱、同样的日子买 %s：期末 %s 元，XIRR %s"
        found.append(words % (against["name"], yuan(against["final_value"]), percent(against["xirr"])))
    for reason, one in figures["skipped"].items():
        found.append("没有下的单：%s，买 %d 天次，卖 %d 天次" % (reason, one["buys"], one["sells"]))
    found.extend("注意：" + note for note in notes)
    return found


def warnings(setup: Setup) -> List[str]:
    """What a reader of the figures must know of how they were made."""
    found = []
    if setup.full_sample:
        found.append("买卖门槛用了全部历史（含未来）的分位数，实盘做不到")
    if setup.average_today or setup.fill == "close":
        found.append("用当天收盘价决定又按当天收盘价成交，实盘做不到")
    if setup.signals not in ("ratio_back", "ratio_front"):
        found.append("信号价格不是等比复权，和实盘的门槛不同")
    return found


def yuan(value: Optional[float]) -> str:
    return "—" if value is None else "{:,.2f}".format(value)


def percent(value: Optional[float]) -> str:
    return "—" if value is None else "%.2f%%" % (value * 100)


def number(value: Optional[float]) -> str:
    return "—" if value is None else "%.2f" % value


def rule_words(rule: Rule) -> str:
    return "均线 %d 日，格高 %g%%，每格 %g 元，卖出分位 %g，买入分位 %g，买入系数 %g，卖出系数 %g" % (
        rule.ma,
        rule.grid_height * 100,
        rule.grid_amount,
        rule.quantile_positive,
        rule.quantile_negative,
        rule.buy_factor,
        rule.sell_factor,
    )


def _how(setup: Setup) -> str:
    money = "钱不够时补（银行模式）" if setup.bank else "本金 %s 元" % yuan(setup.cash)
    return "%s；%s" % (FILLS[setup.fill], money)


def _fall(falls: List[Dict[str, Any]]) -> str:
    if not falls:
        return ""
    fall = falls[0]
    words = "（%s 起，%s 最低，%s）"
    end = _day(fall["end"]) + " 恢复" if fall["end"] else "还没有恢复"
    return words % (_day(fall["peak"]), _day(fall["trough"]), end)


def _day(day: str) -> str:
    return "%s-%s-%s" % (day[:4], day[4:6], day[6:])
