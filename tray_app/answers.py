"""What the owner says about an order of unknown outcome: control/answers/<flag>.json, read by the strategy.

Only the owner knows what the counter shows; the strategy books the answer and writes what it did as a further line of
the flag file. The receiver can never write here (design.md, rule 1).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from tray_app.home import write_whole
from tray_app.orders import MOST_SHARES, Order, is_flag

NOTHING, ALL, CANCELLED = "nothing", "filled", "cancelled"
LARGEST = 65536  # bytes of a file that is read
MOST_PRICE = 1e6  # yuan


class Answer(NamedTuple):
    """The owner's word. `price` yuan, 0.0 = not told; `lines`: how many the flag file had, so that a further one shows
    that the strategy has acted (-1 = a file written by hand)."""

    kind: str
    shares: int = 0
    price: float = 0.0
    lines: int = -1


def path_of(folder: Path, flag: str) -> Path:
    """The answer file of an order. ValueError for what is no order's id: it decides a path."""
    if not is_flag(flag):
        raise ValueError(flag)
    return folder / (flag + ".json")


def read(folder: Path, flag: str) -> Answer | None:
    """The answer that stands there; None where there is none that the strategy could use."""
    try:
        with open(path_of(folder, flag), "rb") as file:
            value = json.loads(file.read(LARGEST).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("answer") not in (NOTHING, ALL, CANCELLED):
        return None
    shares, price, lines = value.get("shares", 0), value.get("price", 0.0), value.get("lines", -1)
    if not _whole(shares) or not isinstance(price, (int, float)):
        return None
    return Answer(value["answer"], shares, float(price), lines if _whole(lines) else -1)


def write(folder: Path, flag: str, answer: Answer, now: float) -> None:
    """Put the answer there in one step, synced. Raises OSError."""
    path = path_of(folder, flag)
    folder.mkdir(parents=True, exist_ok=True)
    value = {"flag": flag, "answer": answer.kind, "shares": answer.shares, "price": answer.price}
    write_whole(path, json.dumps({**value, "lines": answer.lines, "at": round(now, 3)}))


def is_waiting(order: Order, answer: Answer | None) -> bool:
    """Answered, and the strategy has not written a further line yet."""
    return answer is not None and (answer.lines < 0 or order.lines <= answer.lines)


def check_shares(text: str, order: Order) -> int | str:
    """What the owner typed as a number of shares, or one Chinese sentence saying what is wrong with it."""
    clean = text.strip().replace(",", "").replace("，", "")
    if not (clean.isascii() and clean.isdigit()) or len(clean) > 9:
        return "成交股数要写成整数，例如 1200。"
    shares = int(clean)
    if shares == 0:
        return "成交股数要大于 0；一股都没有成交就选“没有成交”或“已撤单”。"
    if order.filled and shares < order.filled:
        return f"已经查到成交 {order.filled} 股，不能比它少。"
    most = 2 * order.shares if order.shares else MOST_SHARES
    if shares > most:
        return f"这笔委托约 {order.shares} 股，{shares} 股太多了，请再核对一遍。"
    return shares


def check_price(text: str) -> float | str:
    """What the owner typed as an average price; empty = not told."""
    clean = text.strip()
    if not clean:
        return 0.0
    try:
        price = float(clean) if clean.isascii() else -1.0
    except ValueError:
        price = -1.0
    return price if 0 < price < MOST_PRICE else "成交均价要写成数字，例如 1.234；不知道就留空。"


def words(answer: Answer) -> str:
    """An answer as the owner gave it."""
    if answer.kind == NOTHING:
        return "没有成交"
    if answer.kind == CANCELLED:
        return f"部分成交 {answer.shares} 股" if answer.shares else "已撤单"
    return f"成交 {answer.shares} 股"


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
