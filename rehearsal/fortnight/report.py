"""Runs both sides of each scenario and every ex-date, compares, and says what came of it: for people and as JSON.

`python3 run.py fortnight` takes a minute, `--full` walks every 3-second tick and all ex-dates.
"""

import os
import random
import time
from typing import Any, Callable, Dict, List, Tuple

from rehearsal import market

from . import late_factors, live_orders, rule_orders, synthetic
from .scenarios import DEFAULT_CAPS, HELD, NO_CAPS, REAL_PRICES, Line, Scenario, codes_in, differences, shown

FIRST, LAST = "20240129", "20240209"
LEAST = 20  # orders of the real fortnight
SAMPLE = 2  # ex-dates of dividends, without --full
TICK = 3  # seconds, of the exchange
ONCE = 14 * 3600 + 50 * 60  # decide = once 14:50

Say = Callable[[str], None]


def real(folder: str = REAL_PRICES) -> Scenario:
    """The fortnight of 2024-01-29 on real prices, default caps; every fund begins in the cell of its last close."""
    return _from("真实行情的两周", folder, FIRST, LAST)


def made_up(folder: str, seed: int) -> Scenario:
    """The synthetic fortnight of that seed, its CSVs written into `folder`."""
    first, last = synthetic.write(folder, seed)
    return _from("合成行情的两周（种子 %d）" % seed, folder, first, last)


def _from(name: str, folder: str, first: str, last: str) -> Scenario:
    cells = {code: rule_orders.cell_before(folder, code, first) for code in codes_in(folder)}
    return Scenario(name, folder, first, last, DEFAULT_CAPS, cells)


def scenarios(folder: str, real_prices: str, seed: int, full: bool) -> List[Scenario]:
    """`folder` is where synthetic prices go; `real_prices` '' = there are none on this machine."""
    made = made_up(_subfolder(folder, "prices-%d" % seed), seed)
    found = [real(real_prices)] if real_prices else []
    found.append(made)
    if not full:
        return found
    caps = [each._replace(name=each.name + "，不设上限", caps=NO_CAPS) for each in found]
    every_tick = [each._replace(every=TICK) for each in found + caps]
    quiet = [each._replace(name=each.name + "，开盘前没有行情", quiet=True) for each in found]
    deals = [each._replace(name=each.name + "，分笔成交", deals=5) for each in found]
    once = [each._replace(name=each.name + "，每天 14:50 看一次", decide_at=ONCE) for each in found]
    others = [made_up(_subfolder(folder, "prices-%d" % other), other) for other in range(seed + 1, seed + 6)]
    return every_tick + quiet + deals + once + others


def compare(scenario: Scenario, home: str) -> Dict[str, Any]:
    """Both sides of one scenario, as it stands in the JSON; `home` is an empty folder."""
    began = time.time()
    expected, cells = rule_orders.orders(scenario, HELD)
    seen = live_orders.run(scenario, home)
    problems = differences(expected, seen.lines) + seen.trouble
    if cells != seen.cells:
        problems.append("两周之后的网格状态不同：规则 %s，策略 %s" % (cells, seen.cells))
    return {
        "name": scenario.name,
        "first": scenario.first,
        "last": scenario.last,
        "caps": scenario.caps._asdict(),
        "tick_seconds": scenario.every,
        "start_cells": scenario.cells,
        "end_cells": seen.cells,
        "calls": seen.calls,
        "seconds": round(time.time() - began, 1),
        "orders": [line._asdict() for line in seen.lines],
        "buys": _count(seen.lines, "B"),
        "sells": _count(seen.lines, "S"),
        "problems": problems,
    }


def run(
    folder: str, seed: int = 1, full: bool = False, real_prices: str = REAL_PRICES, say: Say = print
) -> Dict[str, Any]:
    """Everything; result["problems"] is [] where all orders are as they must be."""
    there = os.path.isdir(real_prices)
    result: Dict[str, Any] = {"seed": seed, "full": full, "scenarios": [], "late_factors": [], "problems": []}
    if not there:
        say("跳过真实行情的两周和除权日：没有 %s" % real_prices)
        if os.environ.get("CI") == "true":
            result["problems"].append("没有真实行情 %s" % real_prices)
    for number, scenario in enumerate(scenarios(folder, real_prices if there else "", seed, full)):
        found = compare(scenario, _subfolder(folder, "home-%d" % number))
        result["scenarios"].append(found)
        result["problems"] += ["%s：%s" % (scenario.name, words) for words in found["problems"]]
        _tell(found, say)
    if there:
        result["problems"] += _too_few(result["scenarios"])
        _late_factors(result, folder, real_prices, seed, full, say)
    for words in result["problems"]:
        say("没有做到：" + words)
    return result


def ex_dates(prices: market.Market, folder: str, seed: int, full: bool) -> List[Tuple[str, str]]:
    """All of them, or every split and a sample of the dividends."""
    found = late_factors.dates(folder, prices.codes)
    if full:
        return found
    splits = [pair for pair in found if any(event.kind == "split" for event in prices.events_on(*pair))]
    return splits + random.Random(seed).sample([pair for pair in found if pair not in splits], SAMPLE)


def _late_factors(result: Dict[str, Any], work: str, folder: str, seed: int, full: bool, say: Say) -> None:
    prices = market.from_folder(folder)
    for code, day in ex_dates(prices, folder, seed, full):
        homes = [_subfolder(work, "%s-%s-%s" % (kind, code, day)) for kind in ("late", "in-time")]
        found = late_factors.run(prices, code, day, *homes)
        result["late_factors"].append(dict(found._asdict(), as_promised=found.as_promised))
        if not found.as_promised:
            result["problems"].append("除权日 %s" % (found,))
        words = (
            "除权日 %s %s 因子晚到：当天委托 %d 笔，告知 %d 次；另一只 %s 照常 %d 笔；因子准时时 %d 笔；次日 %d 笔%s"
        )
        young = "（上市不久，规则本来就不交易）" if found.young else ""
        say(
            words
            % (
                found.day,
                found.code,
                found.late,
                found.told,
                found.other,
                found.others,
                found.in_time,
                found.next_day,
                young,
            )
        )


def _too_few(found: List[Dict[str, Any]]) -> List[str]:
    few = [each["name"] for each in found if len(each["orders"]) < LEAST]
    return ["%s 不足 %d 笔委托" % (name, LEAST) for name in few]


def _tell(found: Dict[str, Any], say: Say) -> None:
    caps = found["caps"]
    say(
        "%s：%s 到 %s，每 %d 秒一个行情，每只每天 %d 次、每笔 %.0f 元、每天 %.0f 元；起始格 %s"
        % (
            found["name"],
            found["first"],
            found["last"],
            found["tick_seconds"],
            caps["attempts"],
            caps["order_yuan"],
            caps["day_yuan"],
            " ".join("%s=%d" % (code[:6], cell) for code, cell in sorted(found["start_cells"].items())),
        )
    )
    for line in found["orders"]:
        say("  " + shown(Line(**line)))
    same = "与规则逐笔相同" if not found["problems"] else "与规则不同"
    words = "  共 %d 笔（买 %d，卖 %d），%s；handlebar %d 次，用时 %.0f 秒"
    say(words % (len(found["orders"]), found["buys"], found["sells"], same, found["calls"], found["seconds"]))


def _count(lines: List[Line], side: str) -> int:
    return sum(line.side == side for line in lines)


def _subfolder(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    os.makedirs(path)
    return path
