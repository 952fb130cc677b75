"""What a soak does with full disks: the small disk below a folder (soak/disk.py) is filled up, and freed again."""

from rehearsal.soak.deeds import SEEN, heard_again
from rehearsal.soak.telling import BAD, GOOD

FULL, FREE = "小主机的磁盘满了", "小主机的磁盘能用了"


def home_full(field):
    filler = fill_home(field)
    field.pause(20)
    free_home(field, filler)


def fill_home(field):
    """Not a byte is left on the mini PC, and the owner is told. Returns the file that takes it all."""
    at = field.road.now()
    filler = _fill(field, "home")
    field.until_told(BAD, FULL, at, 30 + SEEN)
    field.expect(BAD, FULL, not_after=field.road.now())
    return filler


def free_home(field, filler):
    back = field.did("腾出空间")
    filler.unlink()
    field.until_told(GOOD, FREE, back, 60)
    heard_again(field)


def vps_full(field):
    filler = _fill(field, "vps")
    field.pause(20)
    field.did("腾出空间")
    filler.unlink()
    heard_again(field)


def _fill(field, name):
    filler = field.disks[name].fill()
    field.say(f"    写满了，填了 {filler.stat().st_size >> 20} MB")
    return filler
