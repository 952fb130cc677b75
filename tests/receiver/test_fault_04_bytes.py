"""Fault test, point 4: sizes around the limits, in Chinese and emoji, through the real channel classes."""

import pytest

from receiver import receiver as program
from receiver.receiver import Outgoing, Text
from tests.receiver.receiver_bench import MAIL, PUSHPLUS, WECOM, Bench

TAIL = "https://sentry.example.com #12"
SIZES = [1, 2047, 2048, 2049, 4096, 100_000]


def filled(filling, size):
    """A text of exactly `size` bytes: as much of the filling as fits, the rest in ASCII."""
    many = size // len(filling.encode())
    return filling * many + "x" * (size - many * len(filling.encode()))


@pytest.fixture
def posts(monkeypatch):
    found = []

    def vendor(_url, body):
        found.append(body)
        return {"errcode": 0, "code": 200}

    monkeypatch.setattr(program, "post_json", vendor)
    return found


def channel_of(tmp_path, ini):
    return next(iter(program.make_channels(Bench(tmp_path, channels=ini).config).values()))


@pytest.mark.parametrize("filling", ["中", "🚨", "中🚨a", "é", "👨‍👩‍👧‍👦"])
@pytest.mark.parametrize("size", SIZES)
def test_wecom_content_is_whole_up_to_2048_bytes_and_cut_on_a_character_beyond(tmp_path, posts, filling, size):
    """`size`: bytes of the whole content."""
    title = "❗ QMT 不在运行 · mini-pc"
    around = len(f"{title}\n\n{TAIL}".encode())
    body = filled(filling, max(1, size - around))
    channel_of(tmp_path, WECOM).send(Outgoing("1", Text(title, body, TAIL)))
    content = posts[0]["text"]["content"]
    whole = f"{title}\n{body}\n{TAIL}"
    assert len(content.encode("utf-8")) <= 2048
    assert content.startswith(title) and content.endswith(TAIL)
    if len(whole.encode()) <= 2048:
        assert content == whole
    else:
        assert "…" in content
        assert len(content.encode()) >= 2048 - 3 - len("👨‍👩‍👧‍👦".encode())


def test_exactly_2048_bytes_of_chinese_are_not_cut(tmp_path, posts):
    body = filled("中", 2048 - len(f"t\n\n{TAIL}".encode()))
    channel_of(tmp_path, WECOM).send(Outgoing("1", Text("t", body, TAIL)))
    assert len(posts[0]["text"]["content"].encode()) == 2048
    assert "…" not in posts[0]["text"]["content"]


@pytest.mark.parametrize("size", SIZES)
def test_pushplus_content_keeps_below_20000_characters_with_its_link(tmp_path, posts, size):
    channel_of(tmp_path, PUSHPLUS).send(Outgoing("1", Text("标题", filled("🚨", size), TAIL)))
    assert len(posts[0]["content"]) < 20_000
    assert posts[0]["content"].endswith(TAIL)
    assert len(posts[0]["title"]) <= 100


@pytest.mark.parametrize("size", SIZES)
def test_a_mail_of_any_size_is_valid_with_title_and_link(tmp_path, size):
    mail = channel_of(tmp_path, MAIL).compose(Outgoing("1", Text("❗ 标题", filled("中", size), TAIL)))
    assert mail["Subject"] == "❗ 标题"
    assert mail.get_content().strip().endswith(TAIL)
    assert bytes(mail).isascii()


def test_half_a_surrogate_pair_from_a_machine_is_sent_as_valid_utf8(tmp_path, posts):
    channel_of(tmp_path, WECOM).send(Outgoing("1", Text("t", program.words("a\ud83d b"), TAIL)))
    assert posts[0]["text"]["content"].encode("utf-8")
