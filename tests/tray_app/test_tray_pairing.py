"""Pairing codes: what is read, what is written, what the owner is told, and that a bad one changes nothing."""

import base64
import json
import os
import stat
import threading

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.tray_app import certificates
from tests.tray_app.helpers import StubReceiver, accept, fails_with, ok_body, order, short
from tray_app import config, dialog, home, main, pair_dialog, pairing
from tray_app import strings_zh as zh
from tray_app.app import TrayApp
from tray_app.pairing import Code, Outcome

WAIT = 30
PIN = "0123456789abcdef" * 4
CODE = Code("https://203.0.113.9:8780", "mini-pc", "tok-en_1", PIN)
OLD_INI = (
    "; 我的设置\n[sentry]\n; 名字\nmachine = old   ; 家里那台\nreceiver=http://old.example\n\ntoken : oldtoken\n"
    "sessions = 09:30-11:30\n\n[inbox]\ntoken = inbox-token ; 旧脚本\n[strategy]\nfunds = 510300.SH\n"
)


def packed(version=1, **parts):
    parts = {**CODE._asdict(), **parts}
    raw = json.dumps({key: value for key, value in parts.items() if value is not None}, ensure_ascii=False)
    return f"QS{version}." + base64.urlsafe_b64encode(raw.encode("utf-8")).decode().rstrip("=")


@pytest.fixture
def ini(home):
    home.ini.write_bytes(OLD_INI.encode("utf-8"))
    return home.ini


# Reading a code ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "paste",
    [
        packed(),
        "  " + packed() + "\r\n",
        "\ufeff" + packed(),
        "\r\n".join(packed()[n : n + 40] for n in range(0, 400, 40)),
        f"或在小主机上粘贴配对码：\n{packed()}\n\n接着在 receiver.ini 里",
        packed() + "==",
    ],
    ids=short,
)
def test_a_code_is_read_however_it_was_copied(paste):
    assert pairing.parse(paste) == CODE


def test_a_code_for_a_public_certificate_has_no_fingerprint():
    assert pairing.parse(packed(fingerprint=None)).fingerprint == ""


@pytest.mark.parametrize(
    "paste, code",
    [
        ("", pairing.NO_CODE),
        ("hello QS", pairing.NO_CODE),
        (packed()[:60], pairing.NO_CODE),
        (packed()[:-3], pairing.NO_CODE),
        (packed(version=0), pairing.NO_CODE),
        (packed(version=2), pairing.NEWER),
        ("QS12.whatever", pairing.NEWER),
        ("QS1." + base64.urlsafe_b64encode(b"[1, 2]").decode(), pairing.NO_CODE),
        ("QS1." + "A" * 100000, pairing.NO_CODE),
        (packed(token=None), pairing.NO_CODE),
        (packed(token=7), pairing.NO_CODE),
        (packed(token="a b"), pairing.NO_CODE),
        (packed(token="a\nb = c"), pairing.NO_CODE),
        (packed(machine="x\n[strategy]\nmode = live"), pairing.NO_CODE),
        (packed(machine=";x"), pairing.NO_CODE),
        (packed(url="ftp://x"), pairing.NO_CODE),
        (packed(url="http://203.0.113.9"), pairing.NO_CODE),  # a fingerprint without https
        (packed(fingerprint="12"), pairing.NO_CODE),
    ],
    ids=short,
)
def test_what_is_no_code_of_ours_is_told_apart_and_changes_nothing(ini, paste, code):
    outcome = pairing.pair(paste, ini, ask=lambda code: pytest.fail("asked a receiver"))
    assert (outcome.code, outcome.written) == (code, False)
    assert ("升级" in outcome.text) == (code == pairing.NEWER)
    assert ini.read_bytes() == OLD_INI.encode("utf-8")


# Writing it ----------------------------------------------------------------------------------------------------------


def test_the_four_settings_are_replaced_where_they_stand_and_all_else_stays():
    assert pairing.with_code(OLD_INI, CODE) == (
        "; 我的设置\n[sentry]\n; 名字\nmachine = mini-pc   ; 家里那台\nreceiver = https://203.0.113.9:8780\n\n"
        f"token = tok-en_1\nsessions = 09:30-11:30\nfingerprint = {PIN}\n\n[inbox]\ntoken = inbox-token ; 旧脚本\n"
        "[strategy]\nfunds = 510300.SH\n"
    )


def test_a_code_without_a_fingerprint_takes_the_old_one_out():
    paired = pairing.with_code(OLD_INI, CODE)
    again = pairing.with_code(paired, CODE._replace(fingerprint=""))
    assert config.parse(again, "x").fingerprint == ""
    assert "\nfingerprint =\n" in again


def test_an_empty_and_a_foreign_file_get_a_section_of_their_own():
    assert pairing.with_code("", CODE).startswith("[sentry]\nmachine = mini-pc\n")
    assert config.parse(pairing.with_code("[qmt]\nlook_every = 5", CODE), "x").qmt_look_every == 5


def test_line_ends_and_notepads_mark_stay(ini):
    ini.write_bytes(b"\xef\xbb\xbf" + OLD_INI.replace("\n", "\r\n").encode("utf-8"))
    pairing.write(ini, CODE)
    raw = ini.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf;")
    assert raw.count(b"\n") == raw.count(b"\r\n") == OLD_INI.count("\n") + 1
    assert config.load(ini).token == "tok-en_1"


LINE = some.sampled_from(
    ["", " ", "; comment", "# = ;", "[qmt]", "[sentry]", "folder = C:\\QMT ; here", "token = x", "machine=y", " more",
     "receiver : http://z", "Token = q", "fingerprint=", "[fund:510300.SH]", "sessions = 09:30-11:30", "\x0c; \u2028 x"]
)  # fmt: skip


@hypothesis.settings(max_examples=60, deadline=None)
@given(some.lists(LINE, min_size=1, max_size=12), some.sampled_from(["\n", "\r\n"]))
def test_whatever_stands_in_the_file_no_other_line_changes(lines, end):
    """Every line that is no setting of the pairing stays, in its order; each added one is one of the four."""
    names = ("machine", "receiver", "token", "fingerprint")

    def others(text):
        found, inside = [], False
        for line in text.split(end):
            inside = line.startswith("[sentry]") if line.startswith("[") else inside
            name = line.replace(":", "=").partition("=")[0].strip().lower()
            if line and not (inside and name in names) and line != "[sentry]":
                found.append(line)
        return found

    text = "".join(line + end for line in lines)
    assert others(pairing.with_code(text, CODE)) == others(text)


def test_a_mistake_elsewhere_in_the_file_is_named_and_nothing_changes(ini):
    ini.write_text(OLD_INI + "[host]\nevery = soon\n", encoding="utf-8")
    before = ini.read_bytes()
    outcome = pairing.pair(packed(), ini, ask=lambda code: Outcome(pairing.CONNECTED, "ok"))
    assert (outcome.code, outcome.written) == (pairing.FAILED, False)
    assert "[host] every" in outcome.text
    assert ini.read_bytes() == before


def test_a_write_that_fails_leaves_the_old_file_and_no_token_beside_it(ini, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "in use")

    monkeypatch.setattr(home.os, "replace", refuse)
    outcome = pairing.pair(packed(), ini, ask=lambda code: Outcome(pairing.CONNECTED, "ok"))
    assert (outcome.code, outcome.written) == (pairing.FAILED, False)
    assert ini.read_bytes() == OLD_INI.encode("utf-8")
    assert sorted(path.name for path in ini.parent.iterdir() if path.is_file()) == ["sentry.ini"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_rights(ini, tmp_path):
    pairing.write(tmp_path / "new.ini", CODE)
    assert stat.S_IMODE((tmp_path / "new.ini").stat().st_mode) == 0o600
    ini.chmod(0o640)
    pairing.write(ini, CODE)
    assert stat.S_IMODE(ini.stat().st_mode) == 0o640


# What the receiver says ----------------------------------------------------------------------------------------------


def code_for(receiver, fingerprint=None):
    return packed(url=receiver.url, fingerprint=fingerprint)


def test_a_receiver_that_knows_the_token_is_connected_and_written(ini, receiver):
    outcome = pairing.pair(code_for(receiver), ini)
    assert (outcome.code, outcome.written) == (pairing.CONNECTED, True)
    assert "已配对并连上接收端" in outcome.text
    assert receiver.headers[0]["Authorization"] == "Bearer tok-en_1"
    assert (receiver.posts[0]["machine"], receiver.posts[0]["events"]) == ("mini-pc", [])
    assert config.load(ini).receiver == receiver.url


def test_what_the_receiver_says_of_its_channels_is_passed_on(ini, receiver):
    receiver.answers = [lambda envelope: (200, {}, ok_body([], ok=False, why="没有打开任何通道"))]
    assert "没有打开任何通道" in pairing.pair(code_for(receiver), ini).text


@pytest.mark.parametrize("status", [401, 403])
def test_an_unknown_token_is_told_and_the_old_pairing_stays(ini, receiver, status):
    receiver.answers = [fails_with(status)]
    outcome = pairing.pair(code_for(receiver), ini)
    assert (outcome.code, outcome.written) == (pairing.UNKNOWN_TOKEN, False)
    assert "重启接收端" in outcome.text
    assert ini.read_bytes() == OLD_INI.encode("utf-8")


@pytest.mark.parametrize("answer", [fails_with(503), fails_with(404, b"<html>"), fails_with(401, b"<html>")])
def test_where_no_receiver_answers_the_code_is_kept_for_later(ini, receiver, answer):
    receiver.answers = [answer]
    outcome = pairing.pair(code_for(receiver), ini)
    assert (outcome.code, outcome.written) == (pairing.NOT_REACHED, True)
    assert config.load(ini).token == "tok-en_1"


def test_a_dead_address_is_told_and_the_code_kept(ini):
    stub = StubReceiver()
    stub.close()
    outcome = pairing.pair(code_for(stub), ini)
    assert (outcome.code, outcome.written) == (pairing.NOT_REACHED, True)
    assert "连不上" in outcome.text


def test_a_wrong_fingerprint_is_told_and_the_old_pairing_stays(ini, tmp_path):
    stub = StubReceiver(certificates.make(tmp_path / "tls").tls)
    try:
        outcome = pairing.pair(code_for(stub, PIN), ini)
        assert (outcome.code, outcome.written) == (pairing.OTHER_CERTIFICATE, False)
        assert "证书" in outcome.text
        outcome = pairing.pair(code_for(stub), ini)  # without a pin nobody vouches for it
        assert (outcome.code, outcome.written) == (pairing.OTHER_CERTIFICATE, False)
    finally:
        stub.close()
    assert stub.posts == []
    assert ini.read_bytes() == OLD_INI.encode("utf-8")


def test_every_outcome_is_one_sentence():
    for text in (value for name, value in vars(zh).items() if name.startswith(("PAIR", "NO_CODE", "NEWER", "BROKEN"))):
        assert "\n" not in text
        assert text.count("。") <= 1


# --pair-file ---------------------------------------------------------------------------------------------------------


def run(home, file, capsys):
    code = main.main(["--home", str(home.root), "--pair-file", str(file)])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_installers_file_is_read_and_deleted(home, receiver, tmp_path, capsys, encoding):
    file = tmp_path / "code.txt"
    file.write_bytes((code_for(receiver) + "\r\n").encode(encoding))
    code, said = run(home, file, capsys)
    assert (code, said.startswith("已配对")) == (0, True)
    assert not file.exists()
    assert config.load(home.ini).token == "tok-en_1"
    assert "tok-en_1" not in said + (home.logs / "once.log").read_text(encoding="utf-8")


def test_a_bad_code_in_the_file_is_deleted_too_and_told_by_the_exit_code(home, tmp_path, capsys):
    file = tmp_path / "code.txt"
    file.write_text(packed(version=3), encoding="utf-8")
    assert run(home, file, capsys)[0] == pairing.NEWER
    assert not file.exists() and not home.ini.exists()


def test_a_file_that_is_not_there_is_told(home, tmp_path, capsys):
    code, said = run(home, tmp_path / "nothing.txt", capsys)
    assert (code, "nothing.txt" in said) == (2, True)


# The menu and the running program -------------------------------------------------------------------------------------


class Dialog:
    """Types `answers` in turn; keeps what was shown."""

    def __init__(self, *answers):
        self.shown, self.answers = [], list(answers)
        self.done = threading.Event()

    def __call__(self, title, text, fields, buttons):
        self.shown.append((text, [field.value for field in fields]))
        answer = self.answers.pop(0)
        if not self.answers:
            self.done.set()
        return answer


def test_the_dialog_asks_until_the_code_fits_and_then_says_what_came_of_it():
    outcomes = [Outcome(6, "不是配对码。"), Outcome(0, "已配对。", True)]
    ask = Dialog(["nonsense"], ["QS1.x"], [])
    assert pair_dialog.run(ask, lambda text: outcomes.pop(0)) == "已配对。"
    assert ask.shown[1] == (zh.PAIR_TEXT + "\n不是配对码。", ["nonsense"])
    assert ask.shown[2] == ("已配对。", [])


def test_a_cancelled_dialog_changes_nothing():
    assert pair_dialog.run(Dialog(None), lambda text: pytest.fail("paired")) == zh.NOT_PAIRED


def test_without_dialogs_the_command_line_is_named():
    assert "--pair-file" in pair_dialog.run(None, lambda text: pytest.fail("paired"))


def test_the_field_takes_a_whole_code_of_several_lines():
    field = dialog.Field("配对码", rows=5, longest=pairing.LARGEST)
    height, controls = dialog.layout("text", (field,), ("OK", "Cancel"))
    edit = next(control for control in controls if control.kind == dialog.EDIT)
    assert edit.style & dialog.ES_MULTILINE
    assert edit.width > dialog.WIDTH - 3 * dialog.MARGIN
    assert all(control.y >= edit.y + edit.height for control in controls if control.kind == dialog.BUTTON)
    assert all(control.y + control.height <= height for control in controls)


@pytest.fixture
def running(home):
    made = []

    def build(receiver_url, ask=None):
        token = "old" if receiver_url else ""
        home.ini.write_text(f"[sentry]\nreceiver = {receiver_url}\ntoken = {token}\n[inbox]\nport = off\n")
        found = TrayApp(home, config.load(home.ini), ask=ask)
        made.append(found)
        found.start()
        return found

    yield build
    for found in made:
        found.stop("menu")


def test_pairing_by_the_menu_reaches_the_new_receiver_with_all_that_waited(running, home, receiver):
    old, event = StubReceiver(), order()
    old.answers = [fails_with(503)]
    try:
        got = threading.Event()

        def answer(envelope):
            if event["id"] in [sent["id"] for sent in envelope["events"]]:
                got.set()
            return accept(envelope)

        receiver.answers = [answer]
        ask = Dialog([code_for(receiver)], [])
        app = running(old.url, ask)
        app.outbox.put(event)
        assert app.pair() == ""
        assert ask.done.wait(WAIT) and got.wait(WAIT)
        assert receiver.headers[-1]["Authorization"] == "Bearer tok-en_1"
        assert app.config.receiver == app.config.dashboard == receiver.url
        assert app.watchdog.restarts() == {}
    finally:
        old.close()


def test_a_pairing_written_by_another_process_is_followed(running, home, receiver):
    app = running("http://127.0.0.1:9")
    pairing.write(home.ini, pairing.parse(code_for(receiver)))
    app.tick()
    assert app.board.wait("link", lambda link: link.state == "ok", WAIT)
    assert receiver.posts[-1]["machine"] == "mini-pc"


def test_a_broken_sentry_ini_does_not_disturb_the_running_program(running, home):
    app = running("http://127.0.0.1:9")
    home.ini.write_text("[sentry\n", encoding="utf-8")
    app.tick()
    assert app.config.receiver == "http://127.0.0.1:9"


def test_without_a_pairing_the_program_runs_and_says_what_to_do(running, home, receiver):
    app = running("")
    assert zh.UNPAIRED in app.view().lines[0]
    assert app.view().key[:2] == ("trouble", "unpaired")
    app.restart_heartbeat()
    assert app.board.wait("link", lambda link: zh.UNPAIRED in link.answer, WAIT)
    home.ini.write_text(pairing.with_code("", pairing.parse(code_for(receiver))), encoding="utf-8")
    app.tick()
    assert app.board.wait("link", lambda link: link.state == "ok", WAIT)
    assert "unpaired" not in app.view().key
