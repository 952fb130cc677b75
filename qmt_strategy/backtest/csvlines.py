"""CSV files read line by line: what is wrong is told with file, line and reason."""

import csv
import datetime
import re
from typing import Dict, List, Sequence, Tuple

_DATE = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})$")


class DataError(ValueError):
    """Prices that cannot be used; the text is a Chinese sentence with file, line and reason."""


def rows(path: str, columns: Sequence[str]) -> List[Tuple[int, Dict[str, str]]]:
    """(line number, row) of a CSV that has `columns`; blank lines are passed over."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise DataError("%s 打不开（%s），请检查路径和权限" % (path, error.strerror)) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError("%s 第 %d 行不是 UTF-8 编码（可能是 GBK），请另存为 UTF-8" % (path, line)) from None
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in columns if name not in (reader.fieldnames or [])]
    if missing:
        raise DataError("%s 第 1 行缺少列 %s，应有 %s" % (path, "、".join(missing), ",".join(columns)))
    found = []
    for row in reader:
        if any(row.get(name) is None for name in columns):
            raise DataError("%s 第 %d 行的列数不够" % (path, reader.line_num))
        found.append((reader.line_num, row))
    return found


def read_closes(path: str) -> Tuple[List[str], List[float]]:
    """(dates, closes) of a CSV with date and close: another source's series, or a chart file of the strategy."""
    dates, closes = [], []
    for line, row in rows(path, ("date", "close")):
        if row["close"].strip():
            dates.append(day_of(path, line, "date", row["date"]))
            closes.append(price_of(path, line, "close", row["close"]))
            if len(dates) > 1 and dates[-1] <= dates[-2]:
                raise DataError("%s 第 %d 行：日期 %s 重复或没有递增，请排好" % (path, line, dates[-1]))
    if not dates:
        raise DataError("%s 里没有价格" % path)
    return dates, closes


def day_of(path: str, line: int, name: str, text: str) -> str:
    match = _DATE.match(text.strip())
    try:
        assert match is not None
        found = datetime.date(*(int(part) for part in match.groups()))
    except (AssertionError, ValueError):
        raise DataError("%s 第 %d 行：%s 是 %s，应是 2024-01-31 这样的日期" % (path, line, name, text[:20])) from None
    return found.strftime("%Y%m%d")


def price_of(path: str, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0.0 < value < 1e6:
        raise DataError("%s 第 %d 行：%s 是 %s，应是正数" % (path, line, name, text[:20] or "空"))
    return value
