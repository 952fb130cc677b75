"""The ways of a real QMT that can hurt a strategy, each by name: a test, a drill or the command line can set it.

`TABLE` is the list. A behaviour has three values: what it is by default, what `on` and what `off` make it. Words switch
it: `late_factors` or `late_factors=yes` on, `late_factors=no` off, `visible_after=0.5,6` sets a value; '-' may be
written for '_'. They can be switched while a world runs: whoever reads one reads it anew each time.
Points are those of the checklist in qmt-facts 1.10; 24 to 26 come from the issue; 0 is beyond both.
"""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

ALL = "*"
MONEY = "[COUNTER][260200][可用资金不足][enable_balance=0.00]"


class Behaviour(NamedTuple):
    name: str
    point: int
    default: Any
    on: Any
    off: Any
    what: str


TABLE: Tuple[Behaviour, ...] = (
    Behaviour("rollback", 1, True, True, False, "ContextInfo is put back before each further tick of a bar"),
    Behaviour("history_bars", 2, 120, 120, 0, "bars replayed through handlebar at each start"),
    Behaviour("reinit_on_new_day", 3, True, True, False, "at 09:00 of a trading day all scripts run again from init"),
    Behaviour("timers_survive_reinit", 3, True, True, False, "run_time cannot be cancelled: an old run's timers go on"),
    Behaviour("visible_after", 4, (0.05, 3.0), (0.05, 6.0), (0.0, 0.0), "s until ORDER, DEAL and TASK show a change"),
    Behaviour("sysid_after", 4, (0.05, 1.0), (1.0, 6.0), (0.0, 0.0), "s in 待报 with an empty m_strOrderSysID"),
    Behaviour("unseen_orders", 4, False, True, False, "orders made while on never show: no row, no callback"),
    Behaviour("cash_after", 5, (0.05, 3.0), (1.0, 6.0), (0.0, 0.0), "s until ACCOUNT and POSITION show a change"),
    Behaviour("most_deals", 6, 3, 3, 1, "an order is filled in one to this many deals"),
    Behaviour("fill_after", 6, (0.1, 1.0), (0.5, 6.0), (0.0, 0.0), "s between two steps of an order"),
    Behaviour("thin_book", 6, False, True, False, "one lot to five a level: orders fill in many small parts"),
    Behaviour("half_fills", 6, False, True, False, "an order fills to about a half and then stays 部成"),
    Behaviour("no_fills", 6, False, True, False, "no order fills: it stays 已报"),
    Behaviour("reject", 6, "", MONEY, "", "every order becomes 废单 with this text of the counter"),
    Behaviour("reject_late", 6, False, True, False, "a refused order is 已报 (50) first, then 废单 (57)"),
    Behaviour("push_after", 6, (0.0, 0.2), (0.5, 4.0), (0.0, 0.0), "s until order_callback and the like come"),
    Behaviour("silent_refusals", 7, False, True, False, "passorder ends in a dialog: no row, no callback"),
    Behaviour("replay_on_reconnect", 8, True, True, False, "all of today's orders and deals are pushed again"),
    Behaviour("cancel_lies", 9, "", "both", "", "cancel() answers no and does it / yes and does not: no, yes, both"),
    Behaviour("cancel_after", 9, (0.1, 1.0), (1.0, 6.0), (0.0, 0.0), "s until a cancel is done"),
    Behaviour("cancel_too_late", 9, False, True, False, "what is being cancelled fills first"),
    Behaviour("logged_out", 10, False, True, False, "tables are [], nothing is pushed, orders do not leave"),
    Behaviour(
        "login_after", 10, (0.0, 0.0), (1.0, 20.0), (0.0, 0.0), "s from the client's start until it is logged in"
    ),
    Behaviour("zero_totals", 10, False, True, False, "outside hours the account's totals are 0, positions right"),
    Behaviour("quick_trade_rules", 11, True, True, False, "quickTrade 0, 1, 2; off: every signal is sent at once"),
    Behaviour("settle_next_day", 12, True, True, False, "T+1: shares bought today cannot be sold today"),
    Behaviour("freeze_cash", 12, True, True, False, "the money of a live buy is not available"),
    Behaviour("lots", 13, True, True, False, "buys in lots of 100; an odd lot is sold only as the whole remainder"),
    Behaviour("price_cage", 13, True, True, False, "a limit beyond 2 % of the other side becomes 废单"),
    Behaviour("price_limits", 13, True, True, False, "a limit beyond 涨停 or 跌停 becomes 废单"),
    Behaviour("phases", 13, True, True, False, "auctions, lunch and closing time; off: continuous around the clock"),
    Behaviour("halted", 13, "", ALL, "", "codes (comma-separated, * = all) that are 停牌"),
    Behaviour("limit_up", 13, "", ALL, "", "codes that stand at 涨停: nobody sells"),
    Behaviour("limit_down", 13, "", ALL, "", "codes that stand at 跌停: nobody buys"),
    Behaviour("floor_to_lots", 14, True, True, False, "1102, 1113 and 1123 are floored to 100; off: to 1"),
    Behaviour("sentinels", 15, True, True, False, "unknown values are 1.797e308 and 2147483647, else 0"),
    Behaviour("commission_name", 16, "m_dComssion", "m_dComssion", "m_dCommission", "the one spelling that deals have"),
    Behaviour("one_thread", 17, True, True, False, "a strategy that sleeps holds up the others (simulated clock)"),
    Behaviour("strict_source", 18, True, True, False, "Python 3.6 syntax and library only"),
    Behaviour("file_name", 18, False, True, False, "scripts have a __file__ (the real client gives none)"),
    Behaviour("passorder_returns", 19, "None", "0", "None", "what passorder returns: None or 0"),
    Behaviour("callbacks_need_set_account", 20, True, True, False, "no callback without ContextInfo.set_account"),
    Behaviour("simulation_mode", 20, False, True, False, "模拟 in place of 实盘: no order leaves, no callback comes"),
    Behaviour("editor_mode", 20, False, True, False, "调试运行 in the editor: the same, and no global `account`"),
    Behaviour("forbidden", 21, "", "requests", "", "modules that the broker's whitelist refuses, comma-separated"),
    Behaviour("quotes_frozen", 22, False, True, False, "get_full_tick stands still, handlebar is not called"),
    Behaviour("stale_ticks", 22, False, True, False, "get_full_tick stands still, handlebar goes on"),
    Behaviour("zero_prices", 22, "", ALL, "", "codes whose ticks are all zeros"),
    Behaviour("one_level", 22, False, True, False, "no five-level quotes: ask and bid are zeros"),
    Behaviour("no_data", 23, "", ALL, "", "codes without local data: -1, empty frames"),
    Behaviour("zero_frames", 23, False, True, False, "adjusted frames are all zeros: factors never downloaded"),
    Behaviour("late_factors", 24, False, True, False, "adjustment factors come a day after the ex-date"),
    Behaviour("remarks_lost", 25, False, True, False, "after a restart of the client, older rows have no remark"),
    Behaviour("no_cancel_in_auctions", 26, True, True, False, "no cancels 09:20-09:25, 14:57-15:00 and after 17:00"),
    Behaviour("tick_time", 0, "timetag", "time", "timetag", "get_full_tick's time: timetag (older client) or time"),
    Behaviour("pc_clock_off", 0, 0.0, 300.0, 0.0, "s by which the PC's clock is ahead of the exchange's"),
)
_BY_NAME: Dict[str, Behaviour] = {behaviour.name: behaviour for behaviour in TABLE}


class Behaviours:
    """The behaviours of one world, as attributes; Behaviours(rollback=False, visible_after=(1, 2))."""

    def __init__(self, **given: Any) -> None:
        for behaviour in TABLE:
            setattr(self, behaviour.name, behaviour.default)
        for name, value in given.items():
            self.set(name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError("没有行为 %s" % name)

    def set(self, name: str, value: Any) -> None:
        """Give a behaviour a value of its own; ValueError where there is none of that name."""
        setattr(self, _named(name).name, value)

    def on(self, name: str) -> None:
        self.set(name, _named(name).on)

    def off(self, name: str) -> None:
        self.set(name, _named(name).off)

    def switch(self, word: str) -> None:
        """Obey one word: 'late_factors', 'late_factors=no', 'visible_after=0.5,6'. ValueError in Chinese otherwise."""
        name, found, text = word.partition("=")
        behaviour = _named(name)
        text = text.strip()
        if not found or text in ("yes", "on"):
            self.on(name)
        elif text in ("no", "off"):
            self.off(name)
        else:
            try:
                self.set(name, _value(text, behaviour))
            except ValueError:
                raise ValueError("行为 %s 的值 %s 不对，默认值是 %s" % (name, text, behaviour.default)) from None

    def concerns(self, name: str, code: str) -> bool:
        """Whether a behaviour that names codes names this one."""
        codes = getattr(self, name)
        return bool(codes) and (codes == ALL or code in [part.strip() for part in codes.split(",")])


def names() -> List[str]:
    return [behaviour.name for behaviour in TABLE]


def from_words(words: Sequence[str]) -> Behaviours:
    """The defaults, switched by each of `words`; ValueError with a Chinese sentence where one is wrong."""
    made = Behaviours()
    for word in words:
        made.switch(word)
    return made


def _named(name: str) -> Behaviour:
    found = _BY_NAME.get(name.strip().replace("-", "_"))
    if found is None:
        raise ValueError("没有行为 %s，可用的有：%s" % (name, "、".join(names())))
    return found


def _value(text: str, behaviour: Behaviour) -> Any:
    default = behaviour.default
    if isinstance(default, bool):
        raise ValueError(text)
    if isinstance(default, (int, float)):
        return type(default)(text)
    if isinstance(default, tuple):
        parts = [float(part) for part in text.split(",")]
        if len(parts) == 1:
            parts *= 2
        if len(parts) != 2 or not 0 <= parts[0] <= parts[1]:
            raise ValueError(text)
        return (parts[0], parts[1])
    return text
