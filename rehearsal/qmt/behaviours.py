"""The ways of a real QMT that can hurt a strategy, each by name, so that a test or a drill can set it.

The numbers in the comments are those of the checklist in qmt-facts 1.10. Spans are (shortest, longest) in seconds; what
happens within a span is drawn from the run's seed.
"""

from typing import Any, List, NamedTuple, Sequence, Tuple

Span = Tuple[float, float]


class Behaviours(NamedTuple):
    rollback: bool = True  # 1: ContextInfo is put back before each further tick of a bar
    history_bars: int = 120  # 2: bars replayed through handlebar at each start
    timers_survive_reinit: bool = True  # 3: run_time cannot be cancelled, so an old run's timers go on
    visible_after: Span = (0.05, 3.0)  # 4, 5: age of the client's copy of orders, deals, cash and positions
    sysid_after: Span = (0.05, 1.0)  # 4: an order is 待报 with an empty m_strOrderSysID until then
    fill_after: Span = (0.1, 1.0)  # 6: between two deals of one order
    most_deals: int = 3  # 6: an order is filled in one to this many deals
    replay_on_reconnect: bool = True  # 8: all of today's orders and deals are pushed again
    settle_next_day: bool = True  # 12: T+1, shares bought today cannot be sold today
    sentinels: bool = True  # 15: unknown values are 1.797e308 and 2147483647, else 0
    commission_name: str = "m_dComssion"  # 16: the one spelling that deals have
    callbacks_need_set_account: bool = True  # 20
    forbidden: str = ""  # 21: modules that the broker's whitelist refuses, comma-separated
    quotes_frozen: bool = False  # 22: from the start; the commands freeze-quotes and thaw-quotes change it
    tick_time: str = "timetag"  # get_full_tick's time: 'timetag' (older clients) or 'time' (newer)


def from_words(words: Sequence[str]) -> Behaviours:
    """Behaviours from ['visible_after=0.05,6', 'rollback=no', ...]; ValueError with a Chinese sentence otherwise."""
    given = {}
    types = dict(zip(Behaviours._fields, Behaviours()))
    for word in words:
        name, found, text = word.partition("=")
        if not found or name not in types:
            raise ValueError("没有行为 %s，可用的有：%s" % (word, "、".join(Behaviours._fields)))
        try:
            given[name] = _value(text.strip(), types[name])
        except ValueError:
            raise ValueError("行为 %s 的值 %s 不对，默认值是 %s" % (name, text, types[name])) from None
    return Behaviours()._replace(**given)


def _value(text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text not in ("yes", "no"):
            raise ValueError(text)
        return text == "yes"
    if isinstance(default, int):
        return int(text)
    if isinstance(default, tuple):
        span: List[float] = [float(part) for part in text.split(",")]
        if len(span) != 2 or not 0 <= span[0] <= span[1]:
            raise ValueError(text)
        return (span[0], span[1])
    return text
