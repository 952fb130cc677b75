"""Plays power cuts on the real tray parts and the real receiver: every post that was answered yes arrives, once.

1. Record one run: posts of all sorts, the tray forwards them over a bad line, the receiver stores them. Note each yes.
2. For each cut: take a random moment; rebuild the disk of the machine that was cut as it could look then (disk.py), the
   other machine's as it was; start the real code on both. Now and then the power goes again while they catch up.
3. Let everything be delivered and look into the receiver's store. After some cuts a new run is recorded.

Besides the PC or the VPS, now and then both are cut. The machine that is not cut is stopped at the same moment all the
same: its process starts again too, from all that it had written.
"""

import collections
import json
import logging
import os
import random
import shutil
import uuid
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Callable, Counter, Dict, Iterator, List, NamedTuple, Union
from unittest import mock

from rehearsal.powercut import disk, pc, vps
from rehearsal.powercut.inprocess import ANSWER_LOST, DOWN, UP, Answer, Line
from rehearsal.powercut.promises import Promises, Stored
from rehearsal.powercut.recorder import record
from rehearsal.powercut.recording import Recording

START = 1767578400.0  # 2026-01-05 10:00 in Shanghai, a Monday
ROUNDS = 40
RESTART_AT = {14: "tray", 27: "receiver"}  # so that the cuts meet a closed and reopened database too
WHO_IS_CUT = ("pc", "pc", "vps", "vps", "both")
CUTS_PER_RUN = 200
AGAIN = 0.2  # share of cuts after which the power goes a second time
DELIVERY_ROUNDS = 30  # more than enough: the line is up
KEEP_FAILED = 3  # folders of failed cuts left for looking at


class IncompleteRecord(RuntimeError):
    """Something was written unseen: a PASS would mean nothing."""


class Report(NamedTuple):
    """posts: made in the recorded runs; promised: yeses to them (a post may get two: its poster's and the receiver's).

    lost, doubled: summed over all cuts. lost_by: the lost by who had said yes (spool, flag, inbox, receiver), and
    restart: a program that did not start again. not_full: connections that were not synchronous=FULL with a WAL.
    details: the first failures, for people. folders: where these cuts were left for looking at.
    """

    cuts: int
    posts: int
    promised: int
    lost: int
    doubled: int
    lost_by: Dict[str, int]
    not_full: List[str]
    details: List[str]
    folders: List[str]

    @property
    def passed(self) -> bool:
        return self.lost == self.doubled == 0 and not self.not_full

    def __str__(self) -> str:
        line = (
            f"断电 {self.cuts} 次，发出 {self.posts} 条，答应 {self.promised} 次，丢失 {self.lost}，重复 {self.doubled}"
        )
        by = [f"丢失的由谁答应：{self.lost_by}"] if self.lost_by else []
        return "\n  ".join([line, *by, *self.not_full, *self.details])


def replay(
    cuts: int,
    seed: int,
    work_dir: Union[str, "os.PathLike[str]"],
    pc_disk: str = disk.NTFS,
    vps_disk: str = disk.HERE,
) -> Report:
    """Play `cuts` power cuts; `work_dir` is made and, but for failed cuts, left empty.

    The PC's disk is NTFS as in earnest, whatever this runs on; the VPS's is POSIX, except on Windows, where SQLite
    makes none of the syncs of a folder that it relies on elsewhere. ShimUnavailable where SQLite
    cannot be recorded; IncompleteRecord if something was written unseen.
    """
    work = Path(work_dir)
    kinds = {"pc": pc_disk, "vps": vps_disk}
    result = _Result()
    with quiet_logs(), repeatable_ids(seed):
        for first in range(0, cuts, CUTS_PER_RUN):
            run = _record(work / "recorded", random.Random(f"{seed}-{first}"))
            result.count(run)
            for number in range(first, min(cuts, first + CUTS_PER_RUN)):
                _play(run, random.Random(f"{seed}-cut-{number}"), work / f"cut-{number}", kinds, result)
            shutil.rmtree(str(work / "recorded"))
    return result.report(cuts)


# ---- the recorded run


class _Run(NamedTuple):
    recording: Recording
    promises: Promises
    not_full: List[str]


def _record(folder: Path, rng: random.Random) -> _Run:
    home, server = folder / "pc", folder / "vps"
    pc.prepare(home)
    vps.prepare(server)
    promises = Promises()
    with record({"pc": home, "vps": server}) as session:
        moment = session.recording.now
        _work(home, server, promises, moment, rng)
        not_full = session.connection_problems()
    _must_be_complete(session.recording)
    return _Run(session.recording, promises, not_full)


def _must_be_complete(recording: Recording) -> None:
    missed = disk.unrecorded(recording)
    if missed:
        raise IncompleteRecord("; ".join(missed[:5]))


def _work(home: Path, server: Path, promises: Promises, moment: Callable[[], int], rng: random.Random) -> None:
    """Everything that happens before the cuts. A yes of the receiver counts whether or not the tray gets to hear it."""

    def heard(answer: Answer) -> None:
        if answer.status == 200:
            for event_id in json.loads(answer.body.decode("utf-8"))["accepted"]:
                promises.answered_yes(moment(), "receiver", event_id)

    clock = pc.Clock(START)
    line = Line(heard)
    receiver, tray = vps.Vps(server, clock), pc.Tray(home, clock, rng)
    posters = pc.Posters(home, clock, promises, moment)
    with line.carries_requests():
        for number in range(ROUNDS):
            clock.pass_(rng.uniform(0.2, 20.0))
            if RESTART_AT.get(number) == "tray":
                tray.close()
                posters.anything(rng, None)
                tray = pc.Tray(home, clock, rng)
            elif RESTART_AT.get(number) == "receiver":
                receiver.close()
                receiver = vps.Vps(server, clock)
            line.app = receiver.app
            line.state = rng.choice([UP, UP, UP, UP, DOWN, ANSWER_LOST])
            for _ in range(rng.randint(1, 3)):
                posters.anything(rng, tray)
            tray.look()
            if rng.random() < 0.3:
                tray.beat()
            tray.send()
            receiver.check()
    tray.close()
    receiver.close()


# ---- one cut


class _Result:
    """Adds up."""

    def __init__(self) -> None:
        self.posts = self.promised = self.doubled = 0
        self.lost_by: Counter[str] = collections.Counter()
        self.not_full: List[str] = []
        self.details: List[str] = []
        self.folders: List[str] = []

    def count(self, run: _Run) -> None:
        self.posts += run.promises.posts
        self.promised += len(run.promises.made)
        self.not_full += [line for line in run.not_full if line not in self.not_full]

    def report(self, cuts: int) -> Report:
        return Report(
            cuts,
            self.posts,
            self.promised,
            sum(self.lost_by.values()),
            self.doubled,
            dict(self.lost_by),
            self.not_full,
            self.details,
            self.folders,
        )


def _play(run: _Run, rng: random.Random, folder: Path, kinds: Dict[str, str], result: _Result) -> None:
    moment = rng.randint(0, run.recording.now())
    cut = _rebuild(run.recording, moment, rng, folder / "first", kinds)
    try:
        store = _recover(folder, rng, kinds)
        broken, doubled, why = run.promises.broken(moment, store), store.doubled(), ""
    except IncompleteRecord:
        raise
    except Exception as error:  # whatever keeps a program from starting again: then nothing at all arrives
        broken, doubled, why = run.promises.before(moment), [], f", does not start again: {error!r}"
    result.lost_by.update(promise.by for promise in broken)
    result.lost_by.update(["restart"] if why else [])  # counts even if nothing was promised yet
    result.doubled += len(doubled)
    if (broken or doubled or why) and len(result.folders) < KEEP_FAILED:
        result.folders.append(str(folder))
        lost = [f"{promise.by} {promise.key}" for promise in broken[:3]]
        text = f"{folder.name}: {cut} cut after event {moment}: lost {len(broken)} {lost}, doubled {doubled[:3]}{why}"
        result.details.append(text)
    else:
        shutil.rmtree(str(folder))


def _rebuild(recording: Recording, moment: int, rng: random.Random, folder: Path, kinds: Dict[str, str]) -> str:
    """Lay out both disks after a cut; says which machine was cut."""
    cut = rng.choice(WHO_IS_CUT)
    for machine, kind in kinds.items():
        if cut in (machine, "both"):
            disk.disk_after_cut(recording, moment, rng, folder / machine, machine, kind)
        else:
            disk.disk_at(recording, moment, folder / machine, machine)
    return cut


def _recover(folder: Path, rng: random.Random, kinds: Dict[str, str]) -> Stored:
    """Start on the rebuilt disks, now and then with one more cut on the way; what the receiver has in the end."""
    home, server = folder / "first" / "pc", folder / "first" / "vps"
    if rng.random() < AGAIN:
        with record({"pc": home, "vps": server}) as session:
            _deliver(home, server, rng)
        _must_be_complete(session.recording)
        _rebuild(session.recording, rng.randint(0, session.recording.now()), rng, folder / "second", kinds)
        home, server = folder / "second" / "pc", folder / "second" / "vps"
    _deliver(home, server, rng)
    return vps.stored(server)


def _deliver(home: Path, server: Path, rng: random.Random) -> None:
    """Power is back an hour later: all programs start, in any order, and what is on the PC is delivered."""
    for path in home.rglob("*"):
        os.utime(str(path), (START, START))  # as old as they would be
    clock = pc.Clock(START + 3600)
    line = Line(lambda answer: None)
    strategy_starts = rng.randint(0, 1)  # before the tray's first round or after it
    with closing(vps.Vps(server, clock)) as receiver, closing(pc.Tray(home, clock, rng)) as tray:
        line.app = receiver.app
        with line.carries_requests():
            for number in range(DELIVERY_ROUNDS):
                if number == strategy_starts:
                    pc.start_strategy(home, clock)
                clock.pass_(1.0)
                tray.look()
                tray.send()
                receiver.check()
                if number > strategy_starts and tray.idle():
                    return
    raise RuntimeError(f"still not delivered after {DELIVERY_ROUNDS} rounds")


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Hundreds of restarts on damaged disks would fill the screen with what they rightly warn of."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def repeatable_ids(seed: int) -> Iterator[None]:
    """The ids decide where rows lie in an index, so the same seed gives the same writes only with the same ids."""
    source = random.Random(f"ids-{seed}")
    with mock.patch.object(uuid, "uuid4", lambda: uuid.UUID(int=source.getrandbits(128), version=4)):
        yield
