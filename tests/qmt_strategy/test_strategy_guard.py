"""The wrapper of every entry point."""

import pytest

from qmt_strategy.dingtou.guard import Guard, say, shorten


@pytest.fixture
def posts():
    return []


@pytest.fixture
def guard(posts, clock):
    return Guard(lambda kind, data: posts.append((kind, data)), clock, tell=lambda words: None)


def fail(words="boom"):
    raise ValueError(words)


def test_what_a_function_returns_comes_through(guard, posts):
    assert guard.run("here", lambda a, b: a + b, 1, 2) == 3
    assert posts == []


def test_an_exception_becomes_a_post_with_where_and_traceback(guard, posts):
    assert guard.run("handlebar", fail) is None
    ((kind, data),) = posts
    assert (kind, data["where"], data["count"]) == ("strategy.error", "handlebar", 1)
    assert data["traceback"].endswith("ValueError: boom\n")


def test_the_same_traceback_is_posted_once_a_minute_with_its_count(guard, posts, clock):
    for _ in range(20):
        guard.run("handlebar", fail)
        clock.now += 3
    clock.now += 1
    guard.run("handlebar", fail)
    assert [data["count"] for _, data in posts] == [1, 20]


def test_another_traceback_is_posted_at_once(guard, posts):
    guard.run("handlebar", fail, "one")
    guard.run("handlebar", fail, "two")
    assert len(posts) == 2


def test_a_storm_of_ever_new_tracebacks_is_bounded(guard, posts, clock):
    for i in range(1000):
        guard.run("handlebar", fail, "number %d" % i)
        clock.now += 0.05
    assert len(posts) == 10
    assert len(guard._seen) <= 101
    clock.now += 60
    guard.run("handlebar", fail, "after the storm")
    assert len(posts) == 11


def test_a_clock_that_is_set_back_an_hour_does_not_silence_errors(guard, posts, clock):
    guard.run("handlebar", fail)
    clock.now -= 3600
    guard.run("handlebar", fail)
    assert len(posts) == 2


def test_a_post_that_raises_is_swallowed(clock):
    told = []

    def post(kind, data):
        raise OSError("disk full")

    Guard(post, clock, told.append).run("handlebar", fail)
    assert "handlebar" in told[-1]


def test_an_exception_whose_text_raises_is_swallowed(guard):
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError("no")

    def raise_it():
        raise Unspeakable()

    assert guard.run("handlebar", raise_it) is None


def test_a_traceback_is_at_most_eight_kib_and_keeps_its_end():
    words = shorten("错" * 9000 + "ValueError: 最后")
    assert len(words.encode("utf-8")) <= 8192
    assert words.endswith("ValueError: 最后")


def test_an_endless_recursion_is_reported(guard, posts):
    def deeper():
        return deeper()

    guard.run("handlebar", deeper)
    assert "RecursionError" in posts[0][1]["traceback"]


def test_printing_to_a_window_that_is_gone_does_not_raise(monkeypatch):
    class Gone:
        def write(self, words):
            raise OSError("no window")

    monkeypatch.setattr("sys.stdout", Gone())
    say("心跳")
    monkeypatch.setattr("sys.stdout", None)
    say("心跳")
