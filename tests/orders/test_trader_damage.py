"""State deleted and garbled at every point of a day: no order follows, and the owner is told."""

import builtins
import os
import shutil

import pytest

from qmt_strategy.dingtou import notices
from tests.orders.tiny_qmt import Fate
from tests.orders.world import NEXT, drop, write_ini

# What can be lost or garbled, as paths under the home ('' of flags: today's newest flag file).
FILES = ("state/grid.json", "state/book.json", "deals/transaction.csv", "flag")
FOLDERS = ("state", "flags", "deals")


def path_of(world, name):
    if name != "flag":
        return os.path.join(world.home, *name.split("/"))
    day = os.path.join(world.home, "flags", "20260105")
    return os.path.join(day, sorted(os.listdir(day))[-1])


def delete(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.remove(path)


def garble(path):
    with open(path, "r+b") as file:
        raw = file.read()
        file.seek(0)
        file.write(bytes((byte * 7 + 13) % 256 for byte in raw))


def cut(path):
    with open(path, "r+b") as file:
        file.truncate(60)


# Points of a day: what has happened before, from nothing to a fill that is settled.
def one_filled(world):
    drop(world).run(60)


def one_working(world):
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(9)


def one_partly_filled(world):
    world.broker.fate = lambda call: Fate(fills=((1, 2000),))
    drop(world).run(9)


def one_sent(world):
    world.broker.fate = lambda call: Fate(visible=20)
    drop(world).run(3)


def one_unknown(world):
    world.broker.fate = lambda call: Fate(refused=True)
    drop(world).run(120)


def one_cancelled(world):
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(15)
    drop(world, 1.0).run(90)


POINTS = (one_filled, one_working, one_partly_filled, one_sent, one_unknown, one_cancelled)
DAMAGES = [(delete, name) for name in FILES + FOLDERS] + [(how, name) for how in (garble, cut) for name in FILES]


def cases():
    for point in POINTS:
        for how, name in DAMAGES:
            if "deals" in name and point not in (one_filled, one_partly_filled):
                continue  # there is no ledger before the first deal
            yield pytest.param(point, how, name, id="-".join((point.__name__, how.__name__, name)))


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("point, how, name", cases())
def test_no_order_follows_and_the_owner_is_told(world, point, how, name, restarts):
    point(world)
    before = list(world.calls())
    assert len(before) == 1
    told = len(world.notices())
    how(path_of(world, name))
    world.broker.fate = lambda call: Fate()
    if restarts:
        world.restart()
    world.run(60)
    drop(world, 0.91).run(300)
    assert [call for call in world.calls() if call.startswith("20260105-510300")] == before
    assert world.errors() == []
    codes = {code for code, _ in world.notices()[told:]}
    assert codes & {"stopped-fund", "unknown", "state", "disk"}, world.notices()[told:]


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("how", [delete, garble])
def test_without_the_record_of_its_start_a_fund_does_not_trade_today(world, how, restarts):
    how(path_of(world, "flags/started.jsonl"))
    if restarts:
        world.restart()
    world.run(60)
    drop(world).run(120)
    assert world.calls() == [] and any("起始记录丢了或被改动" in text for _, text in world.notices("stopped-fund"))
    world.restart().overnight(NEXT).run(120)
    drop(world).run(60)
    assert len(world.calls()) == 1


def all_is_gone(world):
    for name in FOLDERS:
        delete(path_of(world, name))
    notices._told.clear()
    return world


@pytest.mark.parametrize("start", ["none", "none 20260105", "current"])
def test_with_all_records_gone_shares_in_the_account_stop_the_fund(world, start):
    one_filled(world)
    write_ini(world.home, start=start)
    all_is_gone(world).restart().run(60)
    drop(world, 0.91).run(300)
    world.overnight(NEXT).run(60)
    drop(world, 0.91).run(300)
    assert len(world.calls()) == 1 and world.errors() == []
    assert any("510300.SH" in text and "持仓" in text for _, text in world.notices("stopped-fund"))


def test_a_choice_made_today_settles_a_fund_whose_records_are_all_gone(world):
    one_filled(world)
    all_is_gone(world).overnight(NEXT)
    write_ini(world.home, start="-7 20260106")
    world.restart().run(120)
    drop(world, 0.91).run(120)
    assert len(world.calls()) == 2 and world.cell() == -9


def test_a_flag_file_with_one_bad_line_stops_its_fund_today_only(world):
    one_filled(world)
    path = path_of(world, "flag")
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    with open(path, "wb") as file:
        file.write(b"\n".join([lines[0], b"#garbled#"] + lines[2:]))
    world.restart().run(60)
    drop(world, 0.91).run(120)
    assert len(world.calls()) == 1
    world.overnight(NEXT).run(120)
    drop(world, 0.91).run(120)
    assert len(world.calls()) == 2


@pytest.mark.parametrize("name", ["state/grid.json", "state/book.json", "deals/transaction.csv"])
@pytest.mark.parametrize("how", [delete, garble])
def test_lost_over_night_no_order_follows_that_day_and_the_owner_is_told(world, how, name):
    drop(world).run(120)
    told = len(world.notices())
    how(path_of(world, name))
    world.restart().overnight(NEXT).run(300)
    drop(world, 0.91).run(600)
    assert len(world.calls()) == 1 and world.errors() == []
    codes = {code for code, _ in world.notices()[told:]}
    assert "stopped-fund" in codes


def test_a_grid_state_that_flags_and_position_explain_is_rebuilt_and_trades_from_the_next_session(world):
    drop(world).run(120)
    delete(path_of(world, "state/grid.json"))
    world.restart().run(60)
    assert world.cell() == -7
    drop(world, 0.91).run(120)
    assert len(world.calls()) == 1  # rebuilt today
    world.overnight(NEXT).run(120)
    assert len(world.calls()) == 2 and world.cell() == -9


def test_state_and_ledger_that_the_deal_list_and_flags_explain_never_mean_no_trade_yet(world):
    drop(world).run(120)
    delete(path_of(world, "state"))
    delete(path_of(world, "deals"))
    world.restart().run(60)
    drop(world, 0.91).run(300)
    assert len(world.calls()) == 1
    world.overnight(NEXT).run(300)
    lines = world.flags()["20260106-510300-B-01"]
    assert lines[0]["from_cell"] == -7


def test_a_ledger_lost_together_with_the_process_is_whole_again_from_the_deal_list(world):
    one_partly_filled(world)
    delete(path_of(world, "deals"))
    world.broker.fate = lambda call: Fate()
    world.restart().run(300)
    assert world.trader._desk.ledger.signed("510300", "", "99999999") == world.broker.volume["510300"]


def test_a_flag_file_cut_after_its_first_line_is_seen_again_and_not_sent_again(world):
    one_working(world)
    path = path_of(world, "flag")
    with open(path, "rb") as file:
        first = file.read().split(b"\n")[0] + b"\n"
    with open(path, "wb") as file:
        file.write(first)
    world.restart().run(30)
    assert len(world.calls()) == 1 and list(world.states().values())[0] == "working"


@pytest.mark.parametrize(
    "name", ["state/grid.json", "state/book.json", "flags/started.jsonl", "deals/transaction.csv", "flag"]
)
def test_a_file_that_a_scanner_holds_for_minutes_blocks_orders_until_it_lets_go_and_stops_nobody(
    world, name, monkeypatch
):
    drop(world).run(60)
    held = path_of(world, name)
    plain, plain_stat = builtins.open, os.stat

    def refuse(function):
        def asked(path, *args, **named):
            if path == held:
                raise PermissionError(13, "held")
            return function(path, *args, **named)

        return asked

    monkeypatch.setattr(builtins, "open", refuse(plain))
    monkeypatch.setattr(os, "stat", refuse(plain_stat))
    world.run(180)
    before = len(world.calls())
    drop(world, 0.92).run(120)
    assert len(world.calls()) == before
    monkeypatch.undo()
    world.run(300)
    assert len(world.calls()) > before
    assert world.notices("stopped-fund") == []
    assert len(world.notices("disk")) == 2  # refused, and works again
