"""粘贴配对码…: asks for the code until it fits or the owner gives up, then says what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from tray_app import pairing
from tray_app import strings_zh as zh
from tray_app.dialog import Field
from tray_app.owner import Ask


def run_for(ask: Ask | None, ini: Path, follow: Callable[[], None]) -> str:
    """run() with this program's own sentry.ini; follow() is called after each try, to use at once what was written."""

    def write_and_follow(text: str) -> pairing.Outcome:
        outcome = pairing.pair(text, ini)
        follow()
        return outcome

    return run(ask, write_and_follow)


def run(ask: Ask | None, pair: Callable[[str], pairing.Outcome]) -> str:
    """What came of it, for the top of the menu. `ask` None: this system shows no dialogs. OSError as from `ask`."""
    if ask is None:
        return zh.NO_PAIR_DIALOG
    typed, problem = "", ""
    while True:
        field = Field(zh.CODE_LABEL, typed, rows=5, longest=pairing.LARGEST)
        given = ask(zh.PAIR_TITLE, zh.PAIR_TEXT + problem, (field,), (zh.PAIR_LABEL, zh.CANCEL_LABEL))
        if given is None:
            return zh.NOT_PAIRED
        outcome = pair(given[0])
        if outcome.written:
            ask(zh.PAIR_TITLE, outcome.text, (), (zh.CLOSE_LABEL,))
            return outcome.text
        typed, problem = given[0], "\n" + outcome.text
