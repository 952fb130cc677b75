"""The clocks of a rehearsal: set back alike, so that it lies inside a session at whatever hour it is started."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rehearsal.clock import DAY, SHANGHAI_OFFSET, clock_text, day_text, shift_to, shift_to_weekday
from rehearsal.road import ROOT

NOON = 1767585600.0  # 2026-01-05 12:00 in Shanghai


@pytest.mark.parametrize("clock, day", [("10:00:00", "20260105"), ("14:50:00", "20260104")])
def test_a_clock_is_set_back_to_the_newest_past_moment(clock, day):
    shown = NOON + shift_to(clock, NOON)
    assert (clock_text(shown), day_text(shown)) == (clock, day)


@pytest.mark.parametrize("hour", range(24))
def test_a_morning_follows_the_afternoon_before_it_at_any_hour(hour):
    now = NOON + hour * 3600
    afternoon, morning = now + shift_to("14:50:00", now, days_ago=1), now + shift_to("09:31:00", now)
    assert morning - afternoon == (18 * 60 + 41) * 60
    assert morning <= now


@pytest.mark.parametrize("clock", ["00:00:00", "10:40:00", "23:59:59"])
@pytest.mark.parametrize("hours", range(0, 7 * 24, 5))
def test_tests_at_another_hour_have_a_weekday(hours, clock):
    now = NOON + hours * 3600
    shift = shift_to_weekday(clock, now)
    assert -4 * DAY < shift <= 0
    assert clock_text(now + shift) == clock
    assert time.gmtime(now + shift + SHANGHAI_OFFSET).tm_wday < 5


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal.shifted", *arguments], cwd=ROOT, capture_output=True, timeout=30
    )
    return done.stdout.decode().strip(), done.stderr.decode()


def test_a_shifted_program_has_no_count_since_the_boot_that_contradicts_its_clock(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import time\nprint(hasattr(time, 'CLOCK_BOOTTIME'))", encoding="utf-8")
    assert run("-5", str(script)) == ("False", "")


def test_a_shifted_program_reads_another_time_and_its_own_arguments(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import sys, time\nprint(sys.argv[1], time.time(), time.gmtime().tm_year)", encoding="utf-8")
    told, errors = run("-315360000", str(script), "argument")
    assert not errors
    word, shown, year = told.split()
    assert word == "argument"
    assert abs(float(shown) + 315360000 - time.time()) < 60
    assert int(year) < time.gmtime().tm_year


def test_logging_still_formats_its_times(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import logging\nlogging.basicConfig(format='%(asctime)s')\nlogging.error('x')", encoding="utf-8")
    _, errors = run("-60", str(script))
    assert "Error" not in errors
    assert errors


@pytest.mark.parametrize("clock", [[], ["noon"], ["14:59"]])
def test_an_hour_that_is_none_is_refused(clock):
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", "test", "--clock", *clock], cwd=ROOT, capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert b"--clock" in done.stderr and b"Traceback" not in done.stderr


def test_a_clock_is_never_set_ahead():
    assert "ValueError" in run("60", "-m", "this")[1]


@pytest.mark.skipif(
    not hasattr(signal, "SIGUSR1"), reason="without such signals a clock is not set in a running process"
)
def test_the_clock_of_a_running_program_can_be_set(tmp_path):
    script, clock = tmp_path / "script.py", tmp_path / "clock"
    script.write_text(
        "import time\nprint(time.time(), flush=True)\ninput()\nprint(time.time(), flush=True)", encoding="utf-8"
    )
    command = [sys.executable, "-m", "rehearsal.shifted", "-1000", str(script)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ, REHEARSAL_CLOCK_FILE=str(clock)), **pipes) as program:
        first = float(program.stdout.readline())
        clock.write_text("-5000", encoding="ascii")
        program.send_signal(signal.SIGUSR1)
        told, _ = program.communicate(b"\n", timeout=30)
    assert -4100 < float(told) - first < -3000
