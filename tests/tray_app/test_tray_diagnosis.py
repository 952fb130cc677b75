"""保存诊断包: what is in the zip, and above all what is not: every secret planted anywhere is looked for in it."""

import json
import threading
import zipfile

import pytest

from tests.tray_app.helpers import MONDAY_10_00 as NOW
from tray_app import config, diagnosis, logs, redact
from tray_app import strings_zh as zh
from tray_app.app import TrayApp
from tray_app.outbox import Figures
from tray_app.redact import BLANK

SECRETS = {
    "token": "tok-SECRET_1",
    "inbox": "inbox/SECRET+2=",
    "key": "0f1e2d3c-SECRET-3-a1b2",
    "account": "1000200030",
    "old token": "old-SECRET-4",
    "password": "pa55 SECRET5",
    "other account": "8881234567",
    "phone": "13812345678",
}
INI = """\
[sentry]
receiver = https://sentry.example.com
token = {token}   ; before: {old token}
; token = {old token}
[inbox]
port = off
token = {inbox}
[last_resort]
webhook = https://qyapi.example/cgi-bin/webhook/send?key={key}
[account]
id = {account}
[strategy]
funds = 510300.SH, 159915.SZ
max_order_amount = 100000
; password of the broker: {password}
""".format(**SECRETS)

LINES = (
    "token {token} refused",
    "Authorization: Bearer {inbox}",
    "url: /cgi-bin/webhook/send?key={key}&x=1",
    "api?token=" + SECRETS["inbox"].replace("/", "%2F").replace("+", "%2B").replace("=", "%3D"),
    '{{"token": "{old token}", "n": 1}}',
    "account {account} is not logged in, nor is 账号 {other account}",
    "m_strAccountID={other account} phone {phone}",
    "password={old token}",
    "QS1.eyJ1cmwiOiAiaHR0cHM6Ly9zIiwgInRva2VuIjogInRvay1TRUNSRVRfMSJ9",
    "mail of me@example.com at https://me:{old token}@example.com/x",
)
HARMLESS = "20260105-510300-B-01 1767578400001-000012-qmt.heartbeat.json 510300.SH 09:30:00 2026-01-05 port 8765"


@pytest.fixture
def app(home):
    home.ini.write_bytes(INI.encode("utf-8"))
    log = "\n".join(line.format(**SECRETS) for line in LINES) + "\n" + HARMLESS + "\n"
    (home.logs / "tray.log").write_text(log, encoding="utf-8")
    (home.logs / "tray.log.1").write_bytes(b"\xff\xfe broken " + log.encode("utf-8"))
    found = TrayApp(home, config.load(home.ini))
    yield found
    found.outbox.close()


def texts(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def found_in(everything):
    """Names of the secrets that stand there, whole or without their punctuation."""
    plain = everything.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=")
    return sorted(name for name, secret in SECRETS.items() if secret in everything or secret in plain)


def test_no_planted_secret_is_in_the_zip(app, home, monkeypatch):
    shown = "打不开 " + " ".join(line.format(**SECRETS) for line in LINES)
    monkeypatch.setattr(app.outbox, "figures", lambda: Figures(3, 1.0, 0, 0, 0, shown))
    app.board.show(inbox_why=f"端口被占用，令牌 {SECRETS['inbox']}", last_resort_why=SECRETS["key"])
    path = diagnosis.save(home, diagnosis.facts_of(app), NOW)
    inside = texts(path)
    assert sorted(inside) == ["logs/tray.log", "logs/tray.log.1", "sentry.ini", "state.json"]
    for name, text in inside.items():
        assert found_in(text) == [], name
        assert "QS1.ey" not in text and "me@example.com" not in text
    assert [name for name in SECRETS if SECRETS[name].encode() in path.read_bytes()] == []


def test_what_helps_is_still_there(app, home):
    inside = texts(diagnosis.save(home, diagnosis.facts_of(app), NOW))
    assert HARMLESS in inside["logs/tray.log"]
    assert "receiver = https://sentry.example.com" in inside["sentry.ini"]
    assert f"token = {BLANK}" in inside["sentry.ini"] and f"id = {BLANK}" in inside["sentry.ini"]
    assert "funds = 510300.SH, 159915.SZ\nmax_order_amount = 100000" in inside["sentry.ini"]
    state = json.loads(inside["state.json"])
    assert set(state["workers"]["ages"]) == {worker.name for worker in app.parts.all}
    assert state["outbox"]["waiting"] == app.outbox.figures().waiting
    assert {"qmt-sentry", "python", "openssl", "sqlite", "requests"} <= set(state["versions"])


@pytest.mark.parametrize(
    "ini",
    [
        "[sentry\ntoken = tok-SECRET_1\n",
        "token=tok-SECRET_1",
        "[sentry]\r\ntoken =\r\n   tok-SECRET_1\r\n   more\r\n[qmt]\r\n",
        "[sentry]\nTOKEN : tok-SECRET_1\n",
        "# 令牌：tok-SECRET_1\n",
        "[x]\nmachine = pc ; the password is tok-SECRET_1\n",
        "[x]\nmy_api_key = tok-SECRET_1 ; tok-SECRET_1\n",
        "receiver = https://me:tok-SECRET_1@example.com\n",
        "receiver = https://example.com/?token=tok-SECRET_1\n",
    ],
)
def test_a_sentry_ini_that_nobody_can_read_is_blanked_all_the_same(ini):
    assert "SECRET" not in redact.blank_ini(ini, redact.secrets_of(ini))


def test_a_secret_is_found_as_json_and_addresses_write_it():
    secrets = redact.secrets_of('password = a"b\\c/d 中文\n')
    for form in ('a"b\\c/d 中文', json.dumps('a"b\\c/d 中文'), "a%22b%5Cc%2Fd%20%E4%B8%AD%E6%96%87"):
        assert "c/d" not in redact.blank(form, secrets) and "c%2Fd" not in redact.blank(form, secrets)


@pytest.mark.parametrize("text", ["2000567890", "资金账号:12345678", "account=4321", "id 123456789012", "13812345678"])
def test_long_numbers_are_blanked_although_nobody_named_them(text):
    assert not any(character.isdigit() for character in redact.blank(text, []).replace("12 ", ""))


@pytest.mark.parametrize("text", ["20260105", "1767578400.123", "1767578400001", "20260105093000", "510300", "0.931"])
def test_dates_times_and_funds_stay(text):
    assert redact.blank(text, []) == text


def test_the_menu_says_where_it_is_and_opens_the_folder(app, home, monkeypatch):
    opened, said = [], []
    monkeypatch.setattr(app, "_open", opened.append)
    app._ask = lambda title, text, fields, buttons: said.append(text)
    answer = app.diagnose()
    path = next(home.diagnosis.glob("*.zip"))
    assert answer == zh.DIAGNOSIS_SAVED.format(path=path)
    assert opened == [home.diagnosis]
    assert said == [answer]
    assert app.view().lines[0] == answer


def test_a_disk_that_refuses_is_told(app, home, monkeypatch):
    monkeypatch.setattr(app, "_open", lambda folder: pytest.fail("opened"))
    home.diagnosis.write_text("a file where the folder should be")
    assert app.diagnose().startswith("诊断包没有存下")


def test_the_menu_works_while_it_is_saved(app, home, monkeypatch):
    go_on, saved = threading.Event(), threading.Event()
    monkeypatch.setattr(app, "diagnose", lambda: go_on.wait(30) and "done")
    monkeypatch.setattr(app, "_answer", lambda text: saved.set() if text == "done" else text)
    assert app.save_diagnosis() == ""
    assert app.save_diagnosis() == zh.ALREADY_ASKING
    go_on.set()
    assert saved.wait(30)


def test_only_the_newest_five_are_kept(app, home):
    for second in range(7):
        newest = diagnosis.save(home, {}, NOW + second)
    kept = sorted(path.name for path in home.diagnosis.glob("*.zip"))
    assert len(kept) == diagnosis.KEPT
    assert kept[-1] == newest.name == "qmt-sentry-20260105-100006.zip"


def test_of_a_large_log_its_end_is_taken_from_a_whole_line_on(home, monkeypatch):
    monkeypatch.setattr(diagnosis, "LARGEST_LOG", 40)
    home.ini.write_bytes(INI.encode("utf-8"))
    (home.logs / "tray.log").write_bytes(b"x" * 100 + SECRETS["token"].encode() + b"\nthe last line\n")
    inside = texts(diagnosis.save(home, {}, NOW))
    assert inside["logs/tray.log"] == "the last line\n"


def test_a_log_being_written_does_not_hinder_it(app, home):
    logs.start(home.logs)
    try:
        logs.log.info("one more line")
        assert "one more line" in texts(diagnosis.save(home, {}, NOW))["logs/tray.log"]
    finally:
        logs.stop()
