"""A receiver on a table: its clock is set by hand, its checker is stepped, its phone is a list."""

import time
import uuid
from datetime import datetime

from receiver import receiver as program

TOKEN, OLD_TOKEN, PASSWORD = "machine-token", "old-token", "page-password"


def at(text):
    """Epoch seconds of a time in Shanghai: "2026-01-05 10:00:00"."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=program.SHANGHAI).timestamp()


MONDAY = "2026-01-05"  # an ordinary trading day

INI = """[receiver]
listen = 127.0.0.1:0
public_url = {public_url}
password = page-password
secret = 0123456789abcdef
{calendar}
[machine:mini-pc]
token = machine-token
old_token = old-token
{alerts}
{channels}
"""
WECOM = "[channel:wecom]\ntype = wecom\nurl = http://127.0.0.1:1/send\nkey = K\n"
PUSHPLUS = "[channel:pushplus]\ntype = pushplus\nurl = http://127.0.0.1:1/send\ntoken = T\n"
MAIL = (
    "[channel:mail]\ntype = smtp\nhost = 127.0.0.1\nport = 1\nsecurity = none\n"
    "user = me@b.cn\npassword = x\nfrom = a@b.cn\nto = me@b.cn\n"
)


def write_ini(folder, channels=WECOM, calendar="", alerts="", public_url="http://127.0.0.1:8780"):
    """Without ready line and report, unless `calendar` names them: the tests count messages."""
    path = folder / "receiver.ini"
    if "ready_at" not in calendar:
        calendar = "[calendar]\nready_at =\nreport_at =\n" + calendar.replace("[calendar]\n", "", 1)
    text = INI.format(channels=channels, calendar=calendar, alerts=alerts, public_url=public_url)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def event(kind, when, **data):
    return {"id": str(uuid.uuid4()), "seq": 1, "kind": kind, "at": when, "data": data}


class FakeChannel(program.Channel):
    """Keeps what it is given; `answers` are given first, then yes."""

    label = "假通道"

    def __init__(self, config):
        super().__init__(config)
        self.got = []
        self.answers = []

    def pace(self, attempts, now, priority):
        return 0.0

    def send(self, message):
        self.got.append(message)
        return self.answers.pop(0) if self.answers else program.Sent("1")


class Bench:
    def __init__(self, folder, now=MONDAY + " 10:00:00", **ini):
        self.time = at(now)
        self.boot, self.clock_was_set = "", 0.0  # no name: the machine does not count since its boot
        self.config = program.load_config(write_ini(folder, **ini))
        self.receiver = None
        self.restart()

    def restart(self):
        """A kill -9 and a new start: nothing but the database survives."""
        if self.receiver is not None:
            self.receiver.store.close()
        self.receiver = program.Receiver(self.config, lambda: self.time, self.boot_clock)
        self.phones = {}
        for name, sender in self.receiver.senders.items():
            self.phones[name] = sender.channel = FakeChannel(self.config.channels[name])

    def boot_clock(self):
        return self.boot, self.time - self.clock_was_set

    def set_clock(self, delta):
        """Its administrator sets the clock: nobody lives through these seconds."""
        self.time += delta
        self.clock_was_set += delta

    def jump(self, text):
        """To another time, through which the receiver has lived."""
        self.time = at(text)
        with self.receiver.store.write() as db:
            program.put_meta(db, "last_alive", self.time)

    def batch(self, *events, waiting=0, sent_at=None, run="run-1"):
        """A post of the tray, sent now. Returns (accepted, rejected)."""
        sent = self.time if sent_at is None else sent_at
        with self.receiver.transaction() as tx:
            return program.take_batch(tx, "mini-pc", program.Batch(run, sent, waiting, list(events)))

    def post(self, kind, **data):
        return self.batch(event(kind, self.time, **data))

    def alive(self, qmt="running", script=True, **beat):
        """One round of a mini PC: host heartbeat, QMT, one strategy."""
        events = [event("host.heartbeat", self.time, **beat)]
        if qmt:
            events.append(event("qmt.process", self.time, state=qmt, name="XtItClient.exe", change=False))
        if script:
            events.append(event("qmt.heartbeat", self.time, strategy="heartbeat"))
        return self.batch(*events)

    def run(self, seconds, every=None, step=1.0):
        """Time passes: the checker and the senders work each second; `every` is called now and each 30 s."""
        until, following = self.time + seconds, self.time
        while self.time < until:
            if every is not None and self.time >= following:
                every()
                following += 30
            self.time = min(until, self.time + step)
            self.receiver.check_once()
            self.deliver()

    def deliver(self):
        for sender in self.receiver.senders.values():
            while sender.step() == 0.0:
                pass

    def told(self, channel="wecom"):
        """The titles on the phone."""
        return [message.text.title for message in self.phones[channel].got]

    def accused(self, channel="wecom"):
        """What `told` says without the line about the receiver's own outage."""
        return [title for title in self.told(channel) if title != "ℹ️ 接收端中断过"]

    def texts(self, channel="wecom"):
        return [message.text for message in self.phones[channel].got]

    def began(self):
        """Since when the newest incident lasts, to the second; a message says the minute."""
        return program.clock(self.rows("SELECT since FROM incident ORDER BY id DESC LIMIT 1")[0][0], self.time)

    def incidents(self, still_open=True):
        where = "WHERE resolved IS NULL" if still_open else ""
        with self.receiver.store.read() as db:
            rows = db.execute(f"SELECT kind, name FROM incident {where} ORDER BY id").fetchall()
        return [tuple(row) for row in rows]

    def rows(self, query, *values):
        with self.receiver.store.read() as db:
            return [tuple(row) for row in db.execute(query, values).fetchall()]


def wait_until(condition, seconds=30.0):
    """For real threads and sockets: polls until the condition holds. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("condition did not come true in time")
