"""The oracle's reckoning of what the receiver only counts."""

from rehearsal.soak.flapping import ERROR_QUIET, WINDOW, counted_only


def troubles(*times, told=("QMT 不在运行",)):
    return [{"at": float(at), "told": list(told)} for at in times]


def test_the_first_three_within_an_hour_are_told():
    assert counted_only(troubles(0, 100, 200)) == (set(), [])


def test_the_fourth_and_what_follows_are_only_counted_and_summed_up_an_hour_later():
    assert counted_only(troubles(0, 100, 200, 300, 2000)) == ({3, 4}, [(300 + WINDOW, "qmt")])


def test_an_hour_without_any_makes_it_news_again():
    quiet, _ = counted_only(troubles(0, 100, 200, 300, 300 + 2 * WINDOW))
    assert quiet == {3}


def test_a_freeze_and_a_kill_are_the_same_thing_and_a_silent_script_is_another():
    kills = troubles(0, 100, 200)
    assert counted_only(kills + troubles(300, told=["QMT 没有响应"]))[0] == {3}
    assert counted_only(kills + troubles(300, told=["策略没有心跳"]))[0] == set()


def test_where_three_more_came_while_it_counted_it_goes_on_counting():
    quiet, sums = counted_only(troubles(0, 100, 200, 300, 400, 500, 300 + WINDOW + 10))
    assert quiet == {3, 4, 5, 6}
    assert [at for at, _ in sums] == [300 + WINDOW, 300 + 2 * WINDOW]


def test_an_hour_in_which_it_did_not_come_is_not_summed_up():
    _, sums = counted_only(troubles(0, 100, 200, 300, 400, 500))
    assert [at for at, _ in sums] == [300 + WINDOW]


def test_the_same_error_is_told_once_and_again_after_half_an_hour_without_one():
    errors = troubles(0, 100, 1000, 1000 + ERROR_QUIET, told=("出错",))
    assert counted_only(errors) == ({1, 2}, [])
