"""The menu's dialogs, one at a time, each in a thread of its own: while one stands open the menu must work, above all
停止下单."""

from __future__ import annotations

import logging
import threading
from typing import Callable

from tray_app import strings_zh as zh

log = logging.getLogger(__name__)


class OneDialog:
    """`answer` shows a text on top of the menu, and gives it back."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self._answer = answer
        self._open = threading.Lock()  # held while a dialog is open

    def run(self, work: Callable[[], str]) -> str:
        """Begin work(), whose text is shown when it is done. What is given back is for the click itself."""
        if not self._open.acquire(blocking=False):
            return self._answer(zh.ALREADY_ASKING)

        def run() -> None:
            try:
                self._answer(work())
            except Exception as error:
                # Whatever a dialog can raise: it is told, and the next one may open.
                log.exception("dialog")
                self._answer(zh.ASK_FAILED.format(why=type(error).__name__))
            finally:
                self._open.release()

        threading.Thread(target=run, name="dialog", daemon=True).start()
        return ""
