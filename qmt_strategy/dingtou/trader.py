"""The strategy inside QMT: looks, decides, and calls passorder, in this file's `_place` and nowhere else.

QMT's functions come in as `api` (the script's globals) and as ContextInfo, the time as `now`. Callbacks only record; an
intent is made in handlebar alone, on the newest bar, in live mode. Whatever is missing or strange means observe mode.
"""

import os
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import (
    cancels,
    checkup,
    clock,
    control,
    copies,
    dayplans,
    disk,
    gate,
    grid,
    gridstate,
    home,
    ids,
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
    sizing,
    summary,
)
from .desk import Desk
from .flags import Flag, first_line
from .guard import Guard, say
from .spool import Spool

NAME = "etf_grid"
SCRIPT = 1  # the etf_grid.py that this package belongs to
LOOK_EVERY = 6.0  # seconds between looks when nothing is under way: below lookout.GAP
_DAY = (9 * 3600 + 15 * 60, 15 * 3600 + 10 * 60)  # seconds of the day in which anything is done

Chain = List[Flag]


class Trader:
    """One init of etf_grid.py. Its public methods are QMT's entry points and never raise."""

    def __init__(
        self,
        api: Mapping[str, Any],
        script: int = SCRIPT,
        mismatch: str = "",
        now: Callable[[], float] = time.time,
        environ: Mapping[str, str] = os.environ,
        tell: Callable[[str], None] = say,
        free: Callable[[str], int] = disk.free,
    ) -> None:
        self._api = api
        self._now = now
        self._say = tell
        self._free = free
        self._home = home.folder(environ)
        self._mismatch = mismatch
        if script != SCRIPT and not mismatch:
            self._mismatch = "etf_grid.py（%s）与 dingtou 程序包（%s）不是一套，只观察。请重新运行哨兵的安装程序" % (
                script,
                SCRIPT,
            )
        self._active = False
        self._observe = ""  # why no order is placed, Chinese; '' = live
        self._guard = Guard(self._post, now, tell)
        self._second = 0
        self._look = looks.NOTHING
        self._look_at = float("-inf")
        self._minute = -1
        self._decided: Dict[str, int] = {}  # code -> second of the day of the last decision
        self._asked: Dict[str, float] = {}  # flag id -> when cancel() was last called
        self._newest = False
        self._stop = False
        self._due_since: Dict[str, float] = {}

    # ---- QMT's entry points

    def init(self, ContextInfo: Any) -> None:
        self._guard.run("init", self._init, ContextInfo)

    def handlebar(self, ContextInfo: Any) -> None:
        self._enter("handlebar", self._handlebar, ContextInfo)

    def order_callback(self, ContextInfo: Any, orderInfo: Any) -> None:
        self._enter("order_callback", self._order, orderInfo)

    def deal_callback(self, ContextInfo: Any, dealInfo: Any) -> None:
        self._enter("deal_callback", self._deal, dealInfo)

    def orderError_callback(self, ContextInfo: Any, orderArgs: Any, errMsg: Any) -> None:
        self._enter("orderError_callback", self._order_error, orderArgs, errMsg)

    def _enter(self, where: str, function: Callable[..., None], *args: Any) -> None:
        if not self._active:
            return
        if self._copies.newest_here():
            self._guard.run(where, function, *args)
        else:
            self._guard.run(where, self._tell_second_copy)

    # ---- init

    def _init(self, ContextInfo: Any) -> None:
        if getattr(ContextInfo, "do_back_test", False) is True:
            self._say("[QMT 哨兵] 回测中，不下单")
            return
        injected = str(self._api.get("account") or "").strip()
        if not injected:
            # QMT injects the account only in 模型交易; a trial run in the editor must not take over from the real one.
            self._say("[QMT 哨兵] 没有资金账号，不运行：请在“模型交易”里选好账号再运行")
            return
        self._params = params.load(self._home)
        self._account_type = self._params.account_type or str(self._api.get("accountType") or "").strip() or "STOCK"
        self._account = injected
        self._copies = copies.Copies(self._home, NAME)
        self._spool = Spool(self._home, NAME, self._copies.instance.id, self._now)
        self._teller = notices.Teller(self._post, self._say, self._home)
        self._teller.day = clock.day(self._now())
        self._desk = Desk(self._home, self._now, self._teller, [fund.code for fund in self._params.funds])
        self._reader = looks.Reader(self._api, injected, self._account_type)
        self._morning = morning.Morning(self._desk, lambda *args: dayplans.splits(self._context, *args))
        self._limits = gate.Limits(
            self._params.max_attempts,
            self._params.max_order_amount,
            self._params.max_day_amount,
            self._params.tick_max_age,
        )
        self._context: Any = ContextInfo
        self._active = True
        self._observe = self._mismatch or self._params.why_observe
        if not self._observe and injected != self._params.account_id:
            self._observe = "sentry.ini 的 [account] id 与 QMT 里选的账号不同，只观察，不下单。请改成一致后重新运行策略"
        for words in self._params.problems:
            self._teller.once(words, notices.SETTINGS, words)
        # Without set_account no callback comes (qmt-facts 1.6).
        self._guard.run("set_account", lambda: ContextInfo.set_account(injected))
        self._desk.write(self._copies.claim)

    # ---- handlebar

    def _handlebar(self, ContextInfo: Any) -> None:
        # History bars, replayed by the ten thousand at every start, end here; so does a back test.
        if ContextInfo.is_last_bar() is not True or getattr(ContextInfo, "do_back_test", False) is not False:
            return
        now = self._now()
        self._second = clock.second_of_day(now)
        if not _DAY[0] <= self._second <= _DAY[1]:
            return
        self._context = ContextInfo
        if clock.day(now) != self._desk.day and not self._begin_day(clock.day(now)):
            return
        self._each_minute(now)
        if not self._newest:
            return
        self._see_stop()
        self._desk.probe()
        if self._busy() or not 0 <= now - self._look_at < LOOK_EVERY:
            self._take_look(now)
        self._close_day()
        if gate.in_hours(self._second) or self._second < _DAY[1]:
            self._cancel_what_is_due(ContextInfo, now)
        self._decide_all(ContextInfo, now)

    def _begin_day(self, day: str) -> bool:
        self._teller.day = day
        self._desk.day = ""
        if not self._desk.write(self._desk.begin, day):
            return False
        self._reader.forget()
        self._decided.clear()
        self._asked.clear()
        steady = self._morning.steady
        self._morning = morning.Morning(self._desk, lambda *args: dayplans.splits(self._context, *args))
        self._morning.steady = steady
        self._minute = -1
        return True

    def _each_minute(self, now: float) -> None:
        minute = int(now // 60)
        if minute == self._minute:
            return
        self._minute = minute
        self._newest = self._check_newest()
        if not self._newest:
            return
        checkup.run(self._desk)
        if self._observe and gate.in_hours(self._second):
            self._teller.once("session", notices.OBSERVE, self._observe)
        for fund in self._params.funds:
            why = fund.why_not or self._desk.stopped(fund.code)
            if why:
                self._teller.once(fund.code, notices.STOPPED_FUND, "%s：%s" % (fund.code, why), code=fund.code)

    def _check_newest(self) -> bool:
        """Whether this copy is the newest in this home; a disk that refuses says no."""
        try:
            if not self._copies.claimed:
                self._copies.claim()
            newest = self._copies.newest()
        except OSError as error:
            self._teller.once(
                "copies", notices.DISK, "读写不了 state/copies.json（%s），不下单。请检查磁盘和权限" % error
            )
            return False
        if not newest:
            self._tell_second_copy()
        return newest

    def _tell_second_copy(self) -> None:
        words = (
            "同一个策略被挂了两份：旧的一份已停止工作，新的一份继续交易。请在 QMT 里只保留一份（可用“恢复默认布局”）"
        )
        self._teller.day = clock.day(self._now())
        self._teller.once("copy", notices.SECOND_COPY, words)

    def _see_stop(self) -> None:
        stop = control.stop_asked(self._home)
        if stop and not self._stop:
            words = "已停止下单：control/STOP 存在，不下新单，未成交的委托会撤掉。恢复请用托盘菜单“恢复下单”"
            self._teller.once("stop", notices.STOP, words)
        if self._stop and not stop:
            self._teller.forget("stop", notices.STOP)
            self._teller.tell(notices.STOP, "已恢复下单")
        self._stop = stop

    def _busy(self) -> bool:
        """Whether every call must look at the account: an order is under way, or a morning's check."""
        desk = self._desk
        started = [fund for fund in self._params.funds if fund.code in desk.book.accounts]
        return bool(desk.unended()) or self._morning.pending(started) or bool(self._pending_chains())

    def _take_look(self, now: float) -> looks.Look:
        self._look_at = now
        self._look = self._guard.run("get_trade_detail_data", self._reader.read) or looks.NOTHING
        self._desk.watch.look(now, self._look.good)
        self._morning.steady.look(now, self._look.good)
        if self._look.good:
            self._desk.observe(self._look)
            for flag in self._desk.today():
                if flag.order.state == orders.UNKNOWN:
                    morning.take_answer(self._desk, flag)
            if gate.in_hours(self._second):
                for fund in self._params.funds:
                    self._morning.check(fund, self._look)
            self._tell_summary()
        return self._look

    def _tell_summary(self) -> None:
        found = summary.make(self._look, self._second, self._params.cash_warning)
        if found.key and self._teller.once(found.key, notices.ACCOUNT, found.words) and found.cash_low:
            self._teller.once(found.key, notices.CASH_LOW, found.cash_low)

    def _close_day(self) -> None:
        if self._second >= 15 * 3600:
            for flag in self._desk.today():
                self._desk.record(flag, orders.Seen(orders.CLOSED))
        if not gate.in_hours(self._second) and self._second > gate.AFTERNOON[1]:
            for chain in self._pending_chains():
                settle.settle(self._desk, chain)

    # ---- cancelling

    def _cancel_what_is_due(self, ContextInfo: Any, now: float) -> None:
        if self._observe:
            return
        for flag in self._desk.today():
            row = self._desk.rows.get(flag.name)
            if flag.order.state != orders.WORKING or row is None:
                continue
            placed = float(flag.lines[0].get("at", now))
            since = self._due_since.setdefault(flag.name, now)
            asked = abs(now - self._asked[flag.name]) if flag.name in self._asked else float("inf")
            live = cancels.Live(flag.order.sysid, row.status or 0, max(now - placed, now - since), asked)
            why = cancels.why(live, self._second, self._stop, self._params.fill_timeout)
            if not why:
                continue
            self._tell_unfilled(flag, why)
            if cancels.may_ask(live, self._second) and self._check_newest():
                self._asked[flag.name] = now
                self._guard.run(
                    "cancel", self._api["cancel"], flag.order.sysid, self._account, self._account_type, ContextInfo
                )

    def _tell_unfilled(self, flag: Flag, why: str) -> None:
        about = {"code": flag.code, "flag": flag.name}
        if why == "timeout":
            words = "委托 %s 超过 %.0f 秒没有全部成交，正在撤单" % (flag.name, self._params.fill_timeout)
            self._teller.once(flag.name, notices.UNFILLED, words, **about)
        elif why == "end" and self._second >= cancels.CONFIRMED_BY:
            words = "委托 %s 到 14:56:30 还没有确认撤单。请打开 QMT 核对" % flag.name
            self._teller.once(flag.name + " end", notices.UNFILLED, words, **about)

    # ---- deciding

    def _pending_chains(self) -> List[Chain]:
        today = self._desk.today()
        ordered = sorted(today, key=lambda flag: (flag.id.code, flag.id.number))
        return [chain for chain in settle.chains(ordered) if settle.pending(chain)]

    def _decide_all(self, ContextInfo: Any, now: float) -> None:
        ticks = self._guard.run("get_full_tick", ContextInfo.get_full_tick, [f.code for f in self._params.funds])
        if not isinstance(ticks, dict) or not gate.in_hours(self._second):
            return
        chains: Dict[str, Chain] = {chain[0].id.code: chain for chain in self._pending_chains()}
        loaded = False
        for fund in self._params.funds:
            tick = ticks.get(fund.code)
            if fund.why_not or not self._fresh(tick, now):
                continue
            if not dayplans.known(self._home, fund, self._desk.day):
                if not loaded:  # one a call: bars take time
                    loaded = True
                    self._load_plan(fund, tick)
                continue
            chain = chains.get(fund.code[:6])
            if chain is not None:
                self._guard.run("retry", self._pursue, ContextInfo, fund, chain, tick, now)
            elif rule.due(self._params.decide_at, self._second, self._decided.get(fund.code, -1)):
                self._decided[fund.code] = self._second
                self._guard.run("decide", self._decide, ContextInfo, fund, tick, now)

    def _fresh(self, tick: Any, now: float) -> bool:
        at = clock.tick_time(tick)
        return at is not None and clock.day(at) == self._desk.day and abs(now - at) <= self._params.tick_max_age

    def _load_plan(self, fund: params.Fund, tick: Any) -> None:
        made = dayplans.load(self._home, fund, self._desk.day, self._context, tick)
        if made.plan.why_not:
            words = "%s：%s" % (fund.code, made.plan.why_not)
            traded = made.plan.may_buy or made.plan.may_sell
            what = notices.BLOCKED if traded else notices.STOPPED_FUND
            self._teller.once("plan " + fund.code, what, words, code=fund.code)
        if made.chart:
            self._post("file", made.chart)

    def _decide(self, ContextInfo: Any, fund: params.Fund, tick: Any, now: float) -> None:
        day_plan = dayplans.get(self._home, fund, self._desk.day)
        price = rows.number(tick.get("lastPrice")) or 0.0
        cell = grid.cell(price, day_plan.plan.average, fund.rule.grid_height)
        if cell and morning.may_start(self._desk, fund) and not self._observe:
            self._start(fund, cell)
        known = self._desk.grid.cells.get(fund.code)
        wish = plan.wish(day_plan.plan, fund.rule, price, known.cell if known else 0)
        if wish.side:
            self._intend(ContextInfo, fund, wish, tick, now, None)

    def _start(self, fund: params.Fund, cell: int) -> None:
        """The owner's start_cell, used once."""
        if self._morning.steady.seconds < lookout.SETTLE or not self._look.good:
            return
        chosen = {params.CURRENT: cell, params.NUMBER: fund.start_cell}.get(fund.start, 0)
        morning.start(self._desk, fund, chosen, self._look)

    def _pursue(self, ContextInfo: Any, fund: params.Fund, chain: Chain, tick: Any, now: float) -> None:
        """The rest of an intent whose attempt ended: once more if the rule still holds, else it is settled."""
        at = settle.retry_at(chain, self._desk.day)
        if at > now:
            if at == float("inf"):
                settle.settle(self._desk, chain)
            return
        known = self._desk.grid.cells.get(fund.code)
        day_plan = dayplans.get(self._home, fund, self._desk.day)
        price = rows.number(tick.get("lastPrice")) or 0.0
        wish = plan.wish(day_plan.plan, fund.rule, price, known.cell if known else 0)
        first = chain[0]
        if known is None or wish.side != (1 if first.buy else -1):
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
        look = self._take_look(now)
        if first is None and any(chain[0].id.code == fund.code[:6] for chain in self._pending_chains()):
            return None  # this very look ended an order: its rest comes first
        ticket = self._ticket(wish, tick, look, fund)
        facts = self._facts(fund, wish, ticket, tick, look, now)
        reason = gate.refuse(facts, self._limits)
        if reason is not None:
            self._tell_refusal(fund, wish, ticket, reason)
            return reason
        if not checkup.run(self._desk) or not self._check_newest():
            return gate.Reason("state", "状态文件刚被改动，先不下单", True)
        self._place(ContextInfo, fund, wish, ticket, look, first)
        return None

    def _ticket(self, wish: plan.Wish, tick: Any, look: looks.Look, fund: params.Fund) -> sizing.Ticket:
        price = _level(tick, "askPrice" if wish.side > 0 else "bidPrice", 1)
        if price <= 0:
            return sizing.Ticket(0, 0, 0, 0.0, 0.0, 0, wish.yuan)
        if wish.side > 0:
            return sizing.buy(wish.yuan, price)
        holding = look.holding(fund.code)
        return sizing.sell(wish.yuan, price, holding.volume, holding.sellable)

    def _facts(
        self, fund: params.Fund, wish: plan.Wish, ticket: sizing.Ticket, tick: Any, look: looks.Look, now: float
    ) -> gate.Facts:
        desk = self._desk
        day_plan = dayplans.get(self._home, fund, desk.day)
        code = fund.code[:6]
        tick_at = clock.tick_time(tick)
        mine = [flag for flag in desk.today() if flag.id.code == code]
        rows_of_fund = [row for row in look.orders if row.code == code]
        unseen = [flag for flag in desk.today() if flag.buy and not flag.ended and flag.name not in desk.rows]
        return gate.Facts(
            live=not self._observe,
            newest_copy=self._newest,
            stop=self._stop or control.stop_asked(self._home),
            disk_ok=not desk.trouble,
            free_space=self._guard.run("free space", self._free, self._home) or 0,
            logged_in=look.good and self._morning.steady.seconds >= lookout.SETTLE,
            second=clock.second_of_day(now),
            now=now,
            today=desk.day,
            tick_at=tick_at,
            tick_day=clock.day(tick_at) if tick_at is not None else "",
            trading_date=look.trading_date,
            phase=rows.whole(tick.get("openInt")),
            suspended=day_plan.suspended,
            bid=_level(tick, "bidPrice", 0),
            ask=_level(tick, "askPrice", 0),
            price=ticket.price,
            up_limit=day_plan.up_limit,
            down_limit=day_plan.down_limit,
            buy=wish.side > 0,
            shares=ticket.shares,
            yuan=ticket.yuan,
            own_live=any(not flag.ended for flag in desk.flags.of(code)),
            other_live=any(
                orders.kind_of(row.status) == orders.ALIVE and desk.flag_of(row) is None for row in rows_of_fund
            ),
            attempts=gate.attempts(len(mine), len(rows_of_fund)),
            day_yuan=sum(float(flag.get("yuan", 0.0) or 0.0) for flag in desk.today()),
            free_cash=gate.free_cash(look.available, sum(float(flag.get("yuan", 0.0) or 0.0) for flag in unseen)),
            stopped=self._why_stopped(fund, mine, wish.side > 0, now),
        )

    def _why_stopped(self, fund: params.Fund, mine: List[Flag], buy: bool, now: float) -> str:
        desk = self._desk
        why = fund.why_not or desk.stopped(fund.code)
        if not why and fund.code not in desk.grid.cells:
            why = (
                gridstate.why_not(desk.grid, fund, desk.day, desk.last_trace(fund.code))
                or "这只基金还没有网格状态，等待第一次核对"
            )
        why = why or self._morning.why_not(fund)
        for flag in mine:
            if why or flag.order.state != orders.REJECTED or flag.buy != buy:
                continue
            if settle.for_money(flag):
                why = "今天因资金或股数不足被拒过，不再重试"
            elif now < float(flag.get("at", 0.0)) + settle.RETRY_AFTER:
                why = "刚被拒过，5 分钟后再试"
        return why

    def _tell_refusal(self, fund: params.Fund, wish: plan.Wish, ticket: sizing.Ticket, reason: gate.Reason) -> None:
        what = {"cap": notices.CAP, "stopped-fund": notices.STOPPED_FUND, "observe": notices.OBSERVE}
        wanted = "%s %s 约 %.0f 元（第 %d 格）" % ("买入" if wish.side > 0 else "卖出", fund.code, wish.yuan, wish.cell)
        key = "%s %s" % (fund.code, reason.code)
        if reason.code in ("hours", "own-live", "second-copy", "stop", "logged-out", "tick-age", "tick-day", "disk"):
            return  # told elsewhere, or passes by itself
        if reason.code == "observe":
            key = "%s %d" % (fund.code, wish.cell)
        words = "本应%s，没有下单：%s" % (wanted, reason.words)
        self._teller.once(key, what.get(reason.code, notices.BLOCKED), words, code=fund.code)

    # ---- the one call

    def _place(
        self,
        ContextInfo: Any,
        fund: params.Fund,
        wish: plan.Wish,
        ticket: sizing.Ticket,
        look: looks.Look,
        first: Optional[Flag],
    ) -> None:
        """Write the intent, then call passorder once. Whatever happens from the first line on, it is never called again."""
        desk = self._desk
        made = self._intent(fund, wish, ticket, look, first)
        if made is None:
            return
        flag = made
        now = self._now()
        if (
            clock.day(now) != flag.id.day
            or not gate.in_hours(clock.second_of_day(now))
            or control.stop_asked(self._home)
        ):
            desk.append(flag, state=orders.VOID, reason="写记录时过了时间，或刚被停止下单，没有下单")
            return
        self._api["passorder"](
            ticket.op,
            ticket.order_type,
            self._account,
            fund.code,
            ticket.price_type,
            -1,
            ticket.volume,
            NAME,
            sizing.AT_ONCE,
            flag.name,
            ContextInfo,
        )
        desk.record(flag, orders.Seen(orders.RETURNED))
        words = "%s %s 约 %.0f 元（预计 %d 股，第 %d 格），委托 %s" % (
            settle.side(flag), fund.code, ticket.yuan, ticket.shares, wish.cell, flag.name,
        )  # fmt: skip
        self._teller.tell(notices.TRIGGERED, words, code=fund.code, flag=flag.name)

    def _intent(
        self, fund: params.Fund, wish: plan.Wish, ticket: sizing.Ticket, look: looks.Look, first: Optional[Flag]
    ) -> Optional[Flag]:
        """The flag file with its first line, and its trace in book.json; None where the disk or another copy says no."""
        desk = self._desk
        code = fund.code[:6]
        taken = [ids.parse(name) for name in list(desk.flags.flags) + [row.remark for row in look.orders]]
        taken.extend(ids.parse(trace.id) for trace in desk.book.accounts[fund.code].traces)
        ident = ids.following(desk.day, code, "B" if wish.side > 0 else "S", [one for one in taken if one is not None])
        if ident is None:
            return None
        last = desk.grid.cells[fund.code].cell
        line = first_line(
            ident,
            self._now(),
            code=fund.code,
            side=ident.side,
            shares=ticket.shares,
            price=ticket.price,
            yuan=ticket.yuan,
            volume=ticket.volume,
            order_type=ticket.order_type,
            target=round(float(first.get("target", 0.0)) if first is not None else wish.yuan, 2),
            cell=wish.cell,
            from_cell=last,
            root=first.name if first is not None else ident.text,
        )
        return desk.intend(ident, line)

    # ---- callbacks: they only record

    def _ready(self) -> bool:
        """The day is loaded, and it is still that day."""
        return bool(self._desk.day) and self._desk.day == clock.day(self._now()) and self._newest

    def _order(self, orderInfo: Any) -> None:
        if not self._ready():
            return
        row = looks.order_row(rows.order(orderInfo))
        flag = self._desk.flag_of(row)
        if flag is not None:
            self._desk.take_row(flag, row)

    def _deal(self, dealInfo: Any) -> None:
        if self._ready():
            self._desk.take_deals([rows.deal(dealInfo)])

    def _order_error(self, orderArgs: Any, errMsg: Any) -> None:
        if not self._ready() or not isinstance(orderArgs, dict):
            return
        name = str(orderArgs.get("strategyName") or "").rpartition("_&&&_")[2]
        flag = self._desk.flags.flags.get(name)
        if flag is not None and flag.id.day == self._desk.day:
            self._desk.record(flag, orders.Seen(orders.ERROR, reason=rows.text(errMsg) or ""))

    # ---- posting

    def _post(self, kind: str, data: Dict[str, Any]) -> bool:
        if not self._active:  # an error before there is a spool: QMT's output window is all there is
            self._say("[QMT 哨兵] %s" % data.get("traceback", data.get("text", "")))
            return False
        return self._spool.post(kind, data)


def _level(tick: Any, name: str, number: int) -> float:
    """Price (yuan) of one level of the book; 0.0 where there is none."""
    try:
        return rows.number(tick[name][number]) or 0.0
    except (KeyError, IndexError, TypeError):
        return 0.0
