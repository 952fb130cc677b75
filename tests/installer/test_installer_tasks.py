"""The Task Scheduler's XML, element by element, against the rules of windows-facts.md sections 0 and 4."""

import datetime
from xml.etree import ElementTree

import pytest

from installer import tasks

EXE = r"C:\Users\我\AppData\Local\Programs\QMTSentry\app\QMTSentry.exe"
USER = r"PC\我 & 你"
TODAY = datetime.date(2026, 1, 5)


def element(xml, path):
    """The element at a path of tags; it must be there exactly once."""
    root = ElementTree.fromstring(tasks.file_bytes(xml))
    found = root.findall("/".join(f"{{{tasks.NAMESPACE}}}{tag}" for tag in path.split("/")))
    assert len(found) == 1, path
    return found[0]


def value(xml, path):
    return element(xml, path).text


@pytest.fixture
def keepalive():
    return tasks.keepalive(EXE, USER, TODAY)


@pytest.fixture
def shutdown():
    return tasks.shutdown(EXE, USER, TODAY)


def test_the_file_is_utf_16_little_endian_with_a_byte_order_mark(keepalive):
    raw = tasks.file_bytes(keepalive)
    assert raw.startswith(b"\xff\xfe") and raw.decode("utf-16").startswith('<?xml version="1.0" encoding="UTF-16"?>')


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("Triggers/LogonTrigger/Enabled", "true"),
        ("Triggers/LogonTrigger/UserId", USER),
        ("Triggers/LogonTrigger/Delay", "PT30S"),
        ("Triggers/CalendarTrigger/Repetition/Interval", "PT5M"),
        ("Triggers/CalendarTrigger/Repetition/Duration", "PT23H55M"),
        ("Triggers/CalendarTrigger/Repetition/StopAtDurationEnd", "false"),
        ("Triggers/CalendarTrigger/StartBoundary", "2026-01-05T00:00:00"),
        ("Triggers/CalendarTrigger/Enabled", "true"),
        ("Triggers/CalendarTrigger/ScheduleByDay/DaysInterval", "1"),
        ("Settings/StartWhenAvailable", "true"),
        ("Settings/ExecutionTimeLimit", "PT0S"),
        ("Settings/RestartOnFailure/Interval", "PT1M"),
        ("Settings/RestartOnFailure/Count", "3"),
        ("Actions/Exec/Arguments", "--keep-alive"),
        ("Actions/Exec/Command", f'"{EXE}"'),
    ],
)
def test_keepalive(keepalive, path, wanted):
    assert value(keepalive, path) == wanted


def test_where_a_logon_trigger_is_refused_the_repetition_stands_alone():
    triggers = element(tasks.keepalive(EXE, USER, TODAY, at_logon=False), "Triggers")
    assert [trigger.tag.split("}")[1] for trigger in triggers] == ["CalendarTrigger"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("Triggers/CalendarTrigger/StartBoundary", "2026-01-05T15:15:00"),
        ("Triggers/CalendarTrigger/Enabled", "true"),
        ("Triggers/CalendarTrigger/ScheduleByWeek/WeeksInterval", "1"),
        ("Settings/StartWhenAvailable", "false"),
        ("Settings/ExecutionTimeLimit", "PT1H"),
        ("Actions/Exec/Command", f'"{EXE}"'),
        ("Actions/Exec/Arguments", "--request-shutdown"),
    ],
)
def test_shutdown(shutdown, path, wanted):
    assert value(shutdown, path) == wanted


def test_shutdown_runs_from_monday_to_friday_and_never_again_by_itself(shutdown):
    days = element(shutdown, "Triggers/CalendarTrigger/ScheduleByWeek/DaysOfWeek")
    assert tuple(day.tag.split("}")[1] for day in days) == ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    assert "RestartOnFailure" not in shutdown and "Repetition" not in shutdown


@pytest.mark.parametrize("make", [tasks.keepalive, tasks.shutdown])
@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("Principals/Principal/UserId", USER),
        ("Principals/Principal/LogonType", "InteractiveToken"),
        ("Principals/Principal/RunLevel", "LeastPrivilege"),
        ("Settings/MultipleInstancesPolicy", "IgnoreNew"),
        ("Settings/DisallowStartIfOnBatteries", "false"),
        ("Settings/StopIfGoingOnBatteries", "false"),
        ("Settings/AllowHardTerminate", "true"),
        ("Settings/RunOnlyIfNetworkAvailable", "false"),
        ("Settings/IdleSettings/StopOnIdleEnd", "false"),
        ("Settings/IdleSettings/RestartOnIdle", "false"),
        ("Settings/AllowStartOnDemand", "true"),
        ("Settings/Enabled", "true"),
        ("Settings/Hidden", "false"),
        ("Settings/RunOnlyIfIdle", "false"),
        ("Settings/WakeToRun", "false"),
        ("Settings/Priority", "5"),
        ("Actions/Exec/WorkingDirectory", EXE.rpartition("\\")[0]),
    ],
)
def test_both_tasks(make, path, wanted):
    assert value(make(EXE, USER, TODAY), path) == wanted


@pytest.mark.parametrize("make", [tasks.keepalive, tasks.shutdown])
def test_the_action_runs_as_the_principal(make):
    xml = make(EXE, USER, TODAY)
    assert element(xml, "Principals/Principal").get("id") == element(xml, "Actions").get("Context") == "Author"


def test_nothing_stands_in_the_keepalive_task_that_is_not_looked_at(keepalive):
    names = {part.tag.split("}")[1] for part in ElementTree.fromstring(tasks.file_bytes(keepalive)).iter()}
    looked_at = {tag for path, _ in test_keepalive.pytestmark[0].args[1] for tag in path.split("/")}
    looked_at |= {tag for path, _ in test_both_tasks.pytestmark[0].args[1] for tag in path.split("/")}
    assert names <= looked_at | {"Task", "RegistrationInfo", "Author", "Description"}
