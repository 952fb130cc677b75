"""Bad data is refused with file, line and reason; 复权 agrees with an independent source."""

import csv
import os

import pytest

from qmt_strategy.backtest import adjust, commands, prices, synthetic

GOOD = (
    "date,open,high,low,close\n2024-01-02,1,1.02,0.99,1.01\n2024-01-03,1.01,1.03,1,1.02\n2024-01-04,1.02,1.04,1,1.03\n"
)


def write(folder, text, name="512690.SH.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return str(folder)


BAD = {
    "twice the same day": (GOOD + "2024-01-04,1,1.1,0.9,1\n", "第 5 行", "重复"),
    "days in disorder": (GOOD + "2024-01-01,1,1.1,0.9,1\n", "第 5 行", "早"),
    "a price of zero": (GOOD + "2024-01-05,0,1.1,0.9,1\n", "第 5 行", "open 是 0"),
    "a negative price": (GOOD + "2024-01-05,1,1.1,-0.9,1\n", "第 5 行", "low 是 -0.9"),
    "no price": (GOOD + "2024-01-05,1,1.1,0.9,\n", "第 5 行", "close 是 空"),
    "not a number": (GOOD + "2024-01-05,1,nan,0.9,1\n", "第 5 行", "high 是 nan"),
    "a high below the close": (GOOD + "2024-01-05,1,1.01,1,1.05\n", "第 5 行", "矛盾"),
    "no date": (GOOD + "2024-02-30,1,1.1,0.9,1\n", "第 5 行", "2024-02-30"),
    "a column too few": (GOOD + "2024-01-05,1,1.1\n", "第 5 行", "列数不够"),
    "a jump without an event": (GOOD + "2024-01-05,0.5,0.55,0.5,0.52\n", "第 5 行", "events.csv 缺"),
    "no such column": ("day,open\n2024-01-02,1\n", "第 1 行", "缺少列 date"),
    "a Saturday": (GOOD + "2024-01-06,1,1.1,0.9,1.03\n", "第 5 行", "周末"),
    "a single day": (GOOD[: GOOD.index("2024-01-03")], "至少要有两天", ""),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_prices_are_refused_with_file_line_and_reason(tmp_path, name):
    text, line, reason = BAD[name]
    folder = write(tmp_path, text)
    with pytest.raises(prices.DataError) as error:
        prices.load(folder)
    assert "512690.SH.csv" in str(error.value)
    assert line in str(error.value)
    assert reason in str(error.value)


def test_another_encoding_is_refused_with_its_line(tmp_path):
    folder = write(tmp_path, GOOD.replace("2024-01-03", "一月三日"), encoding="gbk")
    with pytest.raises(prices.DataError, match="第 3 行不是 UTF-8"):
        prices.load(folder)


def test_a_byte_order_mark_is_no_matter(tmp_path):
    assert prices.load(write(tmp_path, GOOD, encoding="utf-8-sig")).funds[0].closes == [1.01, 1.02, 1.03]


EVENTS = "code,ex_date,kind,value\n"
BAD_EVENTS = {
    "a split that the prices do not show": ("512690,2024-01-03,split,2\n", "第 2 行", "看不到"),
    "a dividend that the prices do not show": ("512690,2024-01-03,dividend,0.3\n", "第 2 行", "看不到"),
    "an unknown kind": ("512690,2024-01-03,bonus,2\n", "第 2 行", "kind 是 bonus"),
    "an unknown code": ("abc,2024-01-03,split,2\n", "第 2 行", "abc"),
    "twice the same": ("512690,2024-01-03,dividend,0.01\n" * 2, "第 3 行", "重复"),
    "more than the price": ("512690,2024-01-03,dividend,2\n", "第 2 行", "不小于"),
    "no value": ("512690,2024-01-03,split,\n", "第 2 行", "value 是 空"),
}


@pytest.mark.parametrize("name", sorted(BAD_EVENTS))
def test_bad_events_are_refused_with_file_line_and_reason(tmp_path, name):
    text, line, reason = BAD_EVENTS[name]
    write(tmp_path, GOOD)
    with pytest.raises(prices.DataError) as error:
        prices.load(write(tmp_path, EVENTS + text, "events.csv"))
    assert "events.csv" in str(error.value)
    assert line in str(error.value)
    assert reason in str(error.value)


def test_a_hole_is_told(tmp_path):
    write(tmp_path, GOOD)
    folder = write(tmp_path, GOOD.replace("2024-01-03,1.01,1.03,1,1.02\n", ""), "510300.SH.csv")
    assert any("510300.SH 缺 1 天（如 20240103）" in note for note in prices.load(folder).notes)


def test_a_hole_against_the_stored_calendar_is_told_for_a_fund_alone(tmp_path):
    write(tmp_path, "date\n20240102\n20240103\n20240104\n", "calendar.csv")
    folder = write(tmp_path, GOOD.replace("2024-01-03,1.01,1.03,1,1.02\n", ""))
    assert any("512690.SH 缺 1 天（如 20240103）" in note for note in prices.load(folder).notes)


def test_events_and_files_of_no_fund_are_told(tmp_path):
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, "510300.csv")
    folder = write(tmp_path, EVENTS + "512960,2024-01-03,dividend,0.01\n", "events.csv")
    notes = "\n".join(prices.load(folder).notes)
    assert "510300.csv 没有用" in notes
    assert "events.csv 第 2 行：代码 512960 没有行情文件" in notes


def test_a_dividend_that_the_opening_price_does_not_show_is_told(tmp_path):
    write(tmp_path, GOOD)
    (note,) = prices.load(write(tmp_path, EVENTS + "512690,2024-01-03,dividend,0.05\n", "events.csv")).notes
    assert "events.csv 第 2 行" in note and "开盘价里看不到" in note
    shown = GOOD.replace("2024-01-03,1.01,1.03,1,1.02", "2024-01-03,0.96,1.03,0.96,1.02")
    write(tmp_path, shown)
    assert prices.load(str(tmp_path)).notes == []


def test_a_jump_can_be_accepted_and_is_told(tmp_path):
    folder = write(tmp_path, BAD["a jump without an event"][0])
    (note,) = prices.load(folder, accept_jumps=True).notes
    assert "第 5 行" in note


def test_an_event_on_a_day_without_a_bar_takes_effect_on_the_next_and_is_told(tmp_path):
    write(tmp_path, GOOD.replace("2024-01-03", "2024-01-03").replace("2024-01-04", "2024-01-08"))
    loaded = prices.load(write(tmp_path, EVENTS + "512690,2024-01-06,dividend,0.01\n", "events.csv"))
    assert loaded.funds[0].dividends == [0.0, 0.0, 0.01]
    assert "20240106 没有行情" in loaded.notes[0]


@pytest.mark.parametrize(
    "switches, words",
    [
        (["--data", "/no/such/folder"], "不存在"),
        (["--data", "DATA", "--funds", "510300.SH"], "没有 510300.SH.csv"),
        (["--data", "DATA", "--funds", "510300"], "代码带上市场"),
        (["--data", "DATA", "--ma", "1"], "--ma 应在 2 到 2000 之间"),
        (["--data", "DATA", "--start", "2030-01-01"], "没有任何行情"),
        (["--data", "DATA", "--start", "2024-01-05", "--end", "2024-01-02"], "--start 比 --end 晚"),
        (["--data", "DATA", "--benchmark", "510300.SH"], "不在数据里"),
        ([], "请给出 --data"),
    ],
)
def test_a_mistake_in_the_command_is_one_chinese_sentence(tmp_path, capsys, switches, words):
    folder = write(tmp_path, GOOD)
    assert commands.main(["run"] + [folder if one == "DATA" else one for one in switches]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_the_synthetic_set_is_the_same_for_a_seed_and_loads_as_written(tmp_path):
    made = synthetic.funds(1, days=300)
    assert made == synthetic.funds(1, days=300)
    assert made != synthetic.funds(2, days=300)
    synthetic.write(str(tmp_path), made)
    loaded = prices.load(str(tmp_path), [fund.code for fund in made])
    assert loaded.funds == made
    assert any(fund.events() for fund in made)


# ---- 复权


def test_adjusted_closes_worked_out_by_hand(fund):
    # A dividend of 0.1 on day 2 (1.0 -> 0.9 is no move), then a split 1:2 on day 3.
    one = fund([1.0, 0.9, 0.45], dividends={1: 0.1}, splits={2: 2.0})
    assert adjust.closes(one, "ratio_back") == pytest.approx([1.0, 1.0, 1.0])
    assert adjust.closes(one, "ratio_front") == pytest.approx([0.45, 0.45, 0.45])
    assert adjust.closes(one, "additive_back") == pytest.approx([1.0, 1.0, 1.0])
    assert adjust.closes(one, "additive_front") == pytest.approx([0.45, 0.45, 0.45])
    assert adjust.closes(one, "none") == [1.0, 0.9, 0.45]


def test_the_kinds_differ_once_the_price_has_moved(fund):
    one = fund([1.0, 0.9, 1.8], dividends={1: 0.1})
    assert adjust.closes(one, "ratio_back") == pytest.approx([1.0, 1.0, 2.0])
    assert adjust.closes(one, "additive_back") == pytest.approx([1.0, 1.0, 1.9])


def test_front_adjusted_closes_agree_with_an_independent_source(real, front_folder):
    checked = 0
    for name in sorted(os.listdir(front_folder)):
        with open(os.path.join(front_folder, name), newline="") as file:
            theirs = {row["date"].replace("-", ""): float(row["close"]) for row in csv.DictReader(file)}
        fund = real.fund(name[:-4]).until(max(theirs))
        ours = dict(zip(fund.dates, adjust.closes(fund, "additive_front")))
        common = sorted(set(ours) & set(theirs))
        worst = max((abs(ours[day] - theirs[day]), day) for day in common)
        print("%s: %d days, at most %.4f yuan apart (%s)" % (name, len(common), worst[0], worst[1]))
        assert len(common) > 2000
        assert worst[0] <= 0.002, (name, worst)
        checked += 1
    assert checked == 3
