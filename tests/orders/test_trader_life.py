"""An order's life, from the rule's wish to the grid state: what ends how, and what is tried again."""

from tests.orders.tiny_qmt import Fate, at
from tests.orders.world import DAY, NEXT, drop

FUND = "510300.SH"
FIRST = "20260105-510300-B-01"
SECOND = "20260105-510300-B-02"


def fates(world, *given):
    """The fates of the orders to come, the last one for all others."""
    queue = list(given)
    world.broker.fate = lambda call: queue.pop(0) if len(queue) > 1 else queue[0]


def test_a_wish_becomes_one_order_that_fills_and_moves_the_grid_state(world):
    drop(world).run(300)
    assert world.calls() == [FIRST]
    assert world.states() == {FIRST: "filled"}
    assert world.cell() == -7
    assert world.errors() == []


def test_the_intent_is_on_the_disk_before_passorder_is_called(world):
    seen = []
    world.before_passorder = lambda remark: seen.append(world.flags()[remark][0])
    drop(world).run(120)
    assert [line["state"] for line in seen] == ["intent"]
    assert seen[0]["cell"] == -7 and seen[0]["from_cell"] == 0 and seen[0]["code"] == FUND


def test_each_deal_is_in_the_ledger_once_however_often_it_is_told(world):
    fates(world, Fate(fills=((1, 2000), (2, 3000), (3, None))))
    drop(world).run(60)
    for deal in world.broker.deals * 3:
        world.push([("deal", deal)])
    world.run(60)
    assert world.trader._desk.ledger.signed("510300", DAY, DAY) == 7500 == world.broker.volume["510300"]
    assert len(world.trader._desk.ledger.entries) == 3


def test_what_is_not_filled_in_time_is_cancelled_and_the_rest_tried_again(world):
    fates(world, Fate(fills=((2, 3000),)), Fate())
    drop(world).run(240)
    assert world.calls() == [FIRST, SECOND]
    assert world.states() == {FIRST: "cancelled", SECOND: "filled"}
    # 7,000 yuan less 3,000 shares at 0.932
    assert world.broker.calls[1][4] == 7000 - 3000 * 0.932
    assert world.cell() == -7 and world.broker.volume["510300"] <= 7500
    assert any("超过 60 秒" in text for _, text in world.notices("unfilled"))


def test_the_rest_is_dropped_where_the_rule_no_longer_holds_and_the_fill_still_counts(world):
    fates(world, Fate(fills=((2, 3000),)))
    drop(world).run(30)
    drop(world, 1.0).run(240)
    assert world.calls() == [FIRST] and world.cell() == -7
    assert any("只成交 3000 股" in text for _, text in world.notices("unfilled"))


def test_an_intent_without_any_fill_leaves_the_grid_state(world):
    fates(world, Fate(fills=()))
    drop(world).run(30)
    drop(world, 1.0).run(240)
    assert world.states() == {FIRST: "cancelled"} and world.cell() == 0


def test_three_attempts_a_day_and_no_fourth(world):
    fates(world, Fate(fills=()))
    drop(world).run(1800)
    assert len(world.calls()) == 3 and world.cell() == 0


def test_a_cancel_that_says_no_is_not_believed(world):
    fates(world, Fate(fills=(), cancel="lies"), Fate())
    drop(world).run(240)
    assert world.states() == {FIRST: "cancelled", SECOND: "filled"}


def test_a_cancel_that_is_not_done_is_asked_again_and_nothing_else_is_placed(world):
    fates(world, Fate(fills=(), cancel="deaf"))
    drop(world).run(600)
    assert world.calls() == [FIRST] and world.states() == {FIRST: "working"}
    assert len(world.broker.cancels) > 10


def test_a_reject_for_money_is_told_with_the_counters_words_and_not_retried(world):
    fates(world, Fate(reject="[COUNTER][260200][可用资金不足]"))
    drop(world).run(1200)
    assert world.calls() == [FIRST] and world.states() == {FIRST: "rejected"} and world.cell() == 0
    assert "可用资金不足" in world.notices("rejected")[0][1]


def test_another_reject_is_retried_after_five_minutes(world):
    fates(world, Fate(reject="[COUNTER][1] busy"), Fate())
    drop(world).run(280)
    assert world.calls() == [FIRST]
    world.run(180)
    assert world.states() == {FIRST: "rejected", SECOND: "filled"}


def test_order_error_is_a_reject_with_its_words(world):
    fates(world, Fate(error="[函数交易] 指定价 无效, 无法下单!"))
    drop(world).run(60)
    assert world.states() == {FIRST: "rejected"}
    assert "指定价 无效" in world.notices("rejected")[0][1]


def test_an_order_that_is_never_seen_is_unknown_told_and_never_resent(world):
    fates(world, Fate(refused=True))
    drop(world).run(3600)
    assert world.calls() == [FIRST] and world.states() == {FIRST: "unknown"}
    assert len(world.notices("unknown")) == 1


def test_it_is_not_unknown_before_a_minute_has_passed(world):
    fates(world, Fate(refused=True))
    drop(world).run(57)
    assert world.states() == {FIRST: "sent"}


def test_a_late_sighting_books_it_and_does_not_reopen_the_fund_today(world):
    fates(world, Fate(visible=200, sysid=200, fills=((199, None),)), Fate())
    drop(world).run(600)
    assert world.states() == {FIRST: "filled"} and world.cell() == -7
    drop(world, 0.90).run(600)
    assert world.calls() == [FIRST]
    assert len(world.notices("late")) >= 1


def test_looks_while_logged_out_do_not_make_an_order_unknown(world):
    fates(world, Fate(refused=True))
    drop(world).run(15)
    world.broker.logged_in = False
    world.run(600)
    assert world.states() == {FIRST: "sent"}


def test_a_passorder_that_raises_may_have_been_sent_and_is_never_repeated(world):
    world.passorder_raises = RuntimeError("C++")
    drop(world).run(300)
    assert world.calls() == [FIRST] and world.states() == {FIRST: "filled"}
    fates(world, Fate(refused=True))
    drop(world, 0.90).run(600)
    assert world.calls() == [FIRST, SECOND] and world.states()[SECOND] == "unknown"


def test_a_sale_takes_at_most_what_may_be_sold_today(fresh):
    fresh.broker.volume = {"510300": 1050}
    fresh.broker.today = {"510300": 300}
    fresh.start().run(120)
    drop(fresh, 1.08).run(120)
    assert [call[2:5] for call in fresh.broker.calls] == [(24, 1101, 700)]
    assert fresh.broker.volume["510300"] == 350 and fresh.cell() == 9


def test_an_odd_lot_goes_with_the_rest_of_the_holding(fresh):
    fresh.broker.volume = {"510300": 1050}
    fresh.start().run(120)
    drop(fresh, 1.08).run(120)
    assert [call[2:5] for call in fresh.broker.calls] == [(24, 1101, 1050)]


def test_at_the_end_of_the_day_our_live_order_is_cancelled_and_nothing_more_is_placed(world):
    world.go(DAY, "14:53:00").run(20)
    fates(world, Fate(fills=()))
    drop(world).run(30)
    world.run(300)
    assert world.calls() == [FIRST] and world.states() == {FIRST: "cancelled"}
    assert world.broker.cancels[0][0] >= at(DAY, "14:54:00")


def test_no_cancel_is_asked_for_in_the_closing_auction(world):
    world.go(DAY, "14:53:00").run(20)
    fates(world, Fate(fills=(), cancel="deaf"))
    drop(world).run(900)
    assert world.broker.cancels and max(now for now, _ in world.broker.cancels) < at(DAY, "14:57:00")
    assert world.states() == {FIRST: "expired"}


def test_the_next_day_trades_on_from_the_cell_of_the_fill(world):
    drop(world).run(120)
    world.overnight(NEXT).run(180)
    assert world.calls() == [FIRST] and not world.notices("stopped-fund")
    drop(world, 0.91).run(120)
    assert world.calls() == [FIRST, "20260106-510300-B-01"] and world.cell() == -9
