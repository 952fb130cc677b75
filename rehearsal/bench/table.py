"""The one table of `run.py bench`, in Chinese for the screen and in English Markdown for docs/benchmarks.md. Pure.

`found` is what whole.gather() makes: {machine, full, parts: {part: {python, others, seconds, problem}}, lines: {key:
{median, low, high, p99, cpu, limit}}}.
"""

from typing import Any, Dict, List, Optional, Sequence

from rehearsal.bench import figures
from rehearsal.bench.promises import CHINESE_UNITS, LINES, PARTS, Line, kept

HIGH_LOAD = 0.5  # of the cores, at the start: above it the figures say more about the others than about us
HIGH_OTHERS = 0.25  # cores that other programs took while a part was measured
HEAD = ("量什么", "单位", "承诺", "中位", "四分位", "p99", "CPU 毫秒", "极限", "极限是什么", "")
ENGLISH_HEAD = ("measured", "unit", "promise", "median", "quartiles", "p99", "CPU ms", "limit", "which limit", "kept")
VERDICT = {True: "做到", False: "没有做到", None: ""}
ENGLISH_VERDICT = {True: "yes", False: "**no**", None: ""}
BEGIN, END = "<!-- run.py bench: begin -->", "<!-- run.py bench: end -->"


def screen(found: Dict[str, Any]) -> List[str]:
    """What is printed."""
    rows: List[Sequence[Any]] = [HEAD]
    for part, zh, _ in PARTS:
        about = found["parts"].get(part, {})
        title = "%s（Python %s）" % (zh, about.get("python", "-"))
        rows.append((title,) + ("",) * (len(HEAD) - 2) + (about.get("problem", ""),))
        for line in LINES[part]:
            cells = _cells(line, found["lines"].get(line.key))
            verdict = VERDICT[kept(line, found["lines"].get(line.key))] + ("？" if doubtful(found, part) else "")
            if cells is None:
                cells, verdict = [""] * 5, line.absent
            rows.append(
                ("  " + line.zh, CHINESE_UNITS[line.unit], _promise(line, ">= ", "<= "), *cells, line.limit_zh, verdict)
            )
    return _facts(found) + [""] + _aligned(rows) + [""] + ["★ " + words for words in warnings(found)]


def markdown(found: Dict[str, Any]) -> List[str]:
    """The same for docs/benchmarks.md."""
    here, lines = found["machine"], []
    lines.append(
        "%s, commit %s, `%s`. %s cores (%s), %s GB, %s, files on %s. Load at the start %s; fsync of this disk: median "
        "%s ms, p99 %s ms."
        % (here["date"], here["commit"], found["command"], here["cores"], here["processor"], here["memory_gb"],
           here["system"], here["files"], here["load"], brief(here["fsync"]["median"]), brief(here["fsync"]["p99"]))
    )  # fmt: skip
    for part, _, en in PARTS:
        about = found["parts"].get(part, {})
        lines += ["", "### %s (Python %s)" % (en[0].upper() + en[1:], about.get("python", "-")), ""]
        lines.append("Other programs took %s cores meanwhile (%s s)%s." % (
            brief(about.get("others")), brief(about.get("seconds")),
            ": **too much for these figures to be believed**" if doubtful(found, part) else ""))  # fmt: skip
        lines += ["", "| " + " | ".join(ENGLISH_HEAD) + " |", "|---|---|" + "---:|" * 6 + "---|---|"]
        for line in LINES[part]:
            one = found["lines"].get(line.key)
            cells = _cells(line, one) or ["not measured"] + [""] * 4
            row = [
                line.en,
                line.unit,
                _promise(line, "≥ ", "≤ "),
                *cells,
                line.limit_en,
                ENGLISH_VERDICT[kept(line, one)] + ("?" if one and doubtful(found, part) else ""),
            ]
            lines.append("| " + " | ".join(row) + " |")
    return lines


def put_into(text: str, lines: Sequence[str]) -> str:
    """`text` with `lines` between its two marks. ValueError where it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("文件里没有 %s 和 %s 这两行，表格没有写进去：请先加上这两行。" % (BEGIN, END))
    return before + begin + "\n" + "\n".join(lines) + "\n" + end + after


def warnings(found: Dict[str, Any]) -> List[str]:
    """Why the figures should not be believed: one Chinese sentence each; none where the machine was quiet."""
    here, said = found["machine"], []
    if is_loaded(here):
        said.append(
            "开始时负载 %s（%s 个核），太高：整张表只能看个大概，请在空闲的机器上重测。" % (here["load"], here["cores"])
        )
    for part, zh, _ in PARTS:
        others = found["parts"].get(part, {}).get("others")
        if others is not None and others > HIGH_OTHERS:
            words = "量%s时别的程序占了 %s 个核，太多：带？的数字不可信，请在空闲的机器上重测。"
            said.append(words % (zh, brief(others)))
    if here["files"] == "tmpfs":
        said.append("临时文件夹在内存里（tmpfs），fsync 是假的：请不要设 TMPDIR，或指到真的磁盘上。")
    return said


def is_loaded(here: Dict[str, Any]) -> bool:
    return here["load"] is not None and here["load"] > HIGH_LOAD * (here["cores"] or 1)


def doubtful(found: Dict[str, Any], part: str) -> bool:
    """Whether a part was measured beside too much of other people's work."""
    return is_loaded(found["machine"]) or (found["parts"].get(part, {}).get("others") or 0.0) > HIGH_OTHERS


def brief(value: Optional[float]) -> str:
    """Three digits at most where there is a point; '-' for None."""
    if value is None:
        return "-"
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return "%.*f" % (places, value)


def _facts(found: Dict[str, Any]) -> List[str]:
    here = found["machine"]
    fsync, others = here["fsync"], [found["parts"].get(part, {}).get("others") for part, _, _ in PARTS]
    taken = "，".join("%s %s" % (zh, brief(one)) for (_, zh, _), one in zip(PARTS, others))
    return [
        "%s，提交 %s，%s" % (here["date"], here["commit"], "长表" if found["full"] else "短表"),
        "%s 个核（%s），内存 %s GB，%s，文件在 %s，Python %s"
        % (here["cores"], here["processor"], here["memory_gb"], here["system"], here["files"], here["python"]),
        "开始时负载 %s；别的程序在各部分期间占的核：%s；本机 fsync 中位 %s、p99 %s 毫秒"
        % (here["load"], taken, brief(fsync["median"]), brief(fsync["p99"])),
    ]


def _cells(line: Line, one: Optional[Dict[str, Any]]) -> Optional[List[str]]:
    """median, quartiles, p99, CPU, limit as words, without the promise; None where nothing was measured."""
    if not one or one.get("median") is None:
        return None
    spread = (
        "-" if one.get("low") is None or one.get("count") == 1 else "%s–%s" % (brief(one["low"]), brief(one["high"]))
    )
    p99, cpu, limit = (brief(one.get(name)) for name in ("p99", "cpu", "limit"))
    p99 = "-" if one.get("count") == 1 else p99
    return [brief(one["median"]), spread, p99, cpu, limit]


def _promise(line: Line, least: str, most: str) -> str:
    if line.promise is None:
        return ""
    return {"median": "", "p99": "p99 ", "cpu": "CPU "}[line.of] + (least if line.more else most) + "%g" % line.promise


def _aligned(rows: Sequence[Sequence[Any]]) -> List[str]:
    """As figures.table, with the words at the end to the left."""
    wide = [max(figures.width(str(row[column])) for row in rows) for column in range(len(HEAD))]
    found = []
    for row in rows:
        cells = []
        for column, cell in enumerate(row):
            blank = " " * (wide[column] - figures.width(str(cell)))
            cells.append(str(cell) + blank if column in (0, 1, 8, 9) else blank + str(cell))
        found.append("  ".join(cells).rstrip())
    return found
