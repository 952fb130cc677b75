"""What the owner decides about orders through the menu: 停止下单/恢复下单, and the answers about unknown orders.

Both are files in control/ that the strategy reads; what is on the disk counts, because the owner may also make and
remove them by hand.
"""

from __future__ import annotations

import logging
import sys
from typing import Callable, Mapping, Sequence

from tray_app import answers, events, orders, state, stop
from tray_app import strings_zh as zh
from tray_app.answers import Answer
from tray_app.dialog import Field
from tray_app.home import Home
from tray_app.orders import Order
from tray_app.outbox import Outbox, OutboxError
from tray_app.worker import Board

log = logging.getLogger(__name__)

STOP_MARK = "stop_told"
# title, text, the two fields, the two buttons -> what was typed; None: cancelled
Ask = Callable[[str, str, Sequence[Field], Sequence[str]], "list[str] | None"]


class Owner:
    """`ask` shows an input dialog and waits for it; None where this system has none."""

    def __init__(self, home: Home, outbox: Outbox, board: Board, wall: Callable[[], float], ask: Ask | None) -> None:
        self._home = home
        self._outbox = outbox
        self._board = board
        self._wall = wall
        self._ask = ask
        self._told: bool | None = None  # what the receiver knows of STOP

    # What is shown ---------------------------------------------------------------------------------------------------

    def orders(self) -> tuple[Order, ...]:
        found: tuple[Order, ...] = self._board.get("orders", ())
        return found

    def answers(self) -> Mapping[str, Answer]:
        """The answers about orders that are unknown now."""
        read = {order.flag: answers.read(self._home.answers, order.flag) for order in orders.unknown(self.orders())}
        return {flag: answer for flag, answer in read.items() if answer is not None}

    def is_stopped(self) -> bool:
        return stop.is_on(self._home.control)

    def tell_stop(self) -> None:
        """Tell the receiver of a STOP that came or went, whoever did it. Raises OutboxError: then asked again."""
        if self._told is None:
            self._told = bool(self._outbox.marks(STOP_MARK).get(STOP_MARK))
        found = self.is_stopped()
        if found != self._told:
            told = events.make("host.stop_orders", {"on": found}, self._wall())
            self._outbox.put_many([told], {STOP_MARK: "1" if found else ""})
            self._told = found

    # What the menu does ----------------------------------------------------------------------------------------------

    def stop_orders(self, on: bool) -> str:
        try:
            if on:
                stop.turn_on(self._home.control, self._wall())
            else:
                stop.turn_off(self._home.control)
        except OSError as error:
            log.warning("STOP %s: %s", on, error)
            return zh.STOP_STAYS.format(why=error.strerror or error)
        try:
            self.tell_stop()
        except OutboxError as error:
            log.warning("STOP not told: %s", error)  # the tick tells it as soon as the outbox takes it
        return zh.STOP_DONE if on else zh.RESUME_DONE

    def answer(self, flag: str, answer: Answer) -> str:
        """Write the owner's answer about an unknown order."""
        order = self._unknown(flag)
        if order is None:
            return zh.ANSWER_GONE.format(flag=flag)
        try:
            answers.write(self._home.answers, flag, answer._replace(lines=order.lines), self._wall())
        except OSError as error:
            return zh.STOP_STAYS.format(why=error.strerror or error)
        log.info("owner's answer about %s: %s", flag, answer)
        return zh.ANSWER_DONE.format(flag=flag, words=answers.words(answer))

    def answer_part(self, flag: str) -> str:
        """Ask how many shares at which price, until it makes sense or the owner gives up."""
        order = self._unknown(flag)
        if order is None:
            return zh.ANSWER_GONE.format(flag=flag)
        if self._ask is None:
            text = f'{{"flag": "{flag}", "answer": "cancelled", "shares": 1200, "price": 1.234}}'
            return zh.NO_DIALOG.format(path=answers.path_of(self._home.answers, flag), text=text)
        name, typed, problem = state.order_name(order, self._wall()), ["", ""], ""
        while True:
            text = zh.DIALOG_TEXT.format(flag=flag, name=name, problem=problem)
            fields = (Field(zh.SHARES_LABEL, typed[0]), Field(zh.PRICE_LABEL, typed[1]))
            given = self._ask(zh.DIALOG_TITLE, text, fields, (zh.OK_LABEL, zh.CANCEL_LABEL))
            if given is None:
                return zh.NOT_ANSWERED
            shares, price = answers.check_shares(given[0], order), answers.check_price(given[1])
            if isinstance(shares, int) and isinstance(price, float):
                kind = answers.ALL if shares == order.shares else answers.CANCELLED
                return self.answer(flag, Answer(kind, shares, price))
            typed, problem = given, "不对：" + str(shares if isinstance(shares, str) else price)

    def _unknown(self, flag: str) -> Order | None:
        return next((order for order in orders.unknown(self.orders()) if order.flag == flag), None)


def dialog_of_this_system() -> Ask | None:
    if sys.platform != "win32":
        return None
    from tray_app import dialog

    return dialog.ask
