"""A soak of days: each a slice of a session at the rehearsal's quick times; all parts stop at night and start again
next morning with the next day's clocks and with all that they had stored."""

import time

from rehearsal import oracle
from rehearsal.clock import DAY, SHANGHAI_OFFSET, day_text
from rehearsal.network import Line
from rehearsal.road import Road, read_ini, write_ini
from rehearsal.soak import disk, record, schedule, sessions, troubles
from rehearsal.soak.field import Field
from tray_app import answers

# The tray's longest pause between two tries is 20 s: a silence that is told must be clearly longer.
TIMES = {"host_silent": 40, "tick": 1.3}
TRADE = {"decide": "minute", "fill_timeout": 10, "max_attempts": 6}
# The owner makes the grid finer each morning: what was sold in cell 10 stands in cell 11 then, so that there is
# something to do on each of twenty days. The money of an order stays about the same, small, so that the shares last.
GRID, FINER, FINEST, AMOUNT = 0.01, 0.89, 0.001, 16000  # first height, factor, the least one, yuan for a height of 1
CHANNELS = ("wecom", "mail")  # pushplus takes 200 a day, and to the phone all this is one day
DISKS = ("home-full", "vps-full", "home-full-qmt-killed")  # troubles that need small disks
HOME_MB, VPS_MB = 700, 64  # of the small disks: no order below 200 MB free
DISK_LOW = 0.3  # GB
GAP = 3.0  # s between two troubles
QUIET = 45.0  # s for the day's orders to come to rest
NEWS = 7.0  # s for the last messages of a day
DECIDED, NEXT = 20, 57  # s of each minute: its orders have mostly ended, the next minute's have not begun
READY = 90.0  # s for the first heartbeats of a day
# From the start on scripts read a clock of their own; else modules keep the real one, which they know by then.
CLOCK_CAN_BE_SET = ["--behaviour", "pc_clock_off=0.001"]
# What the parts say in the morning after a night in which none of them ran.
MORNING = (
    "接收端中断过",
    "哨兵重新启动过",
    "QMT 重新启动过",
    "委托有结果了",
    "委托已核清",
    "委托结果不明",
    "有基金停止下单",
    "不再停止",
    "基金不再全部停止",
)


def run(folder, days, seed, data, trade, seconds=schedule.BUDGET, only=(), say=print):
    """Returns the record (soak/record.py). `seconds` of troubles on each day; `only`: these on each, in this order."""
    trade = dict(trade, **TRADE)
    with Road(folder, seed=seed, data=data, times=TIMES, trade=trade, channels=CHANNELS) as road:
        field = Field(road, seed, say)
        why_not = disk.cannot()
        plan = schedule.of_days(seed, days, DISKS if why_not else (), seconds, only)
        filled = [kind for day in plan for kind in day.kinds if kind in DISKS]
        if why_not:
            field.say(why_not)
        newest = newest_day(time.time())
        try:
            for day in plan:
                field.day = day.number
                field.say(f"第 {day.number} 天，{day.clock} 起：{'，'.join(day.kinds)}；夜里：{day.night}")
                # One day after the other, even where a new one becomes the newest while this runs.
                road.set_clock(day.clock, newest_day(time.time()) - (newest - days + day.number))
                if day.number == 1:
                    began = road.now()
                    first_morning(field, bool(filled), day.kinds)
                else:
                    begin_day(field, day.kinds, answer_unknown)
                for kind in day.kinds:
                    field.pause(GAP)
                    troubles.run(field, kind)
                evening(field, day.night, last=day is plan[-1])
            return record.gather(field, "days", began)
        finally:
            road.stop()
            for small in field.disks.values():
                disk.unmount(small.folder)


def newest_day(now):
    """The number of the day that Road.set_clock takes for days_ago = 0 (rehearsal/clock.py shift_to)."""
    return int((now + SHANGHAI_OFFSET - 10 * 3600) // DAY)


def first_morning(field, small_disks, kinds):
    """As Road.start, with home and receiver on disks that can be filled up."""
    road = field.road
    if small_disks:
        field.disks["home"] = disk.Small(road.home, HOME_MB)
        field.disks["vps"] = disk.Small(road.receiver_ini.parent, VPS_MB)
    road.qmt_options = ["--replay-from", day_text(road.now())]
    road.start_phone()
    road.write_receiver_ini()
    road.line = Line(road.receiver_port)
    road.write_sentry_ini()
    ini = read_ini(road.home / "sentry.ini")
    ini["host"]["disk_low"] = str(DISK_LOW)
    write_ini(ini, road.home / "sentry.ini")
    begin_day(field, kinds)


def begin_day(field, kinds, before_qmt=lambda field: None):
    """`kinds`: the day's troubles, of which some ask for a QMT or for hours of their own."""
    road = field.road
    sessions.keep(road, real=bool(set(kinds) & set(schedule.WHOLE_DAY)))
    road.qmt_options = [word for word in road.qmt_options if word not in CLOCK_CAN_BE_SET]
    road.qmt_options += CLOCK_CAN_BE_SET if "pc-clock-jumps" in kinds else []
    set_grid(road, field.day)
    at = field.did("早上：启动接收端、托盘程序、QMT")
    troubles.note(field, "morning", at, may=MORNING)
    field.start("receiver")
    field.start("tray")
    before_qmt(field)
    field.start("qmt")

    def heard():
        kinds = {event["kind"] for event in road.stored() if event["at"] >= at}
        return {"qmt.heartbeat", "host.heartbeat"} <= kinds

    if not field.until(heard, READY):
        field.say("    还没有收到两种心跳")
    field.did("全部就绪")


def set_grid(road, day):
    height = max(FINEST, round(GRID * FINER ** (day - 1), 5))
    ini = read_ini(road.home / "sentry.ini")
    ini["strategy"].update(grid_height=str(height), grid_amount=str(round(AMOUNT * height)))
    write_ini(ini, road.home / "sentry.ini")


def answer_unknown(field):
    """The owner looks at the counter and answers what is asked of orders of earlier days."""
    road = field.road
    counter = {order["flag"]: order for order in oracle.counter_orders(road.qmt_folder)}
    for flag, lines in oracle.told_states(road.stored()).items():
        if lines[-1]["state"] != "unknown":
            continue
        order = counter.get(flag)
        traded = order["traded"] if order else 0
        kind = answers.NOTHING if not traded else answers.ALL if traded == order["shares"] else answers.CANCELLED
        field.did(f"主人答复 {flag}：{kind} {traded}")
        answers.write(road.home / "control" / "answers", flag, answers.Answer(kind, traded), road.now())


def evening(field, night, last):
    """The day's orders come to rest, the processes are looked at, then all parts stop, the books are read."""
    road = field.road
    field.pause(NEWS)
    field.until(lambda: DECIDED < road.now() % 60 < NEXT and not live(road), 60 + QUIET)
    field.sample()
    field.stored.update(record.stored(road))
    troubles.end(field, "晚上：" + ("断电" if night == "power" and not last else "依次停止"))
    if last:
        settle(field)
    else:
        for name in ("receiver", "tray", "qmt"):  # the receiver first: it has nothing to say about the others' end
            field.ended.add(name)
            if night == "power":
                field.kill(name)
            else:
                getattr(road, name).stop()
    field.books.append(record.books(road, field.day))


def live(road):
    """Flags whose order has not ended, as far as the receiver knows, but those whose end nobody knows."""
    ended = ("filled", "cancelled", "rejected", "expired", "void", "unknown")
    return [flag for flag, lines in oracle.told_states(road.stored()).items() if lines[-1]["state"] not in ended]


def settle(field):
    """What was posted has arrived."""
    road = field.road

    def missing():
        posted = oracle.read_lines(road.qmt_folder / "posted.jsonl")
        return oracle.lost_posts(posted, {event["id"] for event in road.stored()})

    field.ended.add("qmt")
    road.qmt.stop()
    field.until(lambda: not missing(), 90)
    field.pause(NEWS)
