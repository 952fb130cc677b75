"""What the soak's oracle reads out of a message."""

from rehearsal.soak.telling import AGAIN, BAD, GOOD, LINE, numbers, says, tellings


def message(title, body=""):
    return {"shown": {"title": title, "body": body}}


def test_a_title_tells_each_of_its_parts():
    assert tellings(message("❗ QMT 不在运行、策略没有心跳：x · mini-pc")) == {
        (BAD, "QMT 不在运行"),
        (BAD, "策略没有心跳：x"),
    }
    assert tellings(message("✅ 已恢复：QMT 在运行 · mini-pc")) == {(GOOD, "QMT 在运行")}
    assert tellings(message("⏰ 仍未恢复：QMT 不在运行 · mini-pc")) == {(AGAIN, "QMT 不在运行")}


def test_a_heading_in_the_body_tells_but_once():
    assert tellings(message("❗ A、B · mini-pc", "❗ A\n自 10:00 起\n❗ B\n自 10:01 起")) == {(BAD, "A"), (BAD, "B")}


def test_a_title_that_was_cut_off_leaves_the_rest_to_the_body():
    assert tellings(message("❗ A、B… · mini-pc", "❗ A\n❗ BBB")) == {(BAD, "A"), (BAD, "BBB")}


def test_a_digest_tells_what_each_of_its_lines_tells():
    body = "10:00 ❗ QMT 不在运行 #7\n  10:00 起\n01-05 10:00 ✅ 已恢复：QMT 在运行 · mini-pc #7\n10:00 ℹ️ 成交 #8"
    found = tellings(message("📋 积压的 3 条通知", body))
    assert found == {(BAD, "QMT 不在运行"), (GOOD, "QMT 在运行"), (LINE, "成交")}
    assert numbers(message("", body)) == {7, 8}


def test_words_in_the_middle_of_a_line_tell_nothing():
    assert not says(message("❗ A · mini-pc", "怎么办：❗ QMT 不在运行"), BAD, "QMT 不在运行")
