"""The functions that QMT puts into a script's globals: orders, cancels, the account's tables (qmt-facts 1.1-1.3)."""

from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from . import hours as phases
from . import passorder as orders
from . import times
from .cache import TABLES
from .script import Script

if TYPE_CHECKING:
    from .client import Client

_OFF_HOURS = (phases.BEFORE, phases.CLOSED)
_ACCOUNT_TYPES = ("stock",)  # what the simulated broker has opened
_TASK_STATES = {"cancel_task": 6, "pause_task": 5, "resume_task": 2}
_FINISHED_ORDERS = ("order", "deal")


class TradeApi:
    def __init__(self, client: "Client") -> None:
        self._client = client
        self._later: List[Tuple[Script, orders.Call, int]] = []  # quickTrade 0: signals of the newest tick
        self._errors: List[Tuple[Script, Dict[str, Any], str]] = []  # for orderError_callback
        self._tasks = 0

    def injected(self, script: Script) -> Dict[str, Any]:
        """The globals of a script in 实盘; in the editor there is no `account`."""
        call = self._client.caller.call
        functions: Dict[str, Any] = {
            "passorder": lambda *args: call(self._passorder, script, args),
            "algo_passorder": lambda *args: call(self._algo_passorder, script, args),
            "cancel": lambda order, account, kind, context: call(self._cancel, order, account, kind),
            "can_cancel_order": lambda order, account, kind: call(self._can_cancel, order, account, kind),
            "get_trade_detail_data": lambda *args: call(self._trade_detail_data, *args),
            "get_history_trade_detail_data": lambda *args: call(self._history, *args),
            "get_last_order_id": lambda *args: call(self._last_order_id, *args),
            "get_value_by_order_id": lambda *args: call(self._value_by_order_id, *args),
            "timetag_to_datetime": lambda ms, form: times.text(ms / 1000.0, form),
            "schedule_run": lambda *args, **named: _context(script).schedule_run(*args, **named),
            "cancel_schedule_run": lambda key: _context(script).cancel_schedule_run(key),
        }
        for name, status in _TASK_STATES.items():
            functions[name] = self._task_function(status)
        for name in DROPPED:
            functions[name] = self._dropped_function(script, name)
        if not self._client.behaviours.editor_mode:
            functions.update(account=self._client.world.account, accountType="STOCK")
        return functions

    def take_errors(self) -> List[Tuple[Script, Dict[str, Any], str]]:
        errors, self._errors = self._errors, []
        return errors

    # ---- orders

    def _passorder(self, script: Script, args: Any, task: int = 0) -> Any:
        self._signal(script, orders.read(args), task)
        return {"None": None, "0": 0}.get(self._client.behaviours.passorder_returns)

    def _algo_passorder(self, script: Script, args: Any) -> None:
        """As passorder, with userOrderParam (a dict) before ContextInfo when all 12 arguments are given."""
        if len(args) == 12:
            if not isinstance(args[10], dict):
                raise TypeError("algo_passorder: userOrderParam must be a dict")
            args = args[:10] + args[11:]
        call = orders.read(args)
        if call.price_type == -1:
            call = call._replace(price_type=5)
        self._tasks += 1
        self._signal(script, call, self._tasks)

    def _signal(self, script: Script, call: orders.Call, task: int) -> None:
        """quickTrade decides whether a signal becomes an order now, with the next bar, or never."""
        client = self._client
        client.ledger.passorder(script.name, call.code, call.remark, client.world.now())
        in_handlebar, last = client.caller.entry == "handlebar", client.quote_api.is_last_bar()
        quick = call.quick_trade if client.behaviours.quick_trade_rules else 2
        if client.behaviours.simulation_mode or client.behaviours.editor_mode:
            client.logs.client("[trade]start simulation mode, m_bTrade=0: 信号 %s 没有报出" % call.code)
        elif call.account != client.world.account or call.code not in client.world.market.bars:
            client.logs.client("[函数交易] 账号或证券代码不合法: %s %s" % (call.account, call.code))
        elif quick == 2 or (quick == 1 and in_handlebar and last):
            self._send(script, call, task)
        elif quick == 0 and in_handlebar and last:
            self._later.append((script, call, task))

    def send_what_waited(self, script: Script, new_bar: bool) -> None:
        """Before each tick: of quickTrade 0, only signals of a bar's last tick are sent, with the next bar's first."""
        mine = [item for item in self._later if item[0] is script]
        self._later = [item for item in self._later if item[0] is not script]
        for _, call, task in mine if new_bar else ():
            self._send(script, call, task)

    def _send(self, script: Script, call: orders.Call, task: int) -> None:
        client = self._client
        now = client.world.now()
        made = orders.to_request(call, self._state(call.code, now), script.name, client.number)
        if isinstance(made, orders.Refusal):
            client.logs.client(made.words)
            if not made.dialog_only:
                self._errors.append((script, orders.error_args(call), made.words))
        elif client.behaviours.silent_refusals or not client.logged_in(now):
            client.world.broker.note_dialog()
            client.logs.client("[函数交易]　函数: passorder,　证券 [%s] 无法下单（对话框）" % call.code)
        else:
            client.world.broker.submit(made._replace(task=task), now)
            client.world.after_order()
            client.logs.client("CTradeClient::order %s %s" % (made.code, made.remark))

    def _state(self, code: str, now: float) -> orders.State:
        client = self._client
        accounts, positions = client.cache.rows("account", now), client.cache.rows("position", now)
        sellable = [row.m_nCanUseVolume for row in positions if row.m_strInstrumentID == code[:6]]
        return orders.State(
            tick=client.quotes.tick(code, now),
            limits=client.world.market.limits(code, client.quotes.moment(now).day),
            assets=accounts[0].m_dBalance,
            available=accounts[0].m_dAvailable,
            sellable=sellable[0] if sellable else 0,
            floor_to_lots=client.behaviours.floor_to_lots,
        )

    def _cancel(self, sysid: Any, account: str, account_type: str) -> bool:
        now = self._client.world.now()
        if not self._client.logged_in(now) or not self._mine(account, account_type):
            return False
        answer = bool(self._client.world.broker.cancel(str(sysid), now))
        self._client.world.after_order()
        return answer

    def _can_cancel(self, sysid: Any, account: str, account_type: str) -> bool:
        return self._mine(account, account_type) and bool(self._client.world.broker.can_cancel(str(sysid)))

    def _task_function(self, status: int) -> Any:
        def change(task: Any, account: str, account_type: str, context: Any) -> bool:
            digits = str(task)
            known = self._mine(account, account_type) and digits.isdigit()
            return known and bool(self._client.world.broker.set_task(int(digits), status))

        return lambda task, account, kind, context: self._client.caller.call(change, task, account, kind, context)

    def _dropped_function(self, script: Script, name: str) -> Any:
        def dropped(*args: Any, **named: Any) -> None:
            self._client.log_of(script)("%s 在实盘中不会下单（按 quickTrade 0 处理并丢弃）" % name)

        return lambda *args, **named: self._client.caller.call(dropped, *args, **named)

    # ---- tables

    def _mine(self, account: Any, account_type: Any) -> bool:
        return str(account) == self._client.world.account and str(account_type).lower() in _ACCOUNT_TYPES

    def _trade_detail_data(self, account: str, account_type: str, data_type: str, strategy: str = "") -> List[Any]:
        client = self._client
        now = client.world.now()
        table = str(data_type).lower()
        # Off the strategy thread, where no entry point runs, the real client gives nothing (qmt-facts 1.3).
        if not client.caller.on_thread() or not self._mine(account, account_type) or not client.logged_in(now):
            return []
        if table == "position_statistics":
            table = "position"
        rows = client.cache.rows(table, now, strategy) if table in TABLES else []
        if table == "account" and client.behaviours.zero_totals and client.world.exchange.phase(now) in _OFF_HOURS:
            for row in rows:
                row.m_dBalance = row.m_dAvailable = row.m_dInstrumentValue = row.m_dStockValue = 0.0
        return rows

    def _history(self, account: str, account_type: str, data_type: str, start: str, end: str) -> List[Any]:
        """Orders or deals of past days, 'YYYYMMDD' to 'YYYYMMDD' both included."""
        client = self._client
        if not self._mine(account, account_type) or not client.logged_in(client.world.now()):
            return []
        found: List[Any] = []
        for day, (booked_orders, booked_deals) in sorted(client.world.broker.past_days().items()):
            if str(start) <= day <= str(end):
                if str(data_type).lower() == "order":
                    found.extend(client.statement.order(booked) for booked in booked_orders)
                elif str(data_type).lower() == "deal":
                    found.extend(client.statement.deal(booked) for booked in booked_deals)
        return found

    def _last_order_id(self, account: str, account_type: str, data_type: str, strategy: str = "") -> str:
        """m_strOrderSysID of the newest order or deal, '-1' where there is none."""
        table = str(data_type).lower()
        rows = self._trade_detail_data(account, account_type, table, strategy) if table in _FINISHED_ORDERS else []
        return rows[-1].m_strOrderSysID if rows else "-1"

    def _value_by_order_id(self, sysid: Any, account: str, account_type: str, data_type: str) -> Any:
        """The newest order or deal object of that number, None where there is none."""
        table = str(data_type).lower()
        rows = self._trade_detail_data(account, account_type, table) if table in _FINISHED_ORDERS else []
        return next((row for row in reversed(rows) if row.m_strOrderSysID == str(sysid) != ""), None)


# They follow quickTrade 0 and never leave in live trading (qmt-facts 1.1, "order_shares, order_value etc.").
DROPPED = (
    "order_shares",
    "order_value",
    "order_lots",
    "order_percent",
    "order_target_value",
    "order_target_percent",
    "order_target_shares",
)


def _context(script: Script) -> Any:
    return script.context
