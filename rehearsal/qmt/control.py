"""Commands for drills: files DIR/control/*.cmd, taken in the order of their names and deleted when done.

The command is the file's text, or its name without .cmd where the file is empty. Write it under another name and rename
it, or use the name alone, so that a half-written command is never read. `obey` carries one out on a client.
"""

import os
from typing import Callable, Dict, Iterator, List, Tuple

from .client import Client


def waiting(folder: str) -> Iterator[Tuple[str, str]]:
    """(path, command) of each waiting file."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    for name in names:
        if name.endswith(".cmd"):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                yield path, file.read(200).strip() or name[:-4]


def obey(client: Client, command: str) -> bool:
    """Carry out one command; False where there is none of that name or its words are wrong.

    silent, speak, reinit, quote-reconnect, logout, login, disconnect, reconnect, freeze-quotes, thaw-quotes, raise,
    handlebar, `behaviour NAME[=yes|no|VALUE]`, and the owner's own hand: `owner buy|sell CODE SHARES [PRICE]`.
    """
    words = command.split()
    simple: Dict[str, Callable[[], None]] = {
        "silent": lambda: setattr(client, "silent", True),
        "speak": lambda: setattr(client, "silent", False),
        "reinit": client.reinit,
        "quote-reconnect": client.quote_reconnect,
        "logout": client.disconnect,
        "disconnect": client.disconnect,
        "login": client.login,
        "reconnect": client.reconnect,
        "freeze-quotes": client.freeze_quotes,
        "thaw-quotes": client.thaw_quotes,
        "raise": client.raise_in_next_handlebar,
        "handlebar": client.extra_handlebar,
    }
    if len(words) == 1 and words[0] in simple:
        simple[words[0]]()
        return True
    try:
        if len(words) == 2 and words[0] == "behaviour":
            client.behaviours.switch(words[1])
            return True
        if words[:1] == ["owner"]:
            _owner(client, words[1:])
            return True
    except ValueError as error:
        client.logs.client("[control] %s" % error)
    return False


def _owner(client: Client, words: List[str]) -> None:
    if len(words) not in (3, 4) or words[0] not in ("buy", "sell") or words[1] not in client.world.market.bars:
        raise ValueError("应为 owner buy|sell 代码 股数 [价格]")
    price = float(words[3]) if len(words) == 4 else 0.0
    client.world.owner_order(words[1], words[0] == "buy", int(words[2]), price)
