"""The soak's short form: two short days full of troubles, a night between them, and an oracle with nothing to say."""

import subprocess
import sys

import pytest

from rehearsal.road import ROOT

pytestmark = pytest.mark.drill
LONGEST = 400  # s; on an idle machine it takes a quarter of it, and mostly waits


def test_after_two_short_days_the_oracle_has_nothing_to_say(tmp_path):
    report = tmp_path / "report.txt"
    command = [
        sys.executable,
        "-m",
        "rehearsal",
        "soak",
        "--days",
        "2",
        "--slice",
        "14",
        "--seed",
        "4",
        "--report",
        str(report),
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LONGEST)
    said = done.stdout.decode("utf-8")
    print(said)
    assert done.returncode == 0, said
    text = report.read_text(encoding="utf-8")
    assert "PASS" in text
    assert "passorder 0 次" not in text  # two days without an order would show little
