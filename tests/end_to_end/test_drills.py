"""The drills as tests: all at once, each in its own processes and folders, as a user would start them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.drills import DRILLS
from rehearsal.road import ROOT

AT_ONCE = 6  # of five processes each, which mostly wait: more would measure the machine, not the programs
LONGEST = 900  # s for all of them; on an idle machine they take a quarter of it
LONG = (  # the longest first: one that starts late is waited for alone
    "order-unseen",
    "order-unfilled",
    "receiver-faults",
    "strategy-crash",
    "overnight-unknown",
    "network-cut",
    "vps-down",
    "receiver-crash-loop",
    "tray-killed",
    "receiver-down",
    "pc-off",
    "state-lost",
    "kill-switch",
    "power-cut",
    "heartbeat-silent",
)

pytestmark = pytest.mark.drill


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """{drill name: (exit code, output, report)}; the longest drills start first."""
    folder = tmp_path_factory.mktemp("drills")
    waiting = [*LONG, *(name for name in DRILLS if name not in LONG)]
    running, finished = {}, {}
    deadline = time.monotonic() + LONGEST
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                name = waiting.pop(0)
                running[name] = start(name, folder)
            name = next((name for name, process in running.items() if process.poll() is not None), None)
            if name is None:
                assert time.monotonic() < deadline, f"still running: {', '.join(running)}"
                time.sleep(0.2)
                continue
            process = running.pop(name)
            output = (folder / f"{name}.txt").read_text(encoding="utf-8")
            report = folder / f"{name}.json"
            finished[name] = (process.returncode, output, json.loads(report.read_text()) if report.exists() else None)
    finally:
        for process in running.values():
            process.terminate()
    return finished


def start(name, folder):
    command = [sys.executable, "-m", "rehearsal", "drill", name, "--report", str(folder / f"{name}.json")]
    with (folder / f"{name}.txt").open("wb") as out:
        return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("name", sorted(DRILLS))
def test_the_drill_passes(name, results):
    code, output, report = results[name]
    print(output)
    keep_output(name, output)
    assert code == 0, output
    assert report["passed"]


def keep_output(name, output):
    """QMT_SENTRY_DRILL_OUTPUT=FOLDER keeps what the drills printed, for docs/."""
    folder = os.environ.get("QMT_SENTRY_DRILL_OUTPUT")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.txt").write_text(output, encoding="utf-8")
