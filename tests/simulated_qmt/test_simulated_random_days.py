"""Days of random trouble: whatever is switched on, the simulation itself keeps its books and never fails."""

import random

import pytest

from rehearsal.qmt import behaviours, times
from rehearsal.qmt.book import ALIVE

CODES = ("510300.SH", "512690.SH", "159915.SZ")
TRADER = """
import random
class G: pass
g = G()
g.chance = random.Random(SEED)
def init(C):
    C.set_account(account)
    C.run_time('on_time', '30nSecond', '2019-10-14 13:20:00')
def on_time(C):
    look()
def handlebar(C):
    if not C.is_last_bar():
        return
    look()
    code = g.chance.choice(CODES)
    if g.chance.random() < 0.3:
        passorder(g.chance.choice([23, 24]), g.chance.choice([1101, 1102, 1113, 1123]), account, code,
                  g.chance.choice([0, 3, 5, 7, 10, 11, 12, 13, 14, 42, 48]), g.chance.choice([-1, 0, 1.0, 4.0]),
                  g.chance.choice([0, 0.1, 100, 150, 1000, 50000]), 'grid', g.chance.choice([0, 1, 2]), 'id', C)
    for order in get_trade_detail_data(account, 'STOCK', 'ORDER')[-5:]:
        if g.chance.random() < 0.2:
            cancel(order.m_strOrderSysID, account, 'STOCK', C)
def look():
    for kind in ('ACCOUNT', 'POSITION', 'ORDER', 'DEAL', 'TASK'):
        get_trade_detail_data(account, 'STOCK', kind)
def order_callback(C, o):
    look()
def deal_callback(C, d):
    look()
"""
UNKIND = ("strict_source", "editor_mode", "phases")  # would keep the script from trading at all, or never end a day


def shake(made, chance):
    """One piece of trouble between two ticks."""
    names = [name for name in behaviours.names() if name not in UNKIND]
    kind = chance.randrange(8)
    if kind < 3:
        getattr(made.behaviours, chance.choice(["on", "off"]))(chance.choice(names))
    elif kind == 3:
        made.reinit()
    elif kind == 4:
        made.disconnect()
        made.wait(chance.uniform(0, 30))
        made.reconnect()
    elif kind == 5:
        made.kill()
        made.world.run_to(made.world.now() + chance.uniform(0, 100))
        made.start()
    else:
        made.world.owner_order(chance.choice(CODES), chance.random() < 0.5, 100 * chance.randint(1, 9))


def books(made):
    """(cash, shares) that the deals of all days make of the opening ones."""
    broker = made.world.broker
    deals = [deal for _, of_day in broker.past.values() for deal in of_day] + broker.deals
    cash, shares = 500000.0, dict.fromkeys(CODES, 20000)
    for deal in deals:
        sign = 1 if deal.request.buy else -1
        cash -= sign * deal.shares * deal.price + deal.fee
        shares[deal.request.code] = shares[deal.request.code] + sign * deal.shares
    return cash, shares


@pytest.mark.parametrize("seed", range(8))
def test_books_add_up_after_days_of_trouble(client, seed):
    chance = random.Random(seed)
    made = client(TRADER, at="09:10", seed=seed, shares=dict.fromkeys(CODES, (20000, 1.0)))
    made.more_globals.update(SEED=seed, CODES=CODES)
    made.start()
    for day in ("20260105", "20260106"):
        for at in made.world.hours.tick_times(day, 61):
            if at > made.world.now():
                made.tick(at)
            if chance.random() < 0.3:
                shake(made, chance)
    made.run_to(times.at("20260107", "08:00"))
    broker = made.world.broker
    assert not any(script.stopped for script in made.scripts), made.log()
    cash, shares = books(made)
    assert broker.holdings.cash == pytest.approx(cash)
    assert {code: held.volume for code, held in broker.holdings.shares.items() if held.volume} == {
        code: volume for code, volume in shares.items() if volume
    }
    assert all(volume >= 0 for volume in shares.values())
    for booked, _ in broker.past.values():
        assert all(order.traded == order.request.shares for order in booked if order.status == 56)
        assert all(0 <= order.traded <= order.request.shares for order in booked)
    assert broker.holdings.frozen_cash == 0 and not any(order.status in ALIVE for order in broker.orders)


def test_a_whole_day_has_4740_ticks(client):
    text = "def handlebar(C):\n    C.get_full_tick(['510300.SH', '512690.SH', '159915.SZ'])\n    seen.append(1)\n"
    made = client(text, at="09:00", history_bars=0).started()
    made.run_day("20260105")
    assert len(made.seen) == 3 + 4741 + 2
