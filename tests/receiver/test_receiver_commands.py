"""The commands beside serve: pair, password, backup, restore, check, and the certificate of our own."""

import base64
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import TOKEN, Bench, event, write_ini


def run(*arguments):
    return program.main([str(argument) for argument in arguments])


def initialised(folder, *more):
    assert run("init", "--dir", folder, *more) == 0
    return folder / "receiver.ini"


def unpacked(code):
    text = code.split("QS1.")[1].split()[0]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_pair_adds_a_machine_keeps_every_other_line_and_shows_the_token_once(tmp_path, capsys):
    path = initialised(tmp_path, "--public-url", "https://s.example.com")
    before = path.read_text(encoding="utf-8").splitlines()
    capsys.readouterr()
    assert run("pair", "书房", "--config", path) == 0
    code = unpacked(capsys.readouterr().out)
    assert {key: code[key] for key in ("url", "machine")} == {"url": "https://s.example.com", "machine": "书房"}
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[: len(before)] == before
    assert code["token"] not in text
    assert program.load_config(path).machines["书房"].token == program.hashed_token(code["token"])
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_pair_gives_a_known_machine_a_new_token_and_the_old_one_is_worthless(tmp_path, capsys):
    path = initialised(tmp_path)
    old = program.load_config(path).machines["mini-pc"]
    run("pair", "mini-pc", "--config", path)
    new = program.load_config(path).machines["mini-pc"]
    assert new.token != old.token
    assert new.old_token == old.old_token
    assert "旧的不再有效" in capsys.readouterr().out


def test_pair_refuses_a_name_that_would_break_the_ini(tmp_path, capsys):
    path = initialised(tmp_path)
    assert run("pair", "a]\n[receiver", "--config", path) == 2


@pytest.mark.parametrize(
    "section",
    [
        "[machine:mini-pc]\ntoken: machine-token\nold_token = old-token",
        "[machine:mini-pc] ; the one under the desk\nTOKEN=machine-token ; keep\nold_token = old-token",
    ],
)
def test_pair_understands_every_way_to_write_an_ini(tmp_path, capsys, section):
    path = write_ini(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("[machine:mini-pc]\ntoken = machine-token\nold_token = old-token", section), encoding="utf-8"
    )
    old = program.load_config(path).machines["mini-pc"]
    assert run("pair", "mini-pc", "--config", path) == 0
    new = program.load_config(path).machines["mini-pc"]
    assert new.token == program.hashed_token(unpacked(capsys.readouterr().out)["token"])
    assert new.old_token == old.old_token


def test_an_ini_that_would_not_be_understood_is_not_put_in_place(tmp_path, capsys):
    path = write_ini(tmp_path)
    text = path.read_text(encoding="utf-8").replace("token = machine-token", "token =\n    machine-token")
    path.write_text(text, encoding="utf-8")
    assert run("pair", "mini-pc", "--config", path) == 2
    assert path.read_text(encoding="utf-8") == text
    assert "token = sha256:" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["receiver.ini"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_what_root_restores_and_locks_belongs_to_the_receivers_user(tmp_path, capsys):
    bench = Bench(tmp_path)
    bench.receiver.store.close()
    ini, copy = tmp_path / "receiver.ini", tmp_path / "copy.db"
    run("backup", copy, "--config", ini)
    os.chown(str(tmp_path), 12345, 12345)
    assert run("restore", copy, "--config", ini) == 0
    assert {(tmp_path / name).stat().st_uid for name in ("receiver.db", "receiver.db.lock")} == {12345}


def test_a_new_password_replaces_the_old_one(tmp_path, capsys):
    path = initialised(tmp_path)
    old = program.load_config(path).password
    capsys.readouterr()
    assert run("password", "--config", path) == 0
    password = re.search(r"：(\S+)\n", capsys.readouterr().out)[1]
    stored = program.load_config(path).password
    assert stored != old
    assert program.right_password(password, stored)
    assert not program.right_password(password + "x", stored)


@pytest.mark.parametrize("wrong", ["password = pbkdf2:1:x", "password = pbkdf2:1:00:11"])
def test_a_hash_that_was_cut_off_is_refused(tmp_path, capsys, wrong):
    path = initialised(tmp_path)
    text = re.sub(r"^password = .*$", wrong, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    assert run("check", "--config", path) == 2
    assert "receiver.py password" in capsys.readouterr().err


def test_a_backup_taken_while_posts_come_in_is_whole_and_can_be_restored(tmp_path, capsys):
    bench, stop = Bench(tmp_path), threading.Event()
    bench.post("strategy.error", strategy="before", where="i", traceback="E: x")

    def posts():
        while not stop.is_set():
            bench.post("strategy.error", strategy="during", where="i", traceback="E: x" * 100)

    thread = threading.Thread(target=posts, daemon=True)
    thread.start()
    ini, copy = tmp_path / "receiver.ini", tmp_path / "copy.db"
    assert run("backup", copy, "--config", ini) == 0
    stop.set()
    thread.join(10)
    assert program.integrity(copy)[0] == "ok"
    if os.name == "posix":
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert run("backup", copy, "--config", ini) == 2  # never overwrites
    bench.post("strategy.error", strategy="after", where="i", traceback="E: x")
    bench.receiver.store.close()
    assert run("restore", copy, "--config", ini) == 0
    bench.receiver = None
    bench.restart()
    names = {row[0] for row in bench.rows("SELECT json_extract(data, '$.strategy') FROM event")}
    assert "before" in names
    assert "after" not in names
    assert list(tmp_path.glob("receiver.db.before-restore-*"))
    bench.receiver.store.close()


def test_a_backup_that_would_take_the_receivers_own_room_is_refused(tmp_path, capsys, monkeypatch):
    bench = Bench(tmp_path)
    bench.post("host.heartbeat")
    bench.receiver.store.close()
    room = [program.BACKUP_LEAVES + bench.config.database.stat().st_size - 1]
    monkeypatch.setattr(program.shutil, "disk_usage", lambda path: type("Usage", (), {"free": room[0]}))
    ini, copy = tmp_path / "receiver.ini", tmp_path / "copy.db"
    assert run("backup", copy, "--config", ini) == 2
    assert "磁盘空间不够备份" in capsys.readouterr().err and not copy.exists()
    room[0] += 1
    assert run("backup", copy, "--config", ini) == 0


def test_restore_is_refused_while_a_receiver_runs_and_for_what_is_no_backup(tmp_path, capsys):
    bench = Bench(tmp_path)
    bench.post("host.heartbeat")
    ini, copy = tmp_path / "receiver.ini", tmp_path / "copy.db"
    run("backup", copy, "--config", ini)
    with program.lock_database(bench.config.database):
        assert run("restore", copy, "--config", ini) == 2
    assert "已有一个接收端" in capsys.readouterr().err
    for content in (b"", b"no database", copy.read_bytes()[:5000]):
        broken = tmp_path / "broken.db"
        broken.write_bytes(content)
        assert run("restore", broken, "--config", ini) == 2
    assert run("restore", tmp_path / "missing.db", "--config", ini) == 2
    assert bench.rows("SELECT count(*) FROM event") == [(1,)]
    bench.receiver.store.close()


def test_a_backup_of_the_first_version_is_upgraded_when_it_is_restored(tmp_path, monkeypatch):
    ini, old = write_ini(tmp_path), tmp_path / "old.db"
    steps = list(program.MIGRATIONS)
    monkeypatch.setattr(program, "MIGRATIONS", steps[:1])
    store = program.Store(old)
    with store.write() as db:
        db.execute("INSERT INTO event (machine, id, kind, data) VALUES ('m', '1', 'file', '{}')")
        db.execute("INSERT INTO outbox (message, channel, state) VALUES (1, 'wecom', 'sent')")
    store.close()
    monkeypatch.setattr(program, "MIGRATIONS", steps)
    assert run("restore", old, "--config", ini) == 0
    assert program.integrity(tmp_path / "receiver.db") == ("ok", len(steps))


def test_check_names_what_must_be_mended(tmp_path, capsys):
    path = write_ini(tmp_path, channels="", public_url="http://203.0.113.9:8780")
    path.chmod(0o644)
    (tmp_path / "receiver.db").write_bytes(b"x" * 5000)
    assert run("check", "--config", path) == 1
    said = capsys.readouterr().out
    for word in ("没有告警通道", "public_url 是 http://", "receiver.db 有问题", "watchdog_url", "明文"):
        assert word in said
    if os.name == "posix":
        assert "chmod 600" in said


def test_check_is_content_with_what_init_wrote_and_a_channel(tmp_path, capsys):
    path = initialised(tmp_path, "--public-url", "https://s.example.com")
    text = path.read_text(encoding="utf-8").replace(
        ";[channel:wecom]\n;type = wecom\n;key =", "[channel:wecom]\ntype = wecom\nkey ="
    )
    path.write_text(text, encoding="utf-8")
    assert run("check", "--config", path) == 0
    assert "检查通过" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_serve_refuses_an_ini_that_others_can_read(tmp_path, capsys):
    path = write_ini(tmp_path)
    path.chmod(0o640)
    assert run("serve", "--config", path) == 2
    assert "chmod 600" in capsys.readouterr().err


# A certificate of our own ---------------------------------------------------------------------------------------------

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")


@pytest.fixture
def secure(tmp_path):
    """A receiver that speaks HTTPS itself; (port, fingerprint, certificate file, bench)."""
    program.make_certificate(tmp_path, "127.0.0.1")
    bench = Bench(tmp_path, public_url="https://127.0.0.1")
    pem = tmp_path / "certificate.pem"
    server = program.make_server(
        program.Doors(bench.receiver).app, "127.0.0.1", 0, (pem, tmp_path / "certificate-key.pem")
    )
    server.expiration_interval = 0.02
    server.timeout = 600  # whoever is held up by silent strangers is held up for longer than any test waits
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server.bind_addr[1], program.fingerprint_of(pem), pem, bench
    server.stop()
    thread.join(10)
    bench.receiver.store.close()


@needs_openssl
def test_the_certificate_that_is_served_has_the_fingerprint_of_the_pairing_code(secure):
    port, fingerprint, _, _ = secure
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    assert program.hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() == fingerprint


@needs_openssl
def test_a_post_over_tls_is_stored(secure):
    port, _, pem, bench = secure
    body = {
        "machine": "mini-pc",
        "run": "r",
        "sent_at": bench.time,
        "waiting": 0,
        "events": [event("host.heartbeat", bench.time)],
    }
    headers = {"Authorization": "Bearer " + TOKEN}
    url = f"https://127.0.0.1:{port}/api/v1/events"
    answer = requests.post(url, json=body, headers=headers, timeout=60, verify=str(pem))
    assert len(answer.json()["accepted"]) == 1


@needs_openssl
def test_silent_and_plain_talking_strangers_hold_up_nobody_over_tls(secure):
    port, _, pem, _ = secure
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/healthz")
        plain.getresponse()
    answer = requests.get(f"https://127.0.0.1:{port}/healthz", timeout=60, verify=str(pem))
    assert answer.status_code == 200
    for one in silent:
        one.close()


@needs_openssl
def test_init_self_signed_writes_a_certificate_and_a_code_that_pins_it(tmp_path, capsys):
    path = initialised(
        tmp_path, "--self-signed", "--public-url", "https://203.0.113.9:8780", "--listen", "0.0.0.0:8780"
    )
    code = unpacked(capsys.readouterr().out)
    assert code["fingerprint"] == program.fingerprint_of(tmp_path / "certificate.pem")
    config = program.load_config(path)
    assert config.certificate == tmp_path / "certificate.pem"
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "certificate-key.pem").stat().st_mode) == 0o600


def test_self_signed_needs_an_https_address(tmp_path, capsys):
    assert run("init", "--dir", tmp_path, "--self-signed") == 2
    assert "https://" in capsys.readouterr().err


def test_a_certificate_without_its_key_is_one_sentence(tmp_path, capsys):
    path = write_ini(tmp_path)
    text = path.read_text(encoding="utf-8").replace(
        "[receiver]\n", "[receiver]\ncertificate = a.pem\ncertificate_key = b.pem\n"
    )
    path.write_text(text, encoding="utf-8")
    assert run("serve", "--config", path) == 2
    assert "certificate" in capsys.readouterr().err
    path.write_text(text.replace("certificate_key = b.pem\n", ""), encoding="utf-8")
    assert run("serve", "--config", path) == 2


# No way to command a machine ------------------------------------------------------------------------------------------


def test_the_receiver_holds_no_way_to_command_a_machine(served):
    """Its answers to the tray have these keys and no others, and it opens connections to nobody but the vendors and the
    watchdog: the three places where a connection is made."""
    posted = event("host.heartbeat", served.time)
    answer = requests.post(served.events_url, json=served.envelope(posted), headers=served.bearer, timeout=10).json()
    assert set(answer) == {"accepted", "rejected", "now", "alerts", "day"}
    assert set(answer["alerts"]) == {"ok", "why"}
    assert set(answer["day"]) == {"trading", "covered_until"}
    source = Path(program.__file__).read_text(encoding="utf-8")
    functions = re.split(r"\n(?=def |class |    def )", source)
    connecting = [
        part.split("(")[0].split()[-1]
        for part in functions
        if re.search(r"http\.client\.HTTPS?Connection|smtplib\.SMTP(_SSL)?\(|create_connection|urlopen|Popen", part)
    ]
    assert sorted(connecting) == ["connect", "ping", "post_json"]


@pytest.mark.parametrize("line", [["frobnicate"], [], ["pair"], ["serve", "--nonsense"]])
def test_a_wrong_command_line_is_refused_in_one_chinese_sentence(line, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*line)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("命令行不对") and "--help" in said and said.count("\n") == 1


def test_a_missing_receiver_ini_says_how_to_get_one(tmp_path, capsys):
    assert run("check", "--config", tmp_path / "none.ini") == 2
    assert "receiver.py init" in capsys.readouterr().err
