"""Tasks where they can be made, the Run value where not."""

import datetime

import pytest

from installer import autostart, tasks

EXE = r"C:\Programs\QMTSentry\app\QMTSentry.exe"
TODAY = datetime.date(2026, 1, 5)


class Scheduler:
    """schtasks: `refuses(xml)` says which tasks are refused; `shows` False: as Wine's, which says yes to everything."""

    def __init__(self, refuses=lambda xml: False, shows=True):
        self.tasks, self._refuses, self._shows = {}, refuses, shows

    def __call__(self, command):
        words = list(command)
        name = words[words.index("/TN") + 1]
        if words[1] == "/Create":
            with open(words[words.index("/XML") + 1], encoding="utf-16") as file:
                xml = file.read()
            if self._refuses(xml):
                return None
            self.tasks[name] = xml
        elif words[1] == "/Query":
            return (self.tasks[name] if self._shows else "").encode("utf-16-le") if name in self.tasks else None
        else:
            return b"" if self.tasks.pop(name, None) else None
        return b""


class Run:
    """Stands in for autostart.RunValue."""

    def __init__(self, now=None):
        self.now = now

    def write(self, command):
        self.now = command

    def remove_if_ours(self, exe):
        if self.now and autostart.is_ours(self.now, exe):
            self.now = None


def register(scheduler, run, with_shutdown=False):
    return autostart.register(EXE, "PC\\me", TODAY, with_shutdown, scheduler, run)


def test_with_tasks_there_is_no_run_value():
    scheduler, run = Scheduler(), Run(f'"{EXE}"')
    assert register(scheduler, run) == (True, False, False)
    assert run.now is None and set(scheduler.tasks) == {tasks.KEEPALIVE}


def test_a_refused_logon_trigger_leaves_the_repetition_and_adds_the_run_value():
    scheduler, run = Scheduler(refuses=lambda xml: "LogonTrigger" in xml), Run()
    assert register(scheduler, run) == (True, False, True)
    assert run.now == f'"{EXE}"'


def test_without_rights_for_tasks_there_is_the_run_value():
    run = Run()
    assert register(Scheduler(refuses=lambda xml: True), run, with_shutdown=True) == (False, False, True)
    assert run.now == f'"{EXE}"'


def test_a_scheduler_that_says_yes_and_shows_nothing_is_none():
    run = Run()
    assert register(Scheduler(shows=False), run) == (False, False, True)
    assert run.now


def test_the_shutdown_task_comes_and_goes_with_the_wish():
    scheduler = Scheduler()
    assert register(scheduler, Run(), with_shutdown=True).shutdown
    assert set(scheduler.tasks) == set(tasks.NAMES)
    register(scheduler, Run(), with_shutdown=False)
    assert set(scheduler.tasks) == {tasks.KEEPALIVE}


def test_removing_takes_both_tasks():
    scheduler = Scheduler()
    register(scheduler, Run(), with_shutdown=True)
    autostart.remove_tasks(scheduler)
    assert scheduler.tasks == {}


@pytest.mark.parametrize("command", [f'"{EXE}"', EXE, EXE.upper()])
def test_our_own_run_value_is_known_in_any_writing(command):
    assert autostart.is_ours(command, EXE)


def test_another_copys_run_value_is_not_ours():
    assert not autostart.is_ours(r'"D:\else\QMTSentry.exe"', EXE)
