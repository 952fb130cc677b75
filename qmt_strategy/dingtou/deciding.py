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
    params,
    plan,
    rows,
    rule,
    settle,
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
        self._decided: Dict[str, int] = {}  # code -> second of the day of the last decision

    def run(self, ContextInfo: Any, now: float, ticks: Dict[str, Any]) -> None:
        """One call of handlebar: every fund whose decision, or whose rest of an intent, is due."""
        second = clock.second_of_day(now)
        self._settle_what_is_over(second)
        if not gate.in_hours(second):
            return
        chains: Dict[str, Chain] = {chain[0].id.code: chain for chain in self.pending()}
        loaded = False
        for fund in self._params.funds:
            tick = ticks.get(fund.code)
            if fund.why_not or not self.fresh(tick, now):
                continue
            if not dayplans.known(fund, self._desk.day):
                if not loaded:  # one a call: bars take time
                    loaded = True
                    self._load_plan(ContextInfo, fund, tick)
                continue
            chain = chains.get(fund.code[:6])
            if chain is not None:
                self._guard.run("retry", self._pursue, ContextInfo, fund, chain, tick, now)
            elif rule.due(self._params.decide_at, second, self._decided.get(fund.code, -1)):
                self._decided[fund.code] = second
                self._guard.run("decide", self._decide, ContextInfo, fund, tick, now)

    def pending(self) -> List[Chain]:
        """Today's intents whose orders have ended, but whose grid state has not moved yet."""
        return [chain for chain in settle.chains(self._desk.today()) if settle.pending(chain)]

    def _settle_what_is_over(self, second: int) -> None:
        """Intents that get no further attempt today move their fund's grid state now."""
        late = second > gate.AFTERNOON[1]
        for chain in self.pending():
            if late or settle.retry_at(chain, self._desk.day) == float("inf"):
                settle.settle(self._desk, chain)

    def fresh(self, tick: Any, now: float) -> bool:
        """Whether a tick is dated today and agrees with the PC's clock."""
        at = clock.tick_time(tick)
        return at is not None and clock.day(at) == self._desk.day and abs(now - at) <= self._params.tick_max_age

    def _load_plan(self, ContextInfo: Any, fund: params.Fund, tick: Any) -> None:
        made = dayplans.load(fund, self._desk.day, ContextInfo, tick)
        if made.plan.why_not:
            what = notices.BLOCKED if made.plan.may_buy or made.plan.may_sell else notices.STOPPED_FUND
            words = "%s：%s" % (fund.code, made.plan.why_not)
            self._desk.teller.once("plan " + fund.code, what, words, code=fund.code)
        if made.chart:
            self._eyes.post("file", made.chart)

    def _wish(self, fund: params.Fund, tick: Any) -> plan.Wish:
        """What the rule asks for now."""
        day_plan = dayplans.get(fund, self._desk.day)
        known = self._desk.grid.cells.get(fund.code)
        price = rows.number(tick.get("lastPrice")) or 0.0
        return plan.wish(day_plan.plan, fund.rule, price, known.cell if known else 0)

    def _decide(self, ContextInfo: Any, fund: params.Fund, tick: Any, now: float) -> None:
        wish = self._wish(fund, tick)
        if not self._observe and wish.cell and morning.may_start(self._desk, fund):
            self._start(fund, wish.cell)
            wish = self._wish(fund, tick)
        if not wish.side:
            return
        reason = self._intend(ContextInfo, fund, wish, tick, now, None)
        if reason is not None and reason.passing and self._params.decide_at >= 0:
            self._decided.pop(fund.code, None)  # once a day: what passes must not cost the day

    def _start(self, fund: params.Fund, cell: int) -> None:
        """The owner's start_cell, used once."""
        look = self._eyes.last_look()
        # Twice as long where POSITION decides whether this is a first run: it may come later than ACCOUNT.
        if self._morning.steady.seconds >= 2 * lookout.SETTLE and look.good:
            chosen = {params.CURRENT: cell, params.NUMBER: fund.start_cell}.get(fund.start, 0)
            morning.start(self._desk, fund, chosen, look)

    def _pursue(self, ContextInfo: Any, fund: params.Fund, chain: Chain, tick: Any, now: float) -> None:
        """The rest of an intent whose attempt ended: once more if the rule still holds, else it is settled."""
        if settle.retry_at(chain, self._desk.day) > now:
            return
        first = chain[0]
        wish = self._wish(fund, tick)
        if fund.code not in self._desk.grid.cells or wish.side != (1 if first.buy else -1):
            settle.settle(self._desk, chain)
            return
        rest = float(first.get("target", 0.0)) - settle.done(chain)[1]
        wish = plan.Wish(wish.side, int(first.get("cell", wish.cell)), rest)
        reason = self._intend(ContextInfo, fund, wish, tick, now, first)
        if reason is not None and not reason.passing:
            settle.settle(self._desk, chain)

    def _intend(
        self, ContextInfo: Any, fund: params.Fund, wish: plan.Wish, tick: Any, now: float, first: Optional[Flag]
    ) -> Optional[gate.Reason]:
        """Place the order that the rule wishes, if nothing speaks against it; the reason if something does."""
        desk = self._desk
        look = self._eyes.look(now)
        if first is None and any(chain[0].id.code == fund.code[:6] for chain in self.pending()):
            return gate.Reason("rest", "上一笔的余下部分先处理", True)  # this very look ended an order
        scene = facts.Scene(
            desk=desk,
            morning=self._morning,
            fund=fund,
            tick=tick,
            look=look,
            now=now,
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
            return gate.Reason("state", "状态文件刚被改动，先不下单", True)
        self._placer.place(ContextInfo, fund, wish, ticket, look, first)
        return None
