"""Where a soak plays: the road, the clock, what was done and when, and what each process held at the time."""

import random
import time

import psutil

from rehearsal.clock import clock_text
from rehearsal.soak.telling import says

PATIENCE = 60.0  # s beyond what is promised: machines are shared, and it is the oracle that judges
PROCESSES = ("qmt", "tray", "receiver", "phone")


class Unexpected(Exception):
    """A part ended that nobody had ended; the text is a Chinese sentence."""


class Field:
    """`sample_every`: s between two looks at the processes' memory and handles; 0: only when asked."""

    def __init__(self, road, seed, say=print, sample_every=0.0):
        self.road = road
        self.random = random.Random(seed)
        self.say = lambda text: say(text, flush=True)
        self.troubles = []  # {kind, day, at, until, told, well, may}, and what `expect` and its like noted
        self.receiver_kills = []  # epoch s by the parts' clocks
        self.samples = []  # {at, day, name, pid, started, rss, handles}
        self.books = []  # soak/record.py books() of each day's end
        self.stored = {}  # soak/record.py stored() of each evening, all together
        self.disks = {}  # soak/disk.py Small disks by name, where they could be made
        self.day = 1
        self.ended = set()  # names of the children that were ended on purpose and are not up again
        self._sample_every, self._next_sample = sample_every, time.monotonic() + sample_every

    def did(self, text):
        at = self.road.now()
        self.say(f"  {clock_text(at)} {text}")
        return at

    def pause(self, seconds):
        self.until(lambda: False, seconds)

    def until(self, condition, seconds):
        """Wait until the condition holds, at most so long; returns whether it does. Raises Unexpected."""
        deadline = time.monotonic() + seconds
        while True:
            if condition():
                return True
            self._look()
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(0.5, left))

    def _look(self):
        for child in self.road.children():
            if child.name not in self.ended and not child.running():
                raise Unexpected(f"{child.name} 意外退出了：请看 {child.log}")
        if self._sample_every and time.monotonic() >= self._next_sample:
            self._next_sample += self._sample_every
            self.sample()

    def sample(self):
        """Note what each process holds now: memory in bytes, file descriptors or handles."""
        for child in self.road.children():
            if child.name in self.ended:
                continue
            try:
                process = psutil.Process(child.pid)
                handles = process.num_handles() if psutil.WINDOWS else process.num_fds()
                found = {"rss": process.memory_info().rss, "handles": handles}
            except psutil.Error:
                continue  # it ended between the two looks: whoever waits for it says so
            self.samples.append(dict(found, at=self.road.now(), day=self.day, name=child.name, pid=child.pid))

    # What the phone got

    def channels_told(self, mark, word, since):
        """The channels on which something was told (soak/telling.py) since then."""
        return {m["channel"] for m in self.road.messages() if m["at"] >= since and says(m, mark, word)}

    def until_told(self, mark, word, since, promised):
        """Wait until every channel has told it. Whether all did, and once each, is for the oracle to judge."""
        everywhere = set(self.road.channels)
        return self.until(lambda: everywhere <= self.channels_told(mark, word, since), promised + PATIENCE)

    # What the trouble that is under way must lead to (soak/judge_pairs.py)

    def expect(self, mark, word, channels=None, not_before=None, since=None, text="", not_after=None):
        """What tells `word` (on these channels, None: on all) comes not before that epoch s, nor after the
        other, and says that it began within `since` (from, to). `text`: it is the one message that also holds this."""
        noted = {
            "mark": mark,
            "word": word,
            "channels": channels,
            "not_before": not_before,
            "not_after": not_after,
            "since": since,
            "text": text,
        }
        self.troubles[-1].setdefault("expected", []).append(noted)

    def expect_no_orders(self, since, until):
        """passorder is not called from `since` to `until`, epoch s."""
        self.troubles[-1].setdefault("no_orders", []).append((since, until))

    # Taking parts away and bringing them back

    def kill(self, name):
        """kill -9 of one part; returns the epoch second by the parts' clocks."""
        self.ended.add(name)
        at = getattr(self.road, name).kill() + self.road.shift
        if name == "receiver":
            self.receiver_kills.append(at)
        return at

    def start(self, name):
        getattr(self.road, "start_" + name)()
        self.ended.discard(name)
