"""--selftest: what it tries, and that it finds what is missing."""

import sqlite3

import pytest

from tray_app import main as program
from tray_app import outbox, selftest


def test_all_is_well_here_and_stands_in_the_report(tmp_path, capsys):
    report = tmp_path / "自检.txt"
    assert program.main(["--selftest", "--report", str(report)]) == 0
    assert "自检通过" in capsys.readouterr().out
    text = report.read_text(encoding="utf-8")
    for name in ("模块", "TLS", "SQLite", "发件箱", "图标"):
        assert name in text


def test_it_works_without_a_console_and_without_a_home_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    monkeypatch.setenv("QMT_SENTRY_HOME", str(tmp_path / "home"))
    assert program.main(["--selftest"]) == 0
    assert not (tmp_path / "home").exists()


def outcome(name):
    (check,) = [check for check in selftest.CHECKS if check.name.startswith(name)]
    (result,) = selftest.try_all((check,))
    return result


def test_an_outbox_that_loses_what_was_put_is_found(monkeypatch):
    monkeypatch.setattr(outbox.Outbox, "take", lambda self, *most: [])
    assert not outcome("发件箱").well


@pytest.mark.parametrize(
    "name, target, broken",
    [
        ("模块", "importlib.import_module", ImportError("DLL load failed while importing _ssl")),
        ("加密", "certifi.where", OSError("no cacert.pem")),
        ("图标", "tray_app.icon.resource", KeyError("ICO")),
    ],
)
def test_each_part_that_is_missing_is_found(monkeypatch, name, target, broken):
    def fail(*unused):
        raise broken

    monkeypatch.setattr(target, fail)
    result = outcome(name)
    assert not result.well and type(broken).__name__ in result.text


def test_an_old_sqlite_is_found(monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 23, 0))
    assert not outcome("数据库").well


def test_one_fault_is_1_and_says_what_to_do(monkeypatch):
    def fail():
        raise ImportError("no _ssl")

    monkeypatch.setattr(selftest, "CHECKS", (selftest.Check("模块", fail), *selftest.CHECKS[1:2]))
    said = []
    assert selftest.run(said.append, None) == 1
    assert "不行 模块：ImportError: no _ssl" in said[0] and "重新运行安装程序" in said[0]


def test_a_report_that_cannot_be_written_is_said_and_1(tmp_path):
    said = []
    assert selftest.run(said.append, tmp_path / "no folder" / "report.txt") == 1
    assert "report.txt" in said[-1]
