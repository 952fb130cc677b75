"""Days of a soak on which exchange, receiver, tray and strategy keep the real hours: the lunch break, or the close,
comes while something is wrong. On all other days of a soak the exchange is always open."""

from rehearsal.clock import SHANGHAI_OFFSET
from rehearsal.road import ALWAYS_OPEN, read_ini, write_ini
from rehearsal.soak.deeds import RECOVERED, SEEN, bring_back
from rehearsal.soak.pairs import GONE, LOOKED, cut, mend
from rehearsal.soak.telling import BAD

SESSIONS, TELL, BEATS = "09:25-11:30, 13:00-15:00", "09:00-15:10", "09:10-11:35, 12:55-15:05"  # the products' defaults
CUT_BEFORE, CUT_AFTER = 22, 45  # s before the session's end in which the line is cut, and after it when it is mended
QUIET = 150  # s after the session's end: quotes that stop are told after 120, a silent script after 20


def keep(road, real):
    """Write into both ini files, and for the next start of QMT, which hours count: the real ones, or always open."""
    ini = read_ini(road.receiver_ini)
    ini["calendar"].update(sessions=SESSIONS if real else ALWAYS_OPEN, tell=TELL if real else ALWAYS_OPEN)
    write_ini(ini, road.receiver_ini)
    ini = read_ini(road.home / "sentry.ini")
    ini["sentry"]["sessions"] = SESSIONS if real else ALWAYS_OPEN
    ini["heartbeat"]["hours"] = BEATS if real else ALWAYS_OPEN
    write_ini(ini, road.home / "sentry.ini")
    usual = [word for word in road.qmt_options if word not in ("--hours", "exchange")]
    road.qmt_options = usual + (["--hours", "exchange"] if real else [])


def lunch(field):
    """The line is cut into the break: silence counts in sessions only, so nothing is told of it. QMT that dies in the
    break is told at once. The break's own silence is none."""
    ends = _cut_over(field, "11:30")
    killed = field.kill("qmt")
    field.expect(BAD, GONE, since=(killed, killed + LOOKED))
    field.until_told(BAD, GONE, killed, SEEN)
    bring_back(field, "qmt", "QMT 在运行")
    field.pause(ends + QUIET - field.road.now())
    field.expect_no_orders(ends, field.road.now())


def close(field):
    """The same at 15:00; but QMT that is closed behind the last session is no news."""
    ends = _cut_over(field, "15:00")
    field.kill("qmt")
    field.pause(ends + QUIET - field.road.now())
    field.expect_no_orders(ends - 6 * 60, field.road.now())  # the last attempt is at 14:54


def _cut_over(field, clock):
    """Cut the line over `clock` (HH:MM, Shanghai); returns that moment as epoch s."""
    now = field.road.now()
    hour, minute = clock.split(":")
    ends = now - (now + SHANGHAI_OFFSET) % 86400 + int(hour) * 3600 + int(minute) * 60
    field.pause(ends - CUT_BEFORE - field.road.now())
    cut(field)
    field.pause(ends + CUT_AFTER - field.road.now())
    mend(field)
    field.pause(RECOVERED + 5)  # the tray's longest pause is 20 s
    return ends
