"""The mini PC as an attacker sees it (docs/security.md): pages in its browser, other programs' files, whoever owns the
receiver, and whoever writes a pairing code or a setting."""

import ast
import json
import os
import threading
from pathlib import Path

import pytest
import requests

import tray_app
from tests.tray_app.helpers import MONDAY_10_00, heartbeat, order, settings, stored, troubles
from tray_app import config, connection, events, pairing
from tray_app.inbox import Inbox
from tray_app.sender import Sender
from tray_app.watch.spool import SpoolWatcher

GOOD = {"action": "heartbeat", "name": "qmt", "info": []}
SECRET = "not for the receiver"
WAIT = 30


# A page in this PC's browser ---------------------------------------------------------------------------------------


@pytest.fixture
def url(home, lease):
    part = Inbox(0, "old-token", home, lease, lambda: MONDAY_10_00)
    part.round(MONDAY_10_00)
    yield f"http://127.0.0.1:{json.loads(home.inbox.read_text())['port']}/api"
    part.close()


def ask(method, url, token="old-token", **more):
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, params={"token": token}, timeout=30, **more)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8765"])
def test_a_page_in_the_browser_posts_nothing_even_with_the_right_token(url, home, origin):
    # A form's text/plain needs no question beforehand (CORS): the browser just sends it.
    answer = ask("POST", url, data=json.dumps(GOOD), headers={"Origin": origin, "Content-Type": "text/plain"})
    assert (answer.status_code, stored(home.outbox)) == (400, [])
    assert "浏览器" in answer.json()["msg"]


def test_a_page_learns_nothing_of_the_token_by_trying(url):
    tried = [ask("POST", url, token, json=GOOD, headers={"Origin": "null"}) for token in ("old-token", "wrong")]
    assert tried[0].content == tried[1].content


def test_a_page_that_asks_beforehand_gets_no_permission_to_read(url):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = ask("OPTIONS", url, headers=asked)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_name_that_was_turned_to_loopback_opens_nothing_without_the_token(url, home):
    # DNS rebinding: to the browser the inbox is then evil.example's own server, and it may read the answers.
    rebound = {"Host": "evil.example:8765", "Origin": "http://evil.example:8765"}
    answers = [ask("POST", url, headers=rebound, json=GOOD), ask("GET", url, headers={"Host": "evil.example:8765"})]
    assert [answer.status_code for answer in answers] == [400, 405]
    assert stored(home.outbox) == []


# Files that another program laid ------------------------------------------------------------------------------------


@pytest.fixture
def watcher(home, lease):
    return SpoolWatcher(home, lease)


@pytest.mark.skipif(os.name == "nt", reason="making a link needs administrator rights there")
def test_a_link_in_the_spool_sends_nothing_of_what_it_points_to(watcher, home, clock, tmp_path):
    target = tmp_path / "somebody's.json"
    target.write_bytes(events.dumps(heartbeat(strategy=SECRET)))
    (home.spool / "1-1-x.json").symlink_to(target)
    watcher.round(clock.now)
    assert SECRET not in json.dumps(stored(home.outbox))
    assert troubles(home.outbox) == ["spool-bad"]
    assert target.exists()  # only the link was put aside
    assert (home.bad / "1-1-x.json").is_symlink()


@pytest.mark.skipif(os.name == "nt", reason="there are no such files there")
def test_what_is_no_file_in_the_spool_is_not_waited_for(watcher, home, clock):
    os.mkfifo(home.spool / "1-1-pipe.json")
    (home.spool / "1-2-endless.json").symlink_to("/dev/zero")
    (home.spool / "1-3-folder.json").mkdir()
    (home.spool / "1-4-x.json").write_bytes(events.dumps(heartbeat()))
    looking = threading.Thread(target=watcher.round, args=(clock.now,), daemon=True)  # a pipe would hold it for ever
    looking.start()
    looking.join(WAIT)
    assert not looking.is_alive()
    assert "qmt.heartbeat" in [event["kind"] for event in stored(home.outbox)]


# Whoever owns the receiver -------------------------------------------------------------------------------------------

COMMANDS = {
    "command": "buy", "commands": ["stop"], "run": "calc.exe", "order": {"code": "510300.SH", "side": "B"},
    "stop_orders": False, "resume": True, "settings": {"mode": "live"}, "update": "https://evil.example/setup.exe",
    "answers": {"20260105-510300-B-01": "nothing"}, "files": {"../control/STOP": ""}, "shutdown": True,
}  # fmt: skip


def _answers(envelope):
    """What a hostile receiver may say to a batch."""
    ids = [event["id"] for event in envelope["events"]]
    good = {"accepted": [], "rejected": [], "now": MONDAY_10_00, "alerts": {"ok": True, "why": ""}}
    return [
        {**good, **COMMANDS},
        {**good, "alerts": {"ok": True, "why": "</x>\r\nSTOP" * 1000, **COMMANDS}, "day": {"trading": 7, **COMMANDS}},
        {**good, "accepted": ["../../control/STOP", "'; DROP TABLE events; --", 7, None, {}]},
        {**good, "rejected": [{"id": ids[0], "error": "../../control/STOP\n[strategy]\nmode = live"}]},
        {**good, "now": 1e308},
        {**good, "now": 4e9, "day": {"trading": False}},
        {**good, "accepted": ids},
    ]


def _tree(root):
    """Every file of the home but what the tray writes for itself, with its content."""
    own = ("outbox.db", "logs")
    files = [path for path in root.rglob("*") if path.is_file()]
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in files
        if not path.relative_to(root).as_posix().startswith(own)
    }


def _owned_home(home):
    """A home with what orders depend on."""
    home.ini.write_text("[sentry]\n[strategy]\nmode = observe\n", encoding="utf-8")
    for name in ("flags/20260105/20260105-510300-B-01.jsonl", "state/grid.json", "control/STOP", "deals/x.csv"):
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET, encoding="utf-8")


@pytest.mark.parametrize("number", range(7))
def test_whatever_the_receiver_answers_no_file_that_orders_depend_on_changes(
    number, home, outbox, lease, receiver, clock
):
    def answer(envelope):
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "Set-Cookie": "a=b", "X-Run": "x"}
        return 200, headers, json.dumps(_answers(envelope)[number]).encode("utf-8")

    _owned_home(home)
    before = _tree(home.root)
    outbox.put_many([order(), order(1), heartbeat()], {})
    receiver.answers = [answer]
    part = Sender(settings(receiver.url), outbox, lease, "run", wall=clock.wall, mono=clock.mono, rng=lambda: 1.0)
    for _ in range(3):
        part.round(clock.now)
        clock.advance(60)
    part.close()
    assert receiver.posts
    assert _tree(home.root) == before


def _imported(module):
    """The tray's modules that a module of it imports by itself."""
    tree = ast.parse((Path(tray_app.__file__).parent / (module + ".py")).read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "tray_app":
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tray_app."):
            found.add(node.module.split(".", 1)[1])
    return found


def test_what_hears_the_receiver_knows_nothing_that_writes_to_the_strategy():
    for module in ("connection", "verdict", "sender"):
        assert not _imported(module) & {"stop", "answers", "owner", "menu", "app", "shutdown", "asked", "pairing"}


STARTS = {"subprocess.run", "subprocess.Popen", "subprocess.call", "os.system", "os.popen", "os.startfile", "os.execv"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "pickle.loads", "pickle.load", "marshal.loads"}


def _calls(path):
    """The names of the functions that a source calls: `name` or `module.name`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            yield f"{owner.id}.{node.func.attr}" if isinstance(owner, ast.Name) else node.func.attr


def test_programs_are_started_in_these_places_and_no_text_is_run():
    root = Path(tray_app.__file__).parent
    files = [
        *root.rglob("*.py"),
        *(root.parent / "qmt_strategy" / "dingtou").glob("*.py"),
        root.parent / "receiver/receiver.py",
    ]
    made = {(path.name, call) for path in files for call in _calls(path) if call in STARTS}
    assert made == {
        ("doctor_look.py", "subprocess.run"),
        ("shutdown.py", "subprocess.run"),
        ("app.py", "os.startfile"),  # the folder of the logs
        ("receiver.py", "subprocess.run"),  # openssl, for a certificate of its own
        ("receiver.py", "os.execv"),  # itself
    }
    assert not {(path.name, call) for path in files for call in _calls(path) if call in RUNS_TEXT}


# Whoever wrote the pairing code or a setting ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../control/STOP", "..\\..\\STOP", "C", "/etc/passwd", "nul"])
def test_a_machines_name_in_a_pairing_code_is_no_path(home, name):
    code = pairing.Code("https://203.0.113.9", name, "token", "")
    pairing.write(home.ini, code)
    assert config.load(home.ini).machine == name
    assert {path.name for path in home.root.parent.rglob("*") if path.is_file()} == {"sentry.ini"}


@pytest.mark.parametrize("line", ["token = abc\n  X-Evil: 1", "token = abc\r\n\tX-Evil: 1", "token = a\x00b"])
def test_a_setting_adds_no_header_to_our_posts(line):
    with pytest.raises(config.ConfigError):
        config.parse(f"[sentry]\nreceiver = https://r.example\n{line}\n", "sentry.ini")


def test_should_a_bad_token_slip_through_no_post_is_made(receiver):
    session = connection.open_session(receiver.url, "abc\r\nX-Evil: 1")
    with pytest.raises(connection.FAILURES), session:
        connection.post(session, receiver.url, b"{}")
    assert receiver.posts == []
