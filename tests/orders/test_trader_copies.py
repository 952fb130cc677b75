"""Re-inits are normal, a second mounted copy is not."""

from qmt_strategy.dingtou import instance, notices
from tests.orders.world import NEXT, World, drop


def test_twenty_re_inits_and_trading_goes_on_without_a_word_about_copies(world):
    for _ in range(20):
        world.start().run(30)
    drop(world).run(60)
    assert len(world.calls()) == 1 and world.notices("second-copy") == []


def test_a_re_init_at_ten_with_five_thousand_history_bars_makes_nothing(world):
    drop(world)
    world.start()
    world.context.last_bar = False
    for _ in range(5000):
        world.trader.handlebar(world.context)
    assert world.flags() == {} and world.calls() == []


def test_of_two_mounted_copies_the_newer_trades_and_the_older_is_told_once(world):
    older = world.trader
    world.start()
    newer = world.trader
    drop(world)
    for _ in range(40):
        world.tick()
        world.trader = older
        world.trader.handlebar(world.context)
        world.trader = newer
    assert len(world.calls()) == 1 and len(world.notices("second-copy")) == 1


def test_of_two_clients_with_one_home_the_newer_trades(world):
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    instance._newest.clear()  # another process
    notices._told.clear()
    other.start()
    drop(world)
    for _ in range(60):
        instance._newest["etf_grid"] = world.trader._copies.instance.number
        world.tick()
        other.now = world.now
        instance._newest["etf_grid"] = other.trader._copies.instance.number
        other.trader.handlebar(other.context)
    assert len(world.calls()) == 1 and len(world.notices("second-copy")) == 1


def test_a_lost_counter_file_is_claimed_by_one_copy_and_nothing_is_ordered_that_day(world):
    import os

    os.remove(os.path.join(world.home, "state", "copies.json"))
    drop(world).run(60)
    assert world.calls() == [] and "运行记录丢了或被改动" in world.notices("stopped-fund")[0][1]
    world.overnight(NEXT).run(120)
    drop(world).run(60)
    assert len(world.calls()) == 1 and world.notices("second-copy") == []
