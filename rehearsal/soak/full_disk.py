"""What a soak does with full disks: the small disk below a folder (soak/disk.py) is filled up, and freed again."""

from rehearsal.soak.deeds import SEEN, heard_again
from rehearsal.soak.field import PATIENCE
from rehearsal.soak.telling import BAD, GOOD

# What is told of a mini PC's disk without a byte left. SQLite writes on into what its log file once took; where that is
# not enough the tray can keep nothing, hence send nothing, and it is its silence that is told.
DISK_OR_SILENCE = (("小主机的磁盘满了", "小主机的磁盘能用了"), ("哨兵没有消息", "哨兵有消息了"))


def home_full(field):
    at = field.road.now()
    filler = fill(field, "home")
    field.expect_one_of(*DISK_OR_SILENCE)
    until_one_of(field, at)
    field.pause(20)
    free(field, filler)


def vps_full(field):
    filler = fill(field, "vps")
    field.pause(20)
    free(field, filler)


def fill(field, name):
    """Returns the file that `free` takes away."""
    filler = field.disks[name].fill()
    field.say(f"    写满了，填了 {filler.stat().st_size >> 20} MB")
    return filler


def until_one_of(field, at):
    everywhere = set(field.road.channels)

    def told():
        return any(everywhere <= field.channels_told(BAD, word, at) for word, _ in DISK_OR_SILENCE)

    field.until(told, field.road.times["host_silent"] + SEEN + PATIENCE)


def free(field, filler):
    """There is room again, and what was told is over."""
    back = field.did("腾出空间")
    filler.unlink()
    heard_again(field)

    def over():
        told = [(bad, good) for bad, good in DISK_OR_SILENCE if field.channels_told(BAD, bad, field.troubles[-1]["at"])]
        return all(set(field.road.channels) <= field.channels_told(GOOD, good, back) for _, good in told)

    field.until(over, 60)
