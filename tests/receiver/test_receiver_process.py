"""The program as it is run on the VPS: the file alone, started, stopped, killed."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import TOKEN, WECOM, event, wait_until, write_ini

ALWAYS = "[calendar]\nsessions = 00:00-24:00\ntell = 00:00-24:00\nevery_day = yes"


@pytest.fixture
def phone():
    """A WeCom robot that is slow enough to be caught in the act."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.set()
            server.release.wait(10)
            server.got.append(json.loads(raw)["text"]["content"])
            body = server.answer
            try:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # whoever asked was killed meanwhile

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.got, server.answer = [], b'{"errcode":0}'
    server.asked, server.release = threading.Event(), threading.Event()
    server.release.set()
    server.channel = WECOM.replace("127.0.0.1:1/", f"127.0.0.1:{server.server_address[1]}/")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


class Process:
    """`python receiver.py serve` from a copy of the one file."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copy(program.__file__, folder / "receiver.py")
        self.start()

    def start(self):
        command = [
            sys.executable,
            str(self.folder / "receiver.py"),
            "serve",
            "--config",
            str(self.folder / "receiver.ini"),
        ]
        self.log = open(self.folder / "log", "ab")  # noqa: SIM115 (closed in end)
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, cwd=str(self.folder))
        line = self.child.stdout.readline().decode()
        self.url = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line).group(1)

    def post(self, *events):
        body = {"machine": "mini-pc", "run": "r", "sent_at": time.time(), "waiting": 0, "events": list(events)}
        headers = {"Authorization": "Bearer " + TOKEN}
        return requests.post(self.url + "/api/v1/events", json=body, headers=headers, timeout=30).json()

    def end(self, with_signal=None):
        if with_signal is None:
            self.child.kill()
        else:
            self.child.send_signal(with_signal)
        code = self.child.wait(20)
        self.child.stdout.close()
        self.log.close()
        return code


@pytest.fixture
def process(tmp_path, phone):
    write_ini(tmp_path, channels=phone.channel, calendar=ALWAYS, alerts="[alerts]\ncompanions = 0")
    made = Process(tmp_path)
    yield made
    if made.child.poll() is None:
        made.end()


def rejected(number):
    return event("order.state", time.time(), flag=f"20260105-510300-B-{number:02}", line=1, state="rejected")


def test_the_file_alone_serves_and_tells(process, phone):
    assert requests.get(process.url + "/healthz", timeout=30).json()["ok"] is True
    process.post(rejected(1))
    wait_until(lambda: phone.got)
    assert "20260105-510300-B-01" in phone.got[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM for other processes")
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(process, sig):
    process.post(event("host.heartbeat", time.time()))
    assert process.end(sig) == 0
    assert "Traceback" not in (process.folder / "log").read_text(encoding="utf-8")


def test_a_machine_that_is_paired_meanwhile_posts_without_a_restart(process):
    command = [sys.executable, "receiver.py", "pair", "study", "--config", "receiver.ini"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=str(process.folder), timeout=60).stdout
    packed = re.search(r"QS1\.(\S+)", said.decode("utf-8")).group(1)
    token = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))["token"]
    body = {"machine": "study", "run": "r", "sent_at": time.time(), "waiting": 0, "events": []}
    headers = {"Authorization": "Bearer " + token}
    answer = wait_until(
        lambda: requests.post(process.url + "/api/v1/events", json=body, headers=headers, timeout=30).json().get("now")
    )
    assert answer
    assert process.post(event("host.heartbeat", time.time()))["rejected"] == []  # the first one as before


def test_a_kill_while_the_vendor_is_being_asked_loses_nothing(process, phone):
    phone.release.clear()
    process.post(rejected(7))
    assert phone.asked.wait(10)
    process.end()
    phone.release.set()
    process.start()
    wait_until(lambda: len(phone.got) == 2)
    first, second = phone.got
    assert first == second  # one for the kill in the gap, with the same text and number


def test_a_kill_right_after_the_yes_to_the_tray_loses_no_alert(process, phone):
    for number in range(1, 6):
        broken = event("strategy.error", time.time(), strategy=f"grid-{number:02}", where="init", traceback="E: x")
        assert process.post(broken)["rejected"] == []
        process.end()
        process.start()
    wait_until(lambda: all(f"grid-{n:02}" in "".join(phone.got) for n in range(1, 6)), seconds=40)


def test_no_token_stands_in_the_log(process):
    requests.post(process.url + "/api/v1/events", headers={"Authorization": "Bearer wr0ng-token"}, timeout=30)
    requests.get(process.url + "/api?token=wr0ng-token&action=query_qmt", timeout=30)
    process.post(rejected(1))
    process.end()
    text = (process.folder / "log").read_text(encoding="utf-8")
    assert "unknown token" in text
    for secret in ("wr0ng-token", TOKEN, "old-token", "page-password"):
        assert secret not in text


def test_a_second_receiver_on_the_same_database_is_refused(process):
    command = [sys.executable, str(process.folder / "receiver.py"), "serve", "--config", "receiver.ini"]
    found = subprocess.run(command, cwd=str(process.folder), capture_output=True, timeout=30)
    assert found.returncode == 2
    assert "已有一个接收端" in found.stderr.decode("utf-8")


def test_a_port_that_is_taken_is_one_sentence(process, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    path = write_ini(other)
    port = process.url.rpartition(":")[2]
    path.write_text(path.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    command = [sys.executable, str(process.folder / "receiver.py"), "serve", "--config", str(path)]
    found = subprocess.run(command, capture_output=True, timeout=30)
    assert found.returncode == 2
    assert "Traceback" not in found.stderr.decode("utf-8")
    assert port in found.stderr.decode("utf-8")


def test_test_alert_prints_each_vendors_answer(tmp_path, phone, capsys):
    path = write_ini(tmp_path, channels=phone.channel)
    assert program.main(["test-alert", "--config", str(path)]) == 0
    assert "wecom（企业微信）：已收下" in capsys.readouterr().out
    phone.answer = b'{"errcode":93000}'
    assert program.main(["test-alert", "--config", str(path)]) == 1
    assert "errcode 93000" in capsys.readouterr().out
    assert "测试告警" in phone.got[0]


def test_the_service_file_runs_the_file_as_an_unprivileged_user():
    text = (Path(program.__file__).parent / "deploy" / "qmt-sentry.service").read_text(encoding="utf-8")
    for line in ("User=qmt-sentry", "NoNewPrivileges=yes", "ProtectSystem=strict", "Restart=always"):
        assert line in text.splitlines()


def test_a_kill_amid_a_crowd_of_posts_loses_none_that_was_answered_yes(process):
    """They share transactions: whoever was told yes is on the disk with its alert, whoever was not may be or not."""
    sent, answered = [], []

    def crowd(number):
        session = requests.Session()
        for count in range(10_000):
            body = {"machine": "mini-pc", "run": "r", "sent_at": time.time(), "waiting": 0}
            posted = event("strategy.error", time.time(), strategy=f"s{number}-{count}", where="i", traceback="E: x")
            body["events"] = [posted]
            sent.append(posted["id"])
            try:
                answer = session.post(
                    process.url + "/api/v1/events", json=body, headers={"Authorization": "Bearer " + TOKEN}, timeout=30
                )
                answered.extend(answer.json()["accepted"])
            except (requests.RequestException, ValueError):
                return  # killed

    threads = [threading.Thread(target=crowd, args=(number,), daemon=True) for number in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) >= 60, 30)
    process.end()
    for thread in threads:
        thread.join(40)
    process.start()
    with program.closing(program.sqlite3.connect(str(process.folder / "receiver.db"))) as db:
        stored = {row[0] for row in db.execute("SELECT id FROM event")}
        untold = db.execute(
            "SELECT count(*) FROM event WHERE NOT EXISTS (SELECT 1 FROM incident JOIN outbox USING (message)"
            " WHERE incident.name = json_extract(event.data, '$.strategy') || '/i/E')"
        ).fetchone()[0]
    assert set(answered) <= stored <= set(sent)
    assert untold == 0
