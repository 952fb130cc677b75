"""What the heartbeat script does: posts account, positions, orders, deals and the last tick's time.

QMT's functions come in as `api` (the script's globals) and as ContextInfo; time comes in as `now`. The clock decides
what is due, whoever asks: two timers left over from two inits, or timer and handlebar together, make no second post.
"""

import os
import time
from typing import Any, Callable, Dict, List, Mapping, Set, Tuple

from . import clock, home, rows, settings
from .guard import Guard, say
from .instance import Instance
from .spool import HEARTBEAT, Spool

TIMER_FUNCTION = "heartbeat_timer"  # the script's function that QMT's run_time calls by name
TIMER_STARTS = "2019-10-14 13:20:00"  # a full timestamp in the past: a bare "09:35" never fires (qmt-facts 1.7)
TIMER_SECONDS = 5  # how often the timer looks at the clock, at most
DEAL_GAP = 1.0  # seconds between two posts for deals: an order filled in forty pieces is not forty posts
_EARLY = 0.5  # seconds: a timer that comes a little early still posts, or it would post at half the rate

# Notices already made on a day: QMT runs init again at every quote reconnect. In the module, which outlives a re-init.
_noticed: Set[Tuple[str, str, str]] = set()


class Beat:
    """One init of the heartbeat script. Its public methods are QMT's entry points and never raise."""

    def __init__(
        self,
        api: Mapping[str, Any],
        strategy: str = "heartbeat",
        now: Callable[[], float] = time.time,
        environ: Mapping[str, str] = os.environ,
        tell: Callable[[str], None] = say,
    ) -> None:
        self._api = api
        self._strategy = strategy
        self._now = now
        self._tell = tell
        self._active = False
        self._last_post = float("-inf")
        self._deal_waits = False
        self._called_back: Dict[Tuple[Any, ...], rows.Row] = {}  # deals of today that deal_callback gave
        self._posted_deals: Set[Tuple[Any, ...]] = set()
        self._day = ""
        self._told_old = False
        self._finished = rows.Finished()
        self._account = ""
        self._account_type = ""
        self._home = home.folder(environ)
        self._settings = settings.parse("")
        self._guard = Guard(self._post_or_tell, now, tell)

    # ---- QMT's entry points

    def init(self, ContextInfo: Any) -> None:
        self._guard.run("init", self._init, ContextInfo)

    def after_init(self, ContextInfo: Any) -> None:
        self._enter("after_init", self._post_if_due, ContextInfo)

    def handlebar(self, ContextInfo: Any) -> None:
        self._enter("handlebar", self._handlebar, ContextInfo)

    def timer(self, ContextInfo: Any) -> None:
        # An old copy's timer is no sign of two copies: it cannot be cancelled, so every re-init leaves one.
        if self._active and self._instance.is_newest():
            self._guard.run("timer", self._post_if_due, ContextInfo)

    def deal_callback(self, ContextInfo: Any, dealInfo: Any) -> None:
        self._enter("deal_callback", self._deal, ContextInfo, dealInfo)

    def _enter(self, where: str, function: Callable[..., None], *args: Any) -> None:
        if not self._active:
            return
        if self._instance.is_newest():
            self._guard.run(where, function, *args)
        elif not self._told_old:
            self._told_old = True
            self._guard.run(where, self._tell_old_copy)

    # ---- what they do

    def _init(self, ContextInfo: Any) -> None:
        if self._guard.run("do_back_test", getattr, ContextInfo, "do_back_test", False) is True:
            self._tell("[QMT 哨兵] 回测中，不发心跳")
            return
        self._settings = settings.load(self._home)
        injected = _injected(self._api, "account")
        self._account = self._settings.account_id or injected
        self._account_type = self._settings.account_type or _injected(self._api, "accountType") or "STOCK"
        if not self._account:
            # QMT injects the account only in 模型交易; a trial run in the editor must not take over from the real one.
            self._tell("[QMT 哨兵] 没有资金账号，不发心跳：请在“模型交易”里选好账号再运行")
            return
        self._instance = Instance(self._strategy)
        self._spool = Spool(self._home, self._strategy, self._instance.id, self._now)
        self._active = True
        for words in self._settings.problems:
            self._notice("settings", words)
        if injected and injected != self._account:
            words = "sentry.ini 的 [account] id 与 QMT 里选的账号不同，心跳说的是前一个账号的。请改成一致"
            self._notice("account_differs", words)
        # Without set_account no callback comes (qmt-facts 1.6). Each is guarded alone: one failing leaves the other.
        self._guard.run("set_account", _call, ContextInfo, "set_account", self._account)
        seconds = max(1, min(TIMER_SECONDS, int(self._settings.every)))
        self._guard.run("run_time", _call, ContextInfo, "run_time", TIMER_FUNCTION, "%dnSecond" % seconds, TIMER_STARTS)

    def _handlebar(self, ContextInfo: Any) -> None:
        if ContextInfo.is_last_bar():  # history bars are replayed by the ten thousand at every start
            self._post_if_due(ContextInfo)

    def _deal(self, ContextInfo: Any, dealInfo: Any) -> None:
        self._new_day()
        row = rows.deal(dealInfo)
        key = rows.deal_key(row)
        if key in self._posted_deals:  # replayed after a reconnect
            return
        self._deal_waits = True
        if row["合同编号"] is not None:  # without it the DEAL list's row of this deal could not be told from it
            self._called_back[key] = row
        self._post_if_due(ContextInfo)

    def _post_if_due(self, ContextInfo: Any) -> None:
        now = self._now()
        since = now - self._last_post
        if since < 0:  # the clock was set back
            since = float("inf")
        regular = since >= self._settings.every - _EARLY and clock.inside(self._settings.hours, now)
        if regular or (self._deal_waits and since >= DEAL_GAP):
            self._post_heartbeat(ContextInfo, now)

    def _post_heartbeat(self, ContextInfo: Any, now: float) -> None:
        self._new_day()
        self._last_post = now  # before anything can fail: a failing read must not be tried at every tick
        tables, failed = self._read_tables()
        known = {rows.deal_key(row) for row in tables["deals"]}
        tables["deals"].extend(row for key, row in self._called_back.items() if key not in known)
        left_out = {}
        for name in ("orders", "deals"):
            tables[name], cut = rows.newest(tables[name])
            if cut:
                left_out[name] = cut
        data: Dict[str, Any] = {
            "day": self._day,
            "tick_at": self._guard.run("get_full_tick", self._tick_time, ContextInfo),
            "tick_code": self._settings.tick_code,
            "logged_in": bool(tables["accounts"]),
            "every": self._settings.every,
        }
        data.update(tables)
        if failed:
            data["failed"] = failed
        if left_out:
            data["left_out"] = left_out
        if self._post_or_tell(HEARTBEAT, data):
            self._posted_deals.update(known, self._called_back)
            self._deal_waits = False

    def _read_tables(self) -> Tuple[Dict[str, List[rows.Row]], List[str]]:
        """The four tables as rows, and the names of those that QMT did not give."""
        tables: Dict[str, List[rows.Row]] = {}
        failed = []
        for name, qmt_name, convert in (
            ("accounts", "ACCOUNT", rows.account),
            ("positions", "POSITION", rows.position),
            ("orders", "ORDER", self._finished.order),
            ("deals", "DEAL", self._finished.deal),
        ):
            objects = self._guard.run("get_trade_detail_data", self._read_table, qmt_name)
            if objects is None:
                failed.append(name)
            tables[name] = [convert(obj) for obj in objects or ()]
        return tables, failed

    def _read_table(self, qmt_name: str) -> List[object]:
        # [] while the account is not logged in (qmt-facts 1.3)
        return list(self._api["get_trade_detail_data"](self._account, self._account_type, qmt_name) or ())

    def _tick_time(self, ContextInfo: Any) -> Any:
        ticks = ContextInfo.get_full_tick([self._settings.tick_code])
        return clock.tick_time(ticks.get(self._settings.tick_code)) if isinstance(ticks, dict) else None

    def _new_day(self) -> None:
        today = clock.day(self._now())
        if today != self._day:
            self._day = today
            self._called_back.clear()
            self._posted_deals.clear()
            self._finished.forget()

    # ---- telling

    def _tell_old_copy(self) -> None:
        words = "心跳脚本运行着两份，旧的一份已停止工作。请在 QMT 里只留一份；找不到旧的，就“恢复默认布局”再重启 QMT"
        self._notice("old_copy", words)

    def _notice(self, what: str, words: str) -> None:
        key = (clock.day(self._now()), what, words)
        if key not in _noticed:
            _noticed.add(key)
            self._tell("[QMT 哨兵] " + words)
            self._post_or_tell("strategy.notice", {"what": what, "text": words})

    def _post_or_tell(self, kind: str, data: Dict[str, Any]) -> bool:
        if not self._active:  # an error before there is a spool: QMT's output window is all there is
            self._tell("[QMT 哨兵] %s" % data.get("traceback", ""))
            return False
        made = self._spool.post(kind, data)
        if not made:
            self._tell("[QMT 哨兵] 写不进 %s：%s。请检查磁盘空间和权限" % (self._spool.folder, self._spool.last_error))
        return made


def _injected(api: Mapping[str, Any], name: str) -> str:
    value = api.get(name)
    return "" if value is None else str(value).strip()


def _call(obj: Any, method: str, *args: Any) -> None:
    getattr(obj, method)(*args)
