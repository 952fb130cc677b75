"""The three channels against small servers on loopback that answer as the vendors do, and the outbox between."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from receiver import receiver as program
from receiver.receiver import Later, Never, Outgoing, Sent, Text, fit, pace
from tests.receiver.receiver_bench import MAIL, PUSHPLUS, WECOM, Bench, at, event

HELLO = Outgoing("m1", Text("标题", "内容", "http://x #1"))


@pytest.fixture
def vendor():
    """A vendor's HTTP server: `answer` is (status, bytes); `got` holds (path, JSON)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            server.got.append((self.path, json.loads(raw)))
            status, body = server.answer
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answer = [], (200, b'{"errcode":0,"errmsg":"ok"}')
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def wecom(vendor):
    options = {"url": vendor.url + "/cgi-bin/webhook/send", "key": "K&?"}
    return program.WeComRobot(program.ChannelConfig("wecom", "wecom", options))


def pushplus(vendor):
    options = {"url": vendor.url + "/send", "token": "T", "topic": ""}
    return program.PushPlus(program.ChannelConfig("pushplus", "pushplus", options))


def test_wecom_posts_a_text_under_its_key(vendor):
    assert wecom(vendor).send(HELLO) == Sent()
    path, post = vendor.got[0]
    assert path == "/cgi-bin/webhook/send?key=K%26%3F"
    assert post == {"msgtype": "text", "text": {"content": "标题\n内容\nhttp://x #1"}}


@pytest.mark.parametrize(
    "answer, expected",
    [
        ((200, b'{"errcode":93000,"errmsg":"ok"}'), Never),
        ((200, b'{"errcode":93004}'), Never),
        ((200, b'{"errcode":93008}'), Never),
        ((200, b'{"errcode":40058}'), Never),
        ((200, b'{"errcode":40008}'), Never),
        ((200, b'{"errcode":-1}'), Later),
        ((200, b'{"errcode":45009,"errmsg":"ok"}'), Later),
        ((200, b'{"errcode":12345}'), Later),
        ((200, b'{"errcode":false}'), Later),
        ((200, b'{"errmsg":"ok"}'), Later),
        ((200, b"<html>ok</html>"), Later),
        ((200, b"[0]"), Later),
        ((500, b'{"errcode":0}'), Later),
        ((502, b"bad gateway"), Later),
        ((302, b'{"errcode":0}'), Later),
    ],
)
def test_wecom_is_judged_by_the_bodys_code(vendor, answer, expected):
    vendor.answer = answer
    assert type(wecom(vendor).send(HELLO)) is expected


def test_wecom_that_says_too_fast_is_left_alone_for_a_minute(vendor):
    vendor.answer = (200, b'{"errcode":45009}')
    assert wecom(vendor).send(HELLO).seconds >= 60


@pytest.mark.parametrize("filling", ["国", "x", "😀", "é"])
@pytest.mark.parametrize("size", [1, 2047, 2048, 2049, 4096, 100000])
def test_wecom_never_gets_more_than_2048_bytes(vendor, filling, size):
    body = (filling * size).encode()[:size].decode(errors="ignore")
    wecom(vendor).send(Outgoing("m1", Text("❗ 标题", body, "http://x #1")))
    content = vendor.got[0][1]["text"]["content"]
    assert len(content.encode()) <= 2048
    assert content.startswith("❗ 标题\n")
    assert content.endswith("\nhttp://x #1")
    if len(f"❗ 标题\n{body}\nhttp://x #1".encode()) <= 2048:
        assert content == f"❗ 标题\n{body}\nhttp://x #1"


@pytest.mark.parametrize("size", [2047, 2048, 2049])
def test_a_text_is_cut_only_when_it_must_be(size):
    head = "国" * 700
    whole = (head.encode() + b"x" * 60)[: size - 4].decode(errors="ignore")
    whole += "x" * (size - 4 - len(whole.encode()))
    cut = fit(whole, "#12", 2048)
    assert (cut == whole + "\n#12") == (size <= 2048)
    assert len(cut.encode()) <= 2048


def test_no_one_listening_is_a_retry_without_the_key_in_its_words():
    options = {"url": "http://127.0.0.1:1/send", "key": "SECRET"}
    result = program.WeComRobot(program.ChannelConfig("wecom", "wecom", options)).send(HELLO)
    assert isinstance(result, Later)
    assert "SECRET" not in result.why
    assert "拒绝连接" in result.why


def test_pushplus_200_is_accepted_not_delivered(vendor):
    vendor.answer = (200, '{"code":200,"msg":"请求成功","data":"流水号1"}'.encode())
    assert pushplus(vendor).send(HELLO._replace(callback="https://x/cb/1")) == Sent("流水号1", confirmed=False)
    post = vendor.got[0][1]
    assert post == {
        "token": "T",
        "title": "标题",
        "content": "内容\nhttp://x #1",
        "template": "txt",
        "callbackUrl": "https://x/cb/1",
    }


@pytest.mark.parametrize(
    "code, expected",
    [(900, Later), (903, Never), (905, Never), (600, Never), (888, Never), (500, Later), (None, Later)],
)
def test_pushplus_is_judged_by_the_bodys_code(vendor, code, expected):
    vendor.answer = (200, json.dumps({"code": code, "msg": "请求成功"}).encode())
    assert type(pushplus(vendor).send(HELLO)) is expected


class Smtp(socketserver.StreamRequestHandler):
    """A mail server that says yes, but to the verb in `server.no` what `server.no` says."""

    def handle(self):
        self.reply("220 hello")
        while True:
            line = self.rfile.readline().decode()
            if not line:
                return
            verb = line.split()[0].upper()
            if verb == "EHLO":
                self.reply("250-hello\r\n250 AUTH PLAIN LOGIN")
            elif line.split()[-1] in self.server.no:  # RCPT of one address
                self.reply(self.server.no[line.split()[-1]])
            elif verb in self.server.no:
                self.reply(self.server.no[verb])
            elif verb == "AUTH":
                self.reply("235 ok")
            elif verb == "DATA":
                self.reply("354 go on")
                mail = b""
                while not mail.endswith(b"\r\n.\r\n"):
                    mail += self.rfile.readline()
                self.server.mails.append(mail)
                self.reply(self.server.no.get("END", "250 ok"))
            elif verb == "QUIT":
                return
            else:
                self.reply("250 ok")

    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def mail_server():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp)
    server.daemon_threads = True
    server.no, server.mails = {}, []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def mail(server):
    options = {"host": "127.0.0.1", "port": server.server_address[1], "security": "none", "user": "u", "password": "p"}
    return program.Mail(program.ChannelConfig("mail", "smtp", {**options, "from": "a@b.cn", "to": ["c@d.cn"]}))


def test_a_mail_goes_out_with_the_same_id_in_every_repeat(mail_server):
    for _ in range(2):
        assert isinstance(mail(mail_server).send(HELLO), Sent)
    ids = {line for one in mail_server.mails for line in one.splitlines() if line.startswith(b"Message-ID")}
    assert ids == {b"Message-ID: <m1@qmt-sentry>"}


@pytest.mark.parametrize(
    "no, expected",
    [
        ({"AUTH": "535 login fail"}, Never),
        ({"AUTH": "454 try again"}, Later),
        ({"MAIL": "550 Sender frequency limited"}, Later),
        ({"MAIL": "550 no"}, Never),
        ({"MAIL": "421 busy"}, Later),
        ({"RCPT": "550 no such user"}, Never),
        ({"RCPT": "450 later"}, Later),
        ({"DATA": "554 spam"}, Never),
        ({"END": "451 later"}, Later),
        ({"END": "552 too big"}, Never),
    ],
)
def test_mail_5xx_is_for_good_except_a_rate_limit(mail_server, no, expected):
    mail_server.no = no
    assert type(mail(mail_server).send(HELLO)) is expected


def test_one_refused_address_of_two_is_shown_and_the_other_gets_the_mail_once(mail_server, tmp_path):
    mail_server.no = {"TO:<gone@b.cn>": "550 no such user", "to:<gone@b.cn>": "550 no such user"}
    bench = Bench(tmp_path, channels=MAIL.replace("to = me@b.cn", "to = me@b.cn, gone@b.cn"))
    options = {**bench.config.channels["mail"].options, "port": mail_server.server_address[1]}
    bench.receiver.senders["mail"].channel = program.Mail(program.ChannelConfig("mail", "smtp", options))
    missing(bench)
    bench.run(120, every=lambda: bench.alive(qmt="missing"))
    assert len(mail_server.mails) == 1
    assert bench.rows("SELECT state, error FROM outbox") == [("sent", "这些收件人被拒收：gone@b.cn")]


def test_a_mail_server_that_is_away_is_a_retry():
    options = {"host": "127.0.0.1", "port": 1, "security": "none", "user": "", "password": ""}
    channel = program.Mail(program.ChannelConfig("mail", "smtp", {**options, "from": "a@b.cn", "to": ["c@d.cn"]}))
    assert isinstance(channel.send(HELLO), Later)


def test_line_breaks_in_a_title_cannot_add_mail_headers(mail_server):
    mail(mail_server).send(Outgoing("m1", Text("x\r\nBcc: evil@x.cn", "body", "")))
    assert not [line for line in mail_server.mails[0].splitlines() if line.startswith(b"Bcc")]


# Pace and the outbox ------------------------------------------------------------------------------------------------


def test_no_sliding_minute_ever_holds_more_than_twenty():
    now, sent = 0.0, []
    while now < 600:
        wait = pace(sent, now, program.WECOM_GAP, program.WECOM_PER_MINUTE, 62.0)
        if wait <= 0:
            sent.append(now)
        now += max(wait, 0.01)
    assert max(sum(1 for other in sent if start <= other <= start + 60) for start in sent) <= 20
    assert min(later - earlier for earlier, later in zip(sent, sent[1:])) >= 3 - 1e-6


def test_the_pace_survives_a_restart(tmp_path, vendor):
    bench = Bench(tmp_path)
    program.send_test(program.Tx(bench.receiver.store.db, bench.time, bench.config, None), "mini-pc")
    real = wecom(vendor)
    bench.receiver.senders["wecom"].channel = real
    assert bench.receiver.senders["wecom"].step() == 0.0
    bench.restart()
    with bench.receiver.transaction() as tx:
        program.send_test(tx, "mini-pc")
    bench.receiver.senders["wecom"].channel = real
    assert 2 < bench.receiver.senders["wecom"].step() <= 3


def missing(bench):
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)


def test_a_kill_between_claim_and_answer_sends_again_with_the_same_text(bench):
    missing(bench)
    bench.time += 6
    with bench.receiver.transaction() as tx:
        first = program.claim(tx, bench.phones["wecom"])
    bench.restart()
    bench.deliver()
    (again,) = bench.phones["wecom"].got
    assert again == first.message


def test_an_answer_that_the_disk_refuses_is_kept_and_not_sent_twice(bench, monkeypatch):
    missing(bench)
    bench.time += 6
    refuse = lambda *_: (_ for _ in ()).throw(program.sqlite3.OperationalError("disk is full"))  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(program, "note_result", refuse)
        for _ in range(3):
            with pytest.raises(program.StoreRefused):
                bench.receiver.senders["wecom"].step()
    bench.deliver()
    assert len(bench.told()) == 1
    assert bench.rows("SELECT state, tries FROM outbox") == [("sent", 1)]


def test_later_is_retried_with_growing_pauses_and_lost_never(bench):
    bench.phones["wecom"].answers = [Later(None, "timeout")] * 4
    missing(bench)
    bench.run(60, every=lambda: bench.alive(qmt="missing"))
    assert len(bench.told()) == 5
    assert bench.rows("SELECT state, tries, error FROM outbox") == [("sent", 5, None)]


def test_never_switches_the_channel_off_and_the_others_tell_it_once(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.phones["mail"].answers = [Never("授权码失效")] * 5
    missing(bench)
    bench.run(20)
    bench.post("order.state", flag="x", state="rejected")
    bench.run(30, every=lambda: bench.alive(qmt="missing"))
    assert [title for title in bench.told("wecom") if "告警通道" in title] == ["❗ 告警通道 mail 不能用"]
    assert len(bench.told("mail")) == 1
    with bench.receiver.store.read() as db:
        answer = bench.receiver.alerts(db, bench.time)
    assert answer["ok"]
    assert "授权码失效" in answer["why"]


def test_with_no_working_channel_the_tray_is_told_that_alerts_do_not_work(bench):
    bench.phones["wecom"].answers = [Never("key 不对")]
    missing(bench)
    bench.run(10)
    with bench.receiver.store.read() as db:
        answer = bench.receiver.alerts(db, bench.time)
    assert not answer["ok"]
    assert "key 不对" in answer["why"]


def test_a_test_alert_switches_a_repaired_channel_on_again(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.phones["mail"].answers = [Never("授权码失效")]
    missing(bench)
    bench.run(20)
    bench.post("host.test_alert", text="试一下")
    bench.run(10)
    assert bench.told("mail")[-1] == "🔔 测试告警 · mini-pc"
    assert bench.told("wecom")[-1] == "✅ 已恢复：告警通道 mail 能用了"


def test_a_channel_whose_section_was_changed_gets_a_new_chance(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.phones["mail"].answers = [Never("授权码失效")]
    missing(bench)
    bench.run(20)
    from tests.receiver.receiver_bench import write_ini

    bench.config = program.load_config(
        write_ini(tmp_path, channels=WECOM + MAIL.replace("password = x", "password = y"))
    )
    bench.restart()
    assert ("channel", "mail") not in bench.incidents()
    with bench.receiver.store.read() as db:
        assert bench.receiver.alerts(db, bench.time) == {"ok": True, "why": ""}


def test_a_channel_that_fails_for_five_minutes_is_told_by_the_others(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.phones["mail"].answers = [Later(None, "超时")] * 100
    missing(bench)
    bench.run(400, every=lambda: bench.alive(qmt="missing"))
    assert bench.told("wecom")[1:] == ["❗ 告警通道 mail 不能用"]


def test_pushplus_900_is_silent_until_midnight(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + PUSHPLUS)
    bench.phones["pushplus"].answers = [Later(program.UNTIL_MIDNIGHT, "900")]
    missing(bench)
    bench.run(120, every=lambda: bench.alive(qmt="missing"))
    bench.jump("2026-01-05 23:59:59")
    bench.deliver()
    assert len(bench.told("pushplus")) == 1
    bench.jump("2026-01-06 00:00:01")
    bench.deliver()
    assert len(bench.told("pushplus")) > 1


def test_the_days_last_pushplus_messages_are_kept_for_what_is_grave():
    channel = program.PushPlus(program.ChannelConfig("p", "pushplus", {}))
    now = at("2026-01-05 10:00:00")
    used = [now - 3600 - n for n in range(150)]
    assert channel.pace(used, now, program.GRAVE) == 0
    assert channel.pace(used, now, program.LOW) == 14 * 3600
    assert channel.pace(used + [now - 7200 - n for n in range(50)], now, program.GRAVE) == 14 * 3600


def test_a_backlog_goes_out_as_one_digest_that_names_each(bench):
    with bench.receiver.transaction() as tx:
        for number in range(7):
            text = Text(f"❗ 标题 {number}", f"内容 {number}\n第二行", f"http://x #{number}")
            program.post_message(tx, "alert", "mini-pc", program.GRAVE, text, ["wecom"], tx.now)
    bench.deliver()
    (digest,) = bench.texts()
    assert "积压的 7 条" in digest.title
    for number in range(7):
        assert f"❗ 标题 {number} #{number}\n  内容 {number}\n" in digest.body + "\n"
    assert bench.rows("SELECT DISTINCT state FROM outbox") == [("sent",)]


def test_an_alert_stuck_for_long_is_replaced_by_its_recovery(bench):
    bench.phones["wecom"].answers = [Later(1000.0, "down")]
    missing(bench)
    bench.run(900, every=lambda: bench.alive(qmt="missing"), step=5)
    bench.post("qmt.process", state="running", change=True)
    bench.run(200, every=bench.alive, step=5)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc", "✅ 已恢复：QMT 在运行 · mini-pc"]


def test_an_alert_that_was_tried_a_moment_ago_still_goes_out_before_its_recovery(bench):
    bench.phones["wecom"].answers = [Later(30.0, "timeout")]
    missing(bench)
    bench.run(10)
    bench.post("qmt.process", state="running", change=True)
    bench.run(60, every=bench.alive)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"] * 2 + ["✅ 已恢复：QMT 在运行 · mini-pc"]


def confirmed_bench(tmp_path):
    bench = Bench(tmp_path, channels=PUSHPLUS + WECOM, public_url="https://s.example.com")
    channel = bench.phones["pushplus"]
    channel.confirms = True
    channel.answers = [Sent("x", confirmed=False)]
    missing(bench)
    bench.run(10)
    address = channel.got[0].callback
    assert address.startswith("https://s.example.com/cb/")
    return bench, address.rpartition("/")[2]


def confirm(bench, key, status):
    with bench.receiver.transaction() as tx:
        return program.confirm(tx, key, status)


def state_of(bench, channel):
    return bench.rows("SELECT state FROM outbox WHERE channel = ? ORDER BY id LIMIT 1", channel)[0][0]


def test_a_callback_confirms_once(tmp_path):
    bench, key = confirmed_bench(tmp_path)
    assert state_of(bench, "pushplus") == "accepted"
    assert not confirm(bench, "guessed", 2)
    assert confirm(bench, key, 1)
    assert state_of(bench, "pushplus") == "accepted"
    assert confirm(bench, key, 2)
    assert state_of(bench, "pushplus") == "sent"
    assert not confirm(bench, key, 3)


def test_a_callback_that_says_failed_is_told_by_the_others(tmp_path):
    bench, key = confirmed_bench(tmp_path)
    assert confirm(bench, key, 3)
    bench.run(10)
    assert bench.told("wecom")[-1] == "❗ 告警通道 pushplus 不能用"


def test_without_https_no_callback_is_asked_for(tmp_path):
    bench = Bench(tmp_path, channels=PUSHPLUS)
    bench.phones["pushplus"].confirms = True
    missing(bench)
    bench.run(10)
    assert bench.phones["pushplus"].got[0].callback == ""


def test_a_vendor_is_not_asked_to_call_back_a_certificate_of_our_own(tmp_path):
    """It would not trust it, and every alert would wait two minutes for a word that cannot come."""
    bench = Bench(tmp_path, channels=PUSHPLUS + WECOM, public_url="https://203.0.113.9:8780")
    bench.receiver.config = program.replace(
        bench.config, certificate=tmp_path / "certificate.pem", certificate_key=tmp_path / "key.pem"
    )
    phone = bench.phones["pushplus"]
    phone.confirms, phone.answers = True, [Sent("x", confirmed=False)]
    missing(bench)
    bench.run(10)
    assert phone.got[0].callback == ""
    assert bench.told("wecom") == ["❗ QMT 不在运行 · mini-pc"]


def test_a_digest_of_events_keeps_within_the_robots_limit(bench, vendor):
    bench.phones["wecom"].answers = [Later(600.0, "down")]
    bench.post("host.test_alert")
    bench.run(5)
    for number in range(30):
        bench.batch(event("strategy.error", bench.time, strategy=f"s{number}", where="x", traceback="国" * 900))
        bench.run(6)
    bench.time += 900
    bench.receiver.senders["wecom"].channel = wecom(vendor)
    bench.receiver.senders["wecom"].step()
    assert len(vendor.got[0][1]["text"]["content"].encode()) <= 2048
