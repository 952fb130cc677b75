"""The strategy inside QMT: its entry points, and what one call of handlebar does, in order.

QMT's functions come in as `api` (the script's globals) and as ContextInfo, the time as `now`. Callbacks only record; an
intent is made in handlebar alone, on the newest bar, in live mode. Whatever is missing or strange means observe mode.
"""

import os
import time
from typing import Any, Callable, Dict, Mapping

from . import (
    VERSION,
    checkup,
    clock,
    control,
    copies,
    dayfiles,
    dayplans,
    disk,
    facts,
    gate,
    home,
    lookout,
    looks,
    lost,
    morning,
    notices,
    orders,
    params,
    rows,
    summary,
)
from .book import digest
from .cancelling import Canceller
from .deciding import Decider, Eyes
from .desk import Desk
from .guard import Guard, say
from .placing import Placer
from .silence import Skew
from .spool import Spool

NAME = "etf_grid"
SCRIPT = VERSION  # the etf_grid.py that this package belongs to
MODE_EVERY = 600  # seconds between two `mode` posts: the receiver misses one after GRID_SILENT
LOOK_EVERY = 6.0  # seconds between looks when nothing is under way: below lookout.GAP
_DAY = (9 * 3600 + 15 * 60, 15 * 3600 + 10 * 60)  # seconds of the day in which anything is done
_CLOSE = 15 * 3600
_LAST_TICK = 14 * 3600 + 59 * 60  # from this time of the exchange's on, the PC's 15:00 is believed


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
        self._observe = mismatch  # why no order is placed, Chinese; '' = live
        if script != SCRIPT and not mismatch:
            words = "QMT 里的脚本（版本 %s）与装好的程序（版本 %s）不是一套，只观察。"
            words += "请重新运行哨兵的安装程序，把脚本重新粘贴进 QMT，再重启 QMT"
            self._observe = words % (script, SCRIPT)
        self._active = False
        self._guard = Guard(self._post, now, tell)
        self._second = 0
        self._look = looks.NOTHING
        self._look_at = float("-inf")
        self._looked = -1  # in this call of handlebar: how many flag files there were after the look; -1 = no look yet
        self._ticks: Dict[str, Any] = {}
        self._minute = -1
        self._minutes = 0  # that this init has seen
        self._mode: Any = None  # the last notice `mode`
        self._skew = Skew()
        self._newest = False
        self._stop = False

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
            self._teller.day = clock.day(self._now())
            self._guard.run(where, copies.tell, self._teller)

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
        found = self._params = params.load(self._home)
        self._account = injected
        self._account_type = found.account_type or str(self._api.get("accountType") or "").strip() or "STOCK"
        self._copies = copies.Copies(self._home, NAME)
        self._spool = Spool(self._home, NAME, self._copies.instance.id, self._now)
        self._teller = notices.Teller(self._post, self._say, self._home)
        self._teller.day = clock.day(self._now())
        self._desk = Desk(self._home, self._now, self._teller, [fund.code for fund in found.funds])
        self._reader = looks.Reader(self._api, injected, self._account_type)
        self._context: Any = ContextInfo
        self._steady = lookout.Steady()
        self._observe = self._observe or found.why_observe
        if not self._observe and getattr(ContextInfo, "do_back_test", None) is not False:
            self._observe = "QMT 没有说明现在不是回测，只观察。请在“模型交易”里重新运行策略"
        if not self._observe and self._account_type.upper() != "STOCK":
            # Credit accounts need other opTypes (33 and 34, qmt-facts 1.1), futures other rules altogether.
            words = "账号类型是 %s，只观察：只支持普通股票账号（STOCK）。请改选账号，再重新运行策略"
            self._observe = words % self._account_type
        if not self._observe and injected != found.account_id:
            self._observe = "sentry.ini 的 [account] id 与 QMT 里选的账号不同，只观察。请改成一致，再重新运行策略"
        self._chosen = found.chosen and self._observe == found.why_observe
        self._strange = bool(found.account_id) and injected != found.account_id  # its books are not those of `account`
        self._configured = bool(found.account_id) and not self._strange
        self._new_parts()
        self._active = True
        for words in found.problems:
            self._teller.once(words, notices.SETTINGS, words)
        # Without set_account no callback comes (qmt-facts 1.6).
        self._guard.run("set_account", lambda: ContextInfo.set_account(injected))
        self._desk.write(self._copies.claim)

    def _new_parts(self) -> None:
        """What lives for a day."""
        desk = self._desk
        self._morning = morning.Morning(desk, self._steady, lambda *args: dayplans.splits(self._context, *args))
        self._canceller = Canceller(desk, self._params.fill_timeout, self._cancel)
        eyes = Eyes(
            look=self._look_once,
            last_look=lambda: self._look,
            newest_copy=self._newest_copy,
            free_space=lambda: self._guard.run("free space", self._free, self._home) or 0,
            post=self._post,
        )
        placer = Placer(desk, self._api, self._account, self._now)
        self._decider = Decider(self._params, desk, self._morning, placer, eyes, self._guard, bool(self._observe))

    # ---- handlebar

    def _handlebar(self, ContextInfo: Any) -> None:
        # History bars, replayed by the ten thousand at every start, end here; so does a back test.
        last = ContextInfo.is_last_bar()
        if last is not True or getattr(ContextInfo, "do_back_test", False):
            if last and last is not True:  # true in some other way: believed by nobody, but said
                words = "QMT 没有说清是不是最新的行情，不下单。请更新 QMT 和哨兵"
                if self._teller.once("last bar", notices.BLOCKED, words):
                    self._say("[QMT 哨兵] is_last_bar(): %s" % type(last).__name__)
            return
        self._looked = -1
        now = self._now()
        self._second = clock.second_of_day(now)
        if not _DAY[0] <= self._second <= _DAY[1]:
            if int(now // 60) != self._minute:
                self._minute = int(now // 60)
                self._see_skew(now, self._guard.run("get_full_tick", ContextInfo.get_full_tick, self._desk.codes))
            return
        self._context = ContextInfo
        ticks = self._guard.run("get_full_tick", ContextInfo.get_full_tick, self._desk.codes)
        self._ticks = ticks if isinstance(ticks, dict) else {}
        if clock.day(now) != self._desk.day and not self._begin_day(clock.day(now)):
            return
        self._each_minute(now)
        if not self._newest:
            return
        if self._strange:
            return  # another account's orders, deals and positions must not get into these books
        self._see_stop()
        self._desk.probe()
        if self._busy() or not 0 <= now - self._look_at < LOOK_EVERY:
            self._look_once(now)
        self._close_day()
        # In observe mode too: what is alive of ours is looked after to its end.
        self._canceller.run(now, self._latest_second(now), self._stop, lambda: self._copies.check(self._teller))
        self._decider.run(ContextInfo, now, self._ticks)

    def _begin_day(self, day: str) -> bool:
        """A day begins when the PC and the exchange agree on its date; False: not yet, or the disk refuses."""
        days = [clock.day(at) for at in map(clock.tick_time, self._ticks.values()) if at is not None]
        if day not in days:
            if days and max(days) > day:
                words = "电脑日期是 %s，行情已是 %s，不下单。请校准电脑时间" % (day, max(days))
                self._teller.once("clock", notices.BLOCKED, words)
            self._see_skew(self._now(), self._ticks)
            return False
        self._teller.day = day
        self._desk.day = ""
        if not self._desk.write(self._desk.begin, day):
            return False
        if self._configured:
            lost.check_account(self._desk, digest(self._account))
        elif self._desk.book.account not in ("", digest(self._account)):
            self._strange = True
        self._reader.forget()
        self._new_parts()
        self._minute = -1
        return True

    def _see_skew(self, now: float, ticks: Any) -> None:
        """A PC whose clock is wrong by hours takes a session for the night: told, for nothing else can be done."""
        times = [clock.tick_time(tick) for tick in ticks.values()] if isinstance(ticks, dict) else []
        off = self._skew.note(now, max([at for at in times if at is not None], default=0.0))
        if off:
            words = "电脑时间与行情时间相差 %.0f 分钟，策略没有工作，委托没人照看。请校准电脑时间" % (abs(off) / 60)
            self._teller.once("skew", notices.BLOCKED, words)

    def _each_minute(self, now: float) -> None:
        minute = int(now // 60)
        if minute == self._minute:
            return
        self._minute = minute
        self._newest = self._copies.check(self._teller)
        if not self._newest:
            return
        checkup.run(self._desk)
        self._desk.count_rows()
        self._lost_copies()
        whys = {fund.code: facts.why_stopped(self._desk, fund) for fund in self._params.funds}
        self._tell_mode(whys)
        if self._observe and gate.in_hours(self._second):
            about = {"mode": "observe", "why": self._observe, "chosen": self._chosen}
            self._teller.once("session", notices.OBSERVE, self._observe, **about)
        self._minutes += 1
        if self._steady.seconds < lookout.SETTLE and self._minutes <= 2:
            return  # the first looks may take the owner's answers: no fund is accused before
        for fund in self._params.funds:
            if whys[fund.code]:
                notices.tell_stopped(self._teller, fund.code, whys[fund.code])
            late = morning.unused_choice(self._desk, fund)
            if late:
                self._teller.once("choice " + fund.code, notices.SETTINGS, late, code=fund.code)

    def _tell_mode(self, whys: Dict[str, str]) -> None:
        """`mode`: what the strategy does, and which funds may trade; when that changes, and as a sign of life."""
        funds = {fund.code: whys[fund.code] or self._morning.why_not(fund) for fund in self._params.funds}
        mode = "observe" if self._observe else "live"
        # The part of the day stands for the day too: a strategy that dies in mid-session must be missed.
        found = (self._desk.day, self._second // MODE_EVERY, mode, self._observe, funds)
        if found == self._mode:
            return
        self._mode = found
        words = "只观察，不下单：" + self._observe if self._observe else "实盘下单"
        self._teller.tell(notices.MODE, words, mode=mode, why=self._observe, chosen=self._chosen, funds=funds)

    def _lost_copies(self) -> None:
        if self._copies.lost and self._desk.book.accounts:
            self._desk.stop_all(checkup.changed("运行记录", "state"))
        self._copies.lost = False

    def _newest_copy(self) -> bool:
        found = self._copies.check(self._teller)
        self._lost_copies()
        return found

    def _see_stop(self) -> None:
        stop = control.stop_asked(self._home)
        if stop:
            words = "已停止下单：策略不下新单，未成交的委托会撤掉。要恢复，右键点哨兵图标，选“恢复下单”"
            self._teller.once("stop", notices.STOP, words, on=True)
        elif self._stop:
            self._teller.forget("stop", notices.STOP)
            self._teller.tell(notices.STOP, "已恢复下单", on=False)
        self._stop = stop

    def _busy(self) -> bool:
        """Whether every call must look at the account: an order is under way, or a morning's check."""
        desk = self._desk
        started = [fund for fund in self._params.funds if fund.code in desk.book.accounts]
        return bool(desk.unended()) or self._morning.busy(started) or bool(self._decider.pending())

    def _look_once(self, now: float) -> looks.Look:
        """This call's look at the account; a new one only where an order went out since."""
        if self._looked != len(self._desk.flags.flags):
            self._take_look(now)
            self._looked = len(self._desk.flags.flags)
        return self._look

    def _take_look(self, now: float) -> looks.Look:
        self._look_at = now
        self._look = self._guard.run("get_trade_detail_data", self._reader.read) or looks.NOTHING
        self._desk.watch.look(now, self._look.good)
        self._steady.look(now, self._look.good)
        if not self._look.good:
            return self._look
        self._desk.observe(self._look)
        for flag in self._desk.today():
            if flag.order.state == orders.UNKNOWN:
                morning.take_answer(self._desk, flag)
        if gate.in_hours(self._second) and self._exchange_agrees(now):
            for fund in self._params.funds:
                self._morning.check(fund, self._look)
        found = summary.make(self._look, self._second, self._params.cash_warning)
        if found.key and self._teller.once(found.key, notices.ACCOUNT, found.words):
            if found.cash_low:
                self._teller.once(found.key, notices.CASH_LOW, found.cash_low)
            for data in dayfiles.posts(self._home, self._desk.ledger.path) if found.last else ():
                self._post("file", data)
        return self._look

    def _exchange_agrees(self, now: float) -> bool:
        """A tick is dated now: a PC whose clock is a day wrong must not take today's orders for yesterday's."""
        return any(self._decider.fresh(tick, now) for tick in self._ticks.values())

    def _close_day(self) -> None:
        """At 15:00, by the PC's clock and by the exchange's, what is still alive has expired."""
        if self._second < _CLOSE:
            return
        times = [at for at in map(clock.tick_time, self._ticks.values()) if at is not None]
        if any(clock.day(at) == self._desk.day and clock.second_of_day(at) >= _LAST_TICK for at in times):
            for flag in self._desk.today():
                self._desk.record(flag, orders.Seen(orders.CLOSED))

    def _latest_second(self, now: float) -> int:
        """Of the day, by the PC or the exchange, whichever is later: the close does not wait for a slow clock."""
        times = [at for at in map(clock.tick_time, self._ticks.values()) if at is not None]
        return max([self._second] + [clock.second_of_day(at) for at in times if clock.day(at) == self._desk.day])

    def _cancel(self, sysid: str) -> None:
        self._guard.run(
            "cancel", self._api["cancel"], sysid, self._account, self._account_type, self._context
        )  # what it returns is wrong both ways (qmt-facts 1.2)

    # ---- callbacks: they only record

    def _ready(self) -> bool:
        """The day is loaded, it is still that day, and this is the newest copy."""
        return not self._strange and bool(self._desk.day) and self._desk.day == clock.day(self._now()) and self._newest

    def _order(self, orderInfo: Any) -> None:
        if self._ready():
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
        # orderArgs['strategyName'] is 'name_&&&_remark' (the dump in qmt-facts 1.5).
        flag = self._desk.flags.flags.get(str(orderArgs.get("strategyName") or "").rpartition("_&&&_")[2])
        if flag is not None and flag.id.day == self._desk.day:
            self._desk.record(flag, orders.Seen(orders.ERROR, reason=rows.text(errMsg) or ""))

    # ---- posting

    def _post(self, kind: str, data: Dict[str, Any]) -> bool:
        if not self._active:  # an error before there is a spool: QMT's output window is all there is
            self._say("[QMT 哨兵] %s" % data.get("traceback", data.get("text", "")))
            return False
        return self._spool.post(kind, data)
