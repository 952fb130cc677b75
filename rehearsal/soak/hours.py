"""A soak of hours: normal speed, one session without a break, the troubles spread over it."""

from rehearsal import rehearse
from rehearsal.clock import clock_text
from rehearsal.road import Road
from rehearsal.soak import record, schedule, troubles
from rehearsal.soak.field import Field

CLOCK = "09:27:00"  # two hours end before 11:30
LONGEST = 2.0  # hours
TIMES = {  # as in real life
    "heartbeat_every": 60,
    "host_every": 30,
    "hung_after": 60,
    "host_silent": 90,
    "script_silent": 180,
    "tick": 3.0,
}
TRADE = {"decide": "minute", "max_attempts": 6}
END = 90  # s before the end in which no trouble begins and the orders come to rest
SETTLED = 60  # s until both heartbeats have come


def run(folder, hours, seed, data, trade, say=print):
    """Returns the record (soak/record.py)."""
    times = dict(TIMES)
    with Road(folder, seed=seed, data=data, times=times, trade=dict(trade, **TRADE)) as road:
        field = Field(road, seed, say, sample_every=60.0)
        road.set_clock(CLOCK)
        road.start()
        began = field.did("全部就绪")
        seconds = hours * 3600
        plan = schedule.of_hours(seed, seconds)
        for planned in plan:
            field.say(f"    {clock_text(began + planned.at)} {planned.kind}")
        for planned in plan:
            field.pause(began + planned.at - road.now())
            troubles.run(field, planned.kind)
        field.pause(began + seconds - END - road.now())
        field.sample()
        troubles.end(field, "正在结束")
        rehearse.settle(road)
        field.ended.add("qmt")
        field.pause(10)  # what is on its way to the phone
        field.books.append(record.books(road, field.day))
        return record.gather(field, "hours", began)
