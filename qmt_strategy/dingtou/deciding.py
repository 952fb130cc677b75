"""From ticks to intents: asks the rule about each fund when that is due, and the gate about each order it wishes."""

from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import (
    checkup,
    clock,
    control,
    dayplans,
    facts,
    gate,
    lookout,
    looks,
    morning,
    notices,
    orders,
    params,
    plan,
    rows,
    rule,
    settle,
    silence,
)
from .desk import Desk
from .flags import Flag
from .guard import Guard
from .placing import Placer

Chain = List[Flag]


class Eyes(NamedTuple):
    """What the decider asks of the trader."""

    look: Callable[[float], looks.Look]  # a fresh look at the account, observed
    last_look: Callable[[], looks.Look]
    newest_copy: Callable[[], bool]
    free_space: Callable[[], int]  # bytes
    post: Callable[[str, Dict[str, Any]], Any]


class Decider:
    """One day's decisions. `observe`: no order is placed."""

    def __init__(
        self,
        found: params.Params,
        desk: Desk,
        mornings: morning.Morning,
        placer: Placer,
        eyes: Eyes,
        guard: Guard,
        observe: bool,
    ) -> None:
        self._params = found
        self._desk = desk
        self._morning = mornings
        self._placer = placer
        self._eyes = eyes
        self._guard = guard
        self._observe = observe
        self._limits = gate.Limits(found.max_attempts, found.max_order_amount, found.max_day_amount, found.tick_max_age)
        self._silence = silence.Silence()
        self._called = float("-inf")
        self._ended: Dict[str, float] = {}  # flag id -> Watch.watched when its rest was first due
        self._decided: Dict[str, int] = {}  # code -> second of the day of the last decision

    def run(self, ContextInfo: Any, now: float, ticks: Dict[str, Any]) -> None:
        """One call of handlebar: every fund whose decision, or whose rest of an intent, is due."""
        second = clock.second_of_day(now)
        self._settle_what_is_over(second)
        if not gate.in_hours(second):
            self._silence.forget()
            return
        self._see_silence(now, ticks)
        chains: Dict[str, Chain] = {chain[0].id.code: chain for chain in self.pending()}
        for fund in self._params.funds:
            tick = ticks.get(fund.code)
            if fund.why_not or not self.fresh(tick, now):
                continue
            if not dayplans.known(fund, self._desk.day):
                self._load_plan(ContextInfo, fund, tick)
                return  # bars take time, minutes where QMT downloads them: the next call has fresh ticks
            chain = chains.get(fund.code[:6])
            if chain is not None:
                self._guard.run("retry", self._pursue, ContextInfo, fund, chain, tick)
            elif rule.due(self._params.decide_at, second, self._last_decision(fund)):
                self._decided[fund.code] = second
                self._guard.run("decide", self._decide, ContextInfo, fund, tick)

    def pending(self) -> List[Chain]:
        """Today's intents whose orders have ended, but whose grid state has not moved yet."""
        flags = self._desk.today()
        if all(flag.settled for flag in flags):
            return []
        return [chain for chain in settle.chains(flags) if settle.pending(chain)]

    def _settle_what_is_over(self, second: int) -> None:
        """Intents that get no further attempt today move their fund's grid state now."""
        late = second > gate.AFTERNOON[1]
        for chain in self.pending():
            if late or settle.retry_at(chain, self._desk.day) == float("inf"):
                settle.settle(self._desk, chain)

    def _see_silence(self, now: float, ticks: Dict[str, Any]) -> None:
        """Tell, once a day, what has kept funds from being looked at for minutes."""
        gap, self._called = now - self._called, now
        slow = "策略每 %.0f 秒才运行一次，太慢，委托可能核对不了。请改挂成交活跃的图（如 510300 的 1 分钟图）"
        found = {"calls": slow % gap if lookout.GAP < gap < 600 else ""}
        found["account"] = "" if self._eyes.last_look().good else "QMT 没有登录资金账号 5 分钟了，不下单。请登录"
        for fund in self._params.funds:
            if not fund.why_not:
                found[fund.code] = "" if self.fresh(ticks.get(fund.code), now) else _no_tick(fund.code, ticks, now)
        for flag in self._desk.today():
            found[flag.name] = _not_sure(self._desk, flag)
        for key, words in found.items():
            lasting = self._silence.note(key, words, now)
            if lasting:
                about = {"code": key} if "." in key else {}
                self._desk.teller.once("silence " + key, notices.BLOCKED, lasting, **about)

    def fresh(self, tick: Any, now: float) -> bool:
        """Whether a tick is dated today and agrees with the PC's clock."""
        at = clock.tick_time(tick)
        return at is not None and clock.day(at) == self._desk.day and abs(now - at) <= self._params.tick_max_age

    def _load_plan(self, ContextInfo: Any, fund: params.Fund, tick: Any) -> None:
        made = dayplans.load(fund, self._desk.day, ContextInfo, tick, self._desk.late(fund.code))
        self._desk.note_late(fund.code, made.plan)
        if made.plan.why_not:
            what = notices.BLOCKED if made.plan.may_buy or made.plan.may_sell else notices.STOPPED_FUND
            words = "%s %s" % (fund.code, made.plan.why_not)
            self._desk.teller.once("plan " + fund.code, what, words, code=fund.code)
        if made.chart:
            self._eyes.post("file", made.chart)

    def _wish(self, fund: params.Fund, tick: Any) -> plan.Wish:
        """What the rule asks for now."""
        day_plan = dayplans.get(fund, self._desk.day)
        known = self._desk.grid.cells.get(fund.code)
        price = rows.number(tick.get("lastPrice")) or 0.0
        return plan.wish(day_plan.plan, fund.rule, price, known.cell if known else 0)

    def _decide(self, ContextInfo: Any, fund: params.Fund, tick: Any) -> None:
        wish = self._wish(fund, tick)
        if not self._observe and wish.cell and morning.may_start(self._desk, fund):
            self._start(fund, wish.cell)
            wish = self._wish(fund, tick)
        reason = self._intend(ContextInfo, fund, wish, tick, None) if wish.side else None
        if self._params.decide_at >= 0:
            if reason is not None and reason.passing:
                self._decided.pop(fund.code, None)  # once a day: what passes must not cost the day
            else:
                self._desk.decided(fund.code)

    def _last_decision(self, fund: params.Fund) -> int:
        """Second of the day at which the rule was last asked about a fund; -1 = not yet today."""
        account = self._desk.book.accounts.get(fund.code)
        if self._params.decide_at >= 0 and account is not None and account.decided == self._desk.day:
            return self._params.decide_at  # before a restart
        return self._decided.get(fund.code, -1)

    def _start(self, fund: params.Fund, cell: int) -> None:
        """The owner's start_cell, used once."""
        look = self._eyes.last_look()
        # Twice as long where POSITION decides whether this is a first run: it may come later than ACCOUNT.
        if self._morning.steady.seconds >= 2 * lookout.SETTLE and look.good:
            chosen = {params.CURRENT: cell, params.NUMBER: fund.start_cell}.get(fund.start, 0)
            morning.start(self._desk, fund, chosen, look)

    def _pursue(self, ContextInfo: Any, fund: params.Fund, chain: Chain, tick: Any) -> None:
        """The rest of an intent whose attempt ended: once more if the rule still holds, else it is settled."""
        if settle.retry_at(chain, self._desk.day) > self._desk.now():
            return
        first = chain[0]
        wish = self._wish(fund, tick)
        if fund.code not in self._desk.grid.cells or wish.side != (1 if first.buy else -1):
            settle.settle(self._desk, chain)
            return
        since = self._ended.setdefault(chain[-1].name, self._desk.watch.watched)
        looked = self._desk.watch.watched - since >= settle.CONFIRM_FOR
        if not looked or not all(self._desk.deals_agree(flag) for flag in chain):
            return  # what was filled is not sure yet, and with it the rest
        rest = first.number("target") - settle.done(chain)[1]
        wish = plan.Wish(wish.side, int(first.get("cell", wish.cell)), rest)
        reason = self._intend(ContextInfo, fund, wish, tick, first)
        if reason is not None and not reason.passing:
            settle.settle(self._desk, chain)

    def _intend(
        self, ContextInfo: Any, fund: params.Fund, wish: plan.Wish, tick: Any, first: Optional[Flag]
    ) -> Optional[gate.Reason]:
        """Place the order that the rule wishes, if nothing speaks against it; the reason if something does."""
        desk = self._desk
        look = self._eyes.look(desk.now())
        if first is None and any(chain[0].id.code == fund.code[:6] for chain in self.pending()):
            return gate.Reason("rest", "上一笔的余下部分先处理", True)  # this very look ended an order
        scene = facts.Scene(
            desk=desk,
            morning=self._morning,
            fund=fund,
            tick=tick,
            look=look,
            now=desk.now(),  # looks take seconds: the tick has grown older
            live=not self._observe,
            newest_copy=self._eyes.newest_copy(),
            stop=control.stop_asked(desk.home),
            free_space=self._eyes.free_space(),
        )
        ticket = facts.ticket(scene, wish)
        reason = gate.refuse(facts.gather(scene, wish, ticket), self._limits)
        if reason is not None:
            notices.tell_refusal(desk.teller, fund.code, wish, reason)
            return reason
        if not checkup.run(desk):
            return gate.Reason("state", "记录刚被改动，先不下单", True)
        until = (clock.tick_time(tick) or 0.0) + self._params.tick_max_age
        self._placer.place(ContextInfo, fund, wish, ticket, look, first, until)
        return None


def _no_tick(code: str, ticks: Dict[str, Any], now: float) -> str:
    at = clock.tick_time(ticks.get(code))
    if at is None:
        return "%s 没有行情 5 分钟了，先不买卖它。请看 QMT 的行情连接，再看 sentry.ini 里的代码" % code
    words = "%s 的行情与电脑时间差 %.0f 秒，先不买卖它。停牌就不用管；不是就看行情连接和电脑时间"
    return words % (code, abs(now - at))


def _not_sure(desk: Desk, flag: Flag) -> str:
    """What is not known of an order that would hold up its fund for good, Chinese."""
    if flag.order.state in orders.UNSEEN:
        return "委托 %s 5 分钟了还没有在委托列表里查到。请在 QMT 里核对，并把策略改挂成交活跃的图" % flag.name
    if flag.order.state == orders.CANCELLED and not flag.settled and not desk.deals_agree(flag):
        return "委托 %s 已撤，成交明细与委托列表对不上，余下的先不下单。请在 QMT 里核对" % flag.name
    return ""
