"""The daily backup: its command leaves word, and the receiver tells of one that fails or is not made any more."""

import os
import sqlite3

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench
from tests.receiver.served import Served

FAILED, STOPPED, WELL = "❗ 每日备份没有做成", "❗ 每日备份没有在做", "✅ 已恢复：每日备份又做成了"


@pytest.fixture
def room(monkeypatch):
    """Bytes free on the disk, to be set."""
    free = [1 << 40]
    monkeypatch.setattr(program.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free[0]}))
    return free


@pytest.fixture
def backup(bench, monkeypatch):
    """Runs the command at the bench's time."""
    return lambda *more: run(bench, monkeypatch, *more)


def run(bench, monkeypatch, *more):
    with monkeypatch.context() as patch:
        patch.setattr(program.time, "time", lambda: bench.time)
        return program.main(["daily-backup", "--config", str(bench.config.path), *more])


def test_a_backup_that_fails_is_told_once_with_its_reason_and_its_recovery(bench, backup, room):
    assert backup() == 0
    bench.time += 86400 - 60
    bench.alive()
    bench.run(60, every=bench.alive)
    room[0] = 1 << 20
    assert backup() == 2
    bench.run(60, every=bench.alive)
    bench.time += 10
    assert backup() == 2
    bench.run(30, every=bench.alive)
    assert bench.accused() == [FAILED]
    body = bench.texts()[-1].body
    assert "01-06 10:00 起没有做成：磁盘空间不够备份" in body
    assert "最近一份好的：01-05 10:00" in body and "qmt-sentry daily-backup" in body
    room[0] = 1 << 40
    assert backup() == 0
    bench.run(30, every=bench.alive)
    assert bench.accused() == [FAILED, WELL]


def test_it_is_told_once_a_lasting_failure_brings_no_reminders(bench, backup, room):
    room[0] = 1 << 20
    backup()
    bench.run(4000, every=bench.alive, step=10)
    assert bench.told() == [FAILED]
    assert "还没有一份做成过" in bench.texts()[-1].body


def test_what_fails_after_the_close_is_told_the_next_morning_with_its_day(tmp_path, monkeypatch, room):
    bench = Bench(tmp_path, now="2026-01-05 16:30:00")
    room[0] = 1 << 20
    run(bench, monkeypatch)
    bench.run(60, every=bench.alive)
    assert bench.told() == []
    bench.jump("2026-01-06 09:00:10")
    bench.run(20, every=bench.alive)
    assert bench.told() == [FAILED] and "01-05 16:30 起" in bench.texts()[0].body
    bench.receiver.store.close()


def test_a_failure_mended_before_the_morning_is_not_told(tmp_path, monkeypatch, room):
    bench = Bench(tmp_path, now="2026-01-05 16:30:00")
    room[0] = 1 << 20
    run(bench, monkeypatch)
    bench.run(60, every=bench.alive)
    room[0] = 1 << 40
    run(bench, monkeypatch)
    bench.run(60, every=bench.alive)
    bench.jump("2026-01-06 09:00:10")
    bench.run(20, every=bench.alive)
    assert bench.told() == []
    bench.receiver.store.close()


def test_backups_that_are_not_made_any_more_are_told_after_two_that_were_missed(bench, backup, monkeypatch):
    monkeypatch.setattr(program, "BACKUP_OVERDUE", 600.0)
    backup()
    bench.run(590, every=bench.alive, step=10)
    assert bench.told() == []
    bench.run(60, every=bench.alive, step=10)
    assert bench.told() == [STOPPED]
    assert "01-05 10:00 以后没有再做过" in bench.texts()[0].body
    assert "qmt-sentry-backup.timer" in bench.texts()[0].body and "--off" in bench.texts()[0].body
    backup()
    bench.run(10, every=bench.alive)
    assert bench.told() == [STOPPED, WELL]
    bench.run(500, every=bench.alive, step=10)
    assert bench.told() == [STOPPED, WELL]


def test_two_days_and_two_hours_may_pass_between_two_backups():
    known = program.DailyBackup(0.0, 0.0, None, "", 49.9 * 3600)
    assert program.accuse_backup(known) is None
    assert program.accuse_backup(known._replace(waited=50.0 * 3600)) is not None


def test_who_never_set_a_backup_up_hears_nothing(bench, monkeypatch):
    monkeypatch.setattr(program, "BACKUP_OVERDUE", 100.0)
    program.main(["backup", str(bench.config.path.with_name("today.db")), "--config", str(bench.config.path)])
    bench.run(600, every=bench.alive, step=10)
    assert bench.told() == []


def test_a_server_that_was_off_for_a_week_has_missed_nothing(bench, backup, monkeypatch):
    monkeypatch.setattr(program, "BACKUP_OVERDUE", 600.0)
    backup()
    bench.run(300, every=bench.alive, step=10)
    bench.time += 7 * 86400
    bench.restart()
    bench.run(200, every=bench.alive, step=10)
    assert bench.accused() == []


@pytest.mark.parametrize("jump", [86400.0, -86400.0])
def test_a_clock_that_jumps_by_a_day_makes_no_backup_late(bench, backup, monkeypatch, jump):
    monkeypatch.setattr(program, "BACKUP_OVERDUE", 600.0)
    backup()
    bench.run(300, every=bench.alive, step=10)
    bench.set_clock(jump)
    bench.receiver.clock_jumped(jump)
    bench.run(200, every=bench.alive, step=10)
    assert bench.accused() == []


def test_restarts_do_not_begin_the_waiting_anew(bench, backup, monkeypatch):
    monkeypatch.setattr(program, "BACKUP_OVERDUE", 600.0)
    backup()
    for _ in range(7):
        bench.run(100, every=bench.alive, step=10)
        bench.restart()
    bench.run(20, every=bench.alive)
    assert ("backup", "") in bench.incidents()


def test_who_does_not_want_it_any_more_says_so_and_hears_no_recovery(bench, backup, room):
    room[0] = 1 << 20
    backup()
    bench.run(60, every=bench.alive)
    assert backup("--off") == 0
    bench.run(60, every=bench.alive)
    assert bench.told() == [FAILED] and bench.incidents() == []


def test_a_restored_database_accuses_no_backup_of_before(bench, backup, room):
    copy, ini = bench.config.path.with_name("copy.db"), str(bench.config.path)
    room[0] = 1 << 20
    backup()
    bench.run(2, every=bench.alive)
    room[0] = 1 << 40
    assert program.main(["backup", str(copy), "--config", ini]) == 0
    bench.receiver.store.close()
    bench.receiver = None
    assert program.main(["restore", str(copy), "--config", ini]) == 0
    bench.restart()
    bench.run(60, every=bench.alive)
    assert bench.incidents() == [] and FAILED not in bench.told()


def test_each_day_of_the_week_has_one_file_and_a_torn_one_is_in_nobodys_way(bench, backup):
    folder = bench.config.path.parent
    (folder / "day-2.db.part").write_bytes(b"torn by a kill")
    for _ in range(9):
        assert backup() == 0
        bench.time += 86400
    names = sorted(path.name for path in folder.glob("day-*"))
    assert names == [f"day-{day}.db" for day in range(1, 8)]
    assert all(program.integrity(folder / name)[0] == "ok" for name in names)


def test_a_backup_that_fails_leaves_last_weeks_file(bench, backup, room):
    backup()
    before = bench.config.path.with_name("day-1.db").read_bytes()
    bench.time += 7 * 86400
    room[0] = 1 << 20
    assert backup() == 2
    assert bench.config.path.with_name("day-1.db").read_bytes() == before


def test_a_result_that_cannot_be_written_down_is_no_success(bench, backup, capsys, monkeypatch):
    def refuse(*_):
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(program, "keep_backup", refuse)
    assert backup() == 2
    assert "没有记进数据库" in capsys.readouterr().err


def test_a_database_that_an_older_receiver_still_uses_is_not_upgraded(bench, backup, monkeypatch):
    steps = list(program.MIGRATIONS)
    monkeypatch.setattr(program, "MIGRATIONS", [*steps, "CREATE TABLE of_tomorrow (x)"])
    assert backup() == 0
    assert bench.rows("PRAGMA user_version") == [(len(steps),)]


def test_check_tells_how_it_is_with_the_backup(bench, backup, room, capsys):
    ini = str(bench.config.path)
    program.main(["check", "--config", ini])
    assert "每日备份" not in capsys.readouterr().out
    backup()
    program.main(["check", "--config", ini])
    assert "· 每日备份最近一份好的：01-05 10:00" in capsys.readouterr().out
    room[0] = 1 << 20
    backup()
    bench.time += 86400
    backup()
    room[0] = 1 << 40
    assert program.main(["check", "--config", ini]) == 1
    assert "✗ 每日备份没有做成：01-05 10:00 起没有做成" in capsys.readouterr().out


def test_the_page_shows_the_newest_backup(tmp_path, monkeypatch):
    served = Served(tmp_path)
    try:
        session = requests.Session()
        served.log_in(session)
        page = session.get(served.url + "/machines", timeout=30).text
        assert "每日备份" not in page
        run(served, monkeypatch)
        page = session.get(served.url + "/machines", timeout=30).text
        assert "每日备份最近一份好的：01-05 10:00" in page
    finally:
        served.close()


@pytest.mark.skipif(os.name != "posix", reason="rights of files")
def test_the_copy_is_for_its_owner_alone(bench, backup):
    backup()
    assert bench.config.path.with_name("day-1.db").stat().st_mode & 0o077 == 0


def test_who_says_in_the_evening_that_no_backup_is_wanted_hears_nothing_the_next_morning(tmp_path, monkeypatch, room):
    bench = Bench(tmp_path, now="2026-01-05 16:30:00")
    room[0] = 1 << 20
    run(bench, monkeypatch)
    bench.run(60, every=bench.alive)
    run(bench, monkeypatch, "--off")
    bench.run(60, every=bench.alive)
    bench.jump("2026-01-06 09:00:10")
    bench.run(20, every=bench.alive)
    assert bench.told() == []
    bench.receiver.store.close()


def test_a_timer_that_runs_again_but_fails_is_told_anew(bench, backup, room, monkeypatch):
    monkeypatch.setattr(program, "BACKUP_OVERDUE", 600.0)
    backup()
    bench.run(700, every=bench.alive, step=10)
    room[0] = 1 << 20
    backup()
    bench.run(60, every=bench.alive)
    assert bench.told() == [STOPPED, FAILED]
    room[0] = 1 << 40
    backup()
    bench.run(30, every=bench.alive)
    assert bench.told() == [STOPPED, FAILED, WELL]


def test_the_copies_of_the_release_before_count_as_good_ones(bench, backup, room):
    older = bench.config.path.with_name("day-6.db")
    older.write_bytes(b"whole, made by the release before, which left no word")
    made = program.day_minute(older.stat().st_mtime)
    room[0] = 1 << 20
    assert backup() == 2
    bench.run(60, every=bench.alive)
    assert f"最近一份好的：{made}。" in bench.texts()[-1].body


def test_a_second_backup_at_the_same_time_steps_back_and_spoils_nothing(bench, backup, capsys, monkeypatch):
    whole, codes = program.integrity, []

    def meanwhile(path):
        if not codes:
            codes.append(None)
            codes[0] = backup()  # by hand, while the timer's is at work
        return whole(path)

    monkeypatch.setattr(program, "integrity", meanwhile)
    assert backup() == 0 and codes == [2]
    assert "另一个每日备份正在做" in capsys.readouterr().err
    bench.run(30, every=bench.alive)
    assert bench.told() == [] and bench.incidents() == []
    assert whole(bench.config.path.with_name("day-1.db"))[0] == "ok"
    assert backup() == 0
