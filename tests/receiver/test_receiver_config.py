import configparser
import os
import re
import stat
from pathlib import Path

import pytest

from receiver import receiver
from receiver.receiver import ConfigError, load_config, main
from tests.receiver.receiver_bench import MAIL, WECOM, at, write_ini


def complaint(folder, **ini):
    with pytest.raises(ConfigError) as caught:
        load_config(write_ini(folder, **ini))
    return str(caught.value)


@pytest.mark.parametrize(
    "calendar, words",
    [
        ("[calendar]\nsesions = 09:25-11:30", ["[calendar] sesions", "sessions、tell、every_day、closed"]),
        ("[calendar]\nsessions = 9:25-11:30", ["[calendar] sessions", "9:25-11:30", "09:00-15:10"]),
        ("[calendar]\nsessions = 13:00-15:00, 09:25-11:30", ["[calendar] sessions", "从早到晚"]),
        ("[calendar]\nsessions = 09:25-09:25", ["[calendar] sessions"]),
        ("[calendar]\ntell = 09:00-25:00", ["[calendar] tell"]),
        ("[calendar]\nevery_day = ja", ["[calendar] every_day", "yes 或 no"]),
        ("[calendar]\nclosed = 2026-13-01", ["[calendar] closed", "2027-01-01"]),
        ("[calender]\nclosed =", ["[calender]", "calendar"]),
        ("[check:hots]\nsilent = 90", ["[check:hots]", "check:host"]),
        ("[check:host]\nsilent = soon", ["[check:host] silent", "秒"]),
        ("[check:host]\nsilent = 0", ["[check:host] silent", "1 到 86400"]),
        ("[check:host]\nsilent = nan", ["[check:host] silent"]),
        ("[alerts]\ncompanions = 61", ["[alerts] companions", "0 到 60"]),
        ("[alerts]\nreminders = 30, x", ["[alerts] reminders", "30, 60, 120"]),
        ("[machine:a b]\ntoken = 12345678", ["[machine:a b]", "名字"]),
        ("[machine:two]\ntoken = short", ["[machine:two] token", "至少 8"]),
        ("[machine:two]\ntoken = machine-token", ["[machine:two] token", "相同"]),
        ("[machine:two]\n", ["[machine:two] token", "没有填"]),
        ("[channel:x]\ntype = pager\n", ["[channel:x] type", "、".join(receiver.CHANNEL_KEYS)]),
        ("[channel:x]\ntype = wecom\nkye = 1\n", ["[channel:x] kye", "url、key"]),
        ("[channel:x]\ntype = pushplus\n", ["[channel:x] token", "没有填"]),
        ("just words", ["看不懂"]),
        ("[calendar]\n[calendar]\n", ["重复"]),
    ],
)
def test_a_wrong_ini_is_refused_with_file_section_key_and_what_is_valid(tmp_path, calendar, words):
    said = complaint(tmp_path, calendar=calendar)
    assert str(tmp_path / "receiver.ini") in said
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    "wrong, words",
    [
        (("host = 127.0.0.1", "host = smtp.qq.com"), "[channel:mail] security"),
        (("port = 1", "port = mail"), "[channel:mail] port"),
        (("to = me@b.cn", "to = me"), "[channel:mail] to"),
        (("security = none", "security = tls"), "ssl、starttls、none"),
    ],
)
def test_a_mail_channel_is_checked(tmp_path, wrong, words):
    assert words in complaint(tmp_path, channels=MAIL.replace(*wrong))


def test_comments_and_a_byte_order_mark_are_fine(tmp_path):
    path = write_ini(tmp_path, calendar="[check:host]\nsilent = 60   ; seconds\n; a line\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_config(path).silent["host"] == 60


def test_a_percent_sign_in_a_password_is_a_percent_sign(tmp_path):
    path = write_ini(tmp_path)
    path.write_text(path.read_text().replace("page-password", "100%s;sure"))
    assert load_config(path).password == "100%s;sure"


def test_a_missing_file_says_to_run_init(tmp_path):
    with pytest.raises(ConfigError, match="init"):
        load_config(tmp_path / "none.ini")


def test_the_database_lies_beside_the_ini(tmp_path):
    assert load_config(write_ini(tmp_path)).database == tmp_path / "receiver.db"


def test_init_writes_an_ini_that_serve_takes_and_says_what_to_type(tmp_path, capsys):
    assert main(["init", "--dir", str(tmp_path), "--machine", "小主机", "--public-url", "https://s.example.com"]) == 0
    said = capsys.readouterr().out
    config = load_config(tmp_path / "receiver.ini")
    token = re.search(r"^receiver = .*\ntoken = (\S+)$", said, re.MULTILINE)[1]
    old_token = re.search(r"^\[inbox\]\ntoken = (\S+)$", said, re.MULTILINE)[1]
    password = re.search(r"^密码：(\S+)$", said, re.MULTILINE)[1]
    assert config.machines["小主机"].token == receiver.hashed_token(token)
    assert config.machines["小主机"].old_token == receiver.hashed_token(old_token)
    assert receiver.right_password(password, config.password)
    written = (tmp_path / "receiver.ini").read_text(encoding="utf-8")
    assert not any(secret in written for secret in (token, old_token, password))
    assert re.search(r"\[sentry\]\nmachine = 小主机\nreceiver = https://s.example.com\ntoken = ", said)
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "receiver.ini").stat().st_mode) == 0o600


def test_init_never_overwrites(tmp_path, capsys):
    main(["init", "--dir", str(tmp_path)])
    before = (tmp_path / "receiver.ini").read_text(encoding="utf-8")
    assert main(["init", "--dir", str(tmp_path)]) == 2
    assert "不会覆盖" in capsys.readouterr().err
    assert (tmp_path / "receiver.ini").read_text(encoding="utf-8") == before


def test_two_inits_have_different_secrets(tmp_path):
    main(["init", "--dir", str(tmp_path / "a")])
    main(["init", "--dir", str(tmp_path / "b")])
    one, two = (load_config(tmp_path / name / "receiver.ini") for name in "ab")
    assert one.password != two.password
    assert one.secret != two.secret
    assert one.machines["mini-pc"].token != two.machines["mini-pc"].token


def test_a_wrong_ini_ends_serve_with_code_2_and_one_sentence(tmp_path, capsys):
    path = write_ini(tmp_path, calendar="[calendar]\nevery_day = x")
    assert main(["serve", "--config", str(path)]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert "Traceback" not in said


EXAMPLE = Path(receiver.__file__).with_name("receiver.example.ini")


def test_the_example_ini_is_valid():
    config = load_config(EXAMPLE)
    assert {section.type for section in config.channels.values()} == {"wecom", "pushplus", "smtp"}


def test_the_example_ini_has_every_section_and_key_and_the_checks_defaults():
    ini = configparser.ConfigParser(interpolation=None)
    ini.read_string(EXAMPLE.read_text(encoding="utf-8"))
    for section, keys in receiver.SECTIONS.items():
        assert set(ini[section]) == set(keys)
    assert {name: ini[f"check:{name}"]["silent"] for name in receiver.CHECK_DEFAULTS} == receiver.CHECK_DEFAULTS
    for name, keys in receiver.CHANNEL_KEYS.items():
        (section,) = [s for s in ini.sections() if s.startswith("channel:") and ini[s]["type"] == name]
        assert set(ini[section]) == {*keys, "type"}


def test_calendar_add_keeps_days_in_the_database(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(receiver.time, "time", lambda: at("2026-11-20 10:00:00"))
    path = write_ini(tmp_path, channels=WECOM)
    days = ["2027-01-01", "2027-02-08"]
    assert main(["calendar", "add", *days, "--config", str(path)]) == 0
    assert "休市日表到 2026-12-31。补全 2027 年后加上 --complete-until 2027-12-31" in capsys.readouterr().out
    assert main(["calendar", "add", *days, "--complete-until", "2027-12-31", "--config", str(path)]) == 0
    assert "休市日表到 2027-12-31。补全 2028 年后加上 --complete-until 2028-12-31" in capsys.readouterr().out
    assert main(["calendar", "add", "2027-1-x", "--config", str(path)]) == 2
