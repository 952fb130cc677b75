"""What the owner tells the strategy through files: control/STOP, and control/answers/*.json about unknown orders.

The tray's menu writes them, or the owner by hand. The strategy only reads them; what it did about an answer is a line
in the flag file (docs/protocol.md).
"""

import json
import os
from typing import NamedTuple, Optional

from . import disk, orders

STOP = ("STOP", "STOP.txt")  # Windows hides .txt, so a file made by hand is often named so

_KINDS = {
    "nothing": orders.OWNER_NOTHING,
    "filled": orders.OWNER_FILLED,
    "cancelled": orders.OWNER_CANCELLED,
}


class Answer(NamedTuple):
    """The owner's word about one order."""

    kind: str  # orders.OWNER_...
    shares: int
    price: float  # yuan, 0.0 = not told
    problem: str  # Chinese: why the file cannot be used; '' = it can


def stop_asked(home: str) -> bool:
    """Whether a STOP file is there; what cannot be looked at counts as there."""
    for name in STOP:
        try:
            os.lstat(os.path.join(home, "control", name))
            return True
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return True
    return False


def answer(home: str, flag: str) -> Optional[Answer]:
    """The owner's answer about the order with this id; None while there is none, or the disk does not give it."""
    path = os.path.join(home, "control", "answers", flag + ".json")
    try:
        raw = disk.read(path, 65536)
    except OSError:
        return None
    return parse(raw, flag)


def parse(raw: bytes, flag: str) -> Answer:
    """An answer file's content. Pure; never raises."""
    unusable = "对委托 %s 的答复看不懂：%s。请右键点哨兵图标，选“处理未知委托”再答一次"
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except ValueError:
        return Answer("", 0, 0.0, unusable % (flag, "内容不完整"))
    if not isinstance(value, dict) or value.get("flag", flag) != flag or value.get("answer") not in _KINDS:
        return Answer("", 0, 0.0, unusable % (flag, "没有写结果"))
    shares, price = value.get("shares", 0), value.get("price", 0.0)
    if isinstance(shares, bool) or not isinstance(shares, int) or not 0 <= shares <= 100000000:
        return Answer("", 0, 0.0, unusable % (flag, "股数不对"))
    if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 <= price < 1e6:
        return Answer("", 0, 0.0, unusable % (flag, "价格不对"))
    if value["answer"] == "filled" and shares == 0:
        return Answer("", 0, 0.0, unusable % (flag, "成交股数要大于 0"))
    if value["answer"] == "nothing":
        shares = 0
    return Answer(_KINDS[value["answer"]], shares, float(price), "")
