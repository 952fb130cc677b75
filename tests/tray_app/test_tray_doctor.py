"""--doctor: each rule on plain values, and the look on this machine."""

import sys

import pytest

from tests.tray_app.helpers import fails_with, ok_body, settings
from tray_app import doctor, doctor_look, logs
from tray_app import main as program
from tray_app.doctor import FIX, LOOK, WELL, Autostart, Heard, Package, Power, Seen, judge
from tray_app.watch.findings import clock, disk

CONFIG = settings("https://sentry.example.com", qmt="folder = C:\\QMT")
ALL_WELL = Seen(
    home="C:\\home",
    home_error="",
    disk_free=10**11,
    config=CONFIG,
    config_error="",
    heard=Heard("", offset=0.2),
    tray_runs=True,
    qmt_here=True,
    qmt_running=["C:\\QMT\\bin.x64\\XtItClient.exe"],
    package=Package("C:\\QMT\\bin.x64\\Lib\\site-packages\\dingtou", 2, 2),
    autostart=Autostart(keepalive=True, shutdown=True, run_value=False),
    power=Power(0, 0, False),
)


def test_a_pc_that_is_set_up_has_nothing_to_fix():
    found = judge(ALL_WELL)
    assert {finding.level for finding in found} == {WELL}
    assert "没有要改的地方" in doctor.text_of(found)


@pytest.mark.parametrize(
    "change, level, words",
    [
        ({"config": None, "config_error": "sentry.ini：[host] every = x 不对"}, FIX, "[host] every"),
        ({"home_error": "Permission denied"}, FIX, "不能写"),
        ({"disk_free": 10**9}, LOOK, "清理磁盘"),
        ({"disk_free": 10**8}, FIX, "清理磁盘"),
        ({"heard": None}, FIX, "配对"),
        ({"heard": Heard("连不上接收端")}, FIX, "连不上接收端"),
        ({"heard": Heard("", "没有可用的通道")}, FIX, "没有可用的通道"),
        ({"heard": Heard("", offset=5.0)}, LOOK, "慢 5 秒"),
        ({"heard": Heard("", offset=-45.0)}, FIX, "快 45 秒"),
        ({"tray_runs": False}, FIX, "没有在运行"),
        ({"qmt_here": False}, FIX, "C:\\QMT 里没有 QMT"),
        ({"qmt_running": []}, LOOK, "没有运行"),
        ({"config": settings(), "package": None}, LOOK, "没有设 QMT 的文件夹"),
        ({"package": Package("P")}, FIX, "还没有程序包 dingtou"),
        ({"package": Package("P", 1, 2)}, FIX, "是旧的（1，应为 2）"),
        ({"package": Package("P", 2, 2, "ImportError: numpy")}, FIX, "ImportError: numpy"),
        ({"autostart": Autostart(False, False, False)}, FIX, "开机后启动"),
        ({"autostart": Autostart(False, False, True)}, LOOK, "看守任务"),
        ({"power": Power(1800, 0, False)}, FIX, "闲置 30 分钟后会睡眠"),
        ({"power": Power(0, 10800, False)}, FIX, "闲置 180 分钟后会休眠"),
        ({"power": Power(0, 0, True)}, LOOK, "快速启动"),
    ],
)
def test_each_thing_that_is_not_set_up_is_found_and_says_what_to_do(change, level, words):
    found = [finding for finding in judge(ALL_WELL._replace(**change)) if words in finding.text]
    assert [finding.level for finding in found] == [level]


def test_disk_and_clock_are_told_in_the_words_of_the_icon_and_the_phone():
    texts = [finding.text for finding in judge(ALL_WELL._replace(disk_free=10**8, heard=Heard("", offset=45.0)))]
    for sign in (disk("disk", "小主机的磁盘", 10**8, 10**9, ())[-1], clock(45.0, ())[-1]):
        assert sign.text + sign.todo in texts


@pytest.mark.parametrize(
    "change", [{"autostart": None, "power": None}, {"power": Power(None, None, None)}, {"package": None}]
)
def test_what_cannot_be_asked_accuses_nobody(change):
    assert {finding.level for finding in judge(ALL_WELL._replace(**change))} == {WELL}


def test_a_shutdown_task_alone_does_not_start_the_program():
    assert FIX in {finding.level for finding in judge(ALL_WELL._replace(autostart=Autostart(False, True, False)))}


# What it looks at ----------------------------------------------------------------------------------------------------


@pytest.fixture
def ini(home, receiver, tmp_path):
    folder = tmp_path / "国金证券QMT交易端"
    package = folder / "bin.x64" / "Lib" / "site-packages" / "dingtou"
    package.mkdir(parents=True)
    (folder / "bin.x64" / "XtItClient.exe").touch()
    (package / "__init__.py").write_text('"""x"""\n\nVERSION = 7\n', encoding="utf-8")
    text = f"[sentry]\nreceiver = {receiver.url}\ntoken = abc\n[qmt]\nfolder = {folder}\n[inbox]\nport = off\n"
    home.ini.write_text(text, encoding="utf-8")
    return package


def test_it_asks_the_receiver_and_finds_qmt_and_the_package(home, receiver, ini):
    seen = doctor_look.look(home)
    assert seen.heard.why == "" and abs(seen.heard.offset) > 0  # the stub's clock stands still
    assert receiver.posts[0]["events"] == []
    assert seen.qmt_here and not seen.tray_runs and seen.home_error == ""
    assert (seen.package.path, seen.package.version) == (str(ini), 7)


def test_a_receiver_that_refuses_the_token_is_told(home, receiver, ini):
    receiver.answers = [fails_with(401)]
    assert "重新粘贴配对码" in doctor_look.look(home).heard.why


def test_a_receiver_without_a_channel_is_told(home, receiver, ini):
    receiver.answers = [lambda envelope: (200, {}, ok_body([], ok=False, why="没有可用的通道"))]
    assert doctor_look.look(home).heard.alerts_why == "没有可用的通道"


def test_a_folder_without_the_package_is_found(home, ini):
    (ini / "__init__.py").unlink()
    seen = doctor_look.look(home)
    assert seen.package.version is None


def test_the_package_may_lie_in_the_home_folder_as_well(home, ini):
    (ini / "__init__.py").unlink()
    (home.root / "dingtou").mkdir()
    (home.root / "dingtou" / "__init__.py").write_text("VERSION = 3\n", encoding="utf-8")
    assert doctor_look.look(home).package.version == 3


def test_a_home_folder_that_takes_no_file_is_found(home, monkeypatch):
    def refuse(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor_look, "write_whole", refuse)
    assert "No space" in doctor_look.look(home).home_error


def test_an_import_is_tried_with_qmts_own_python(tmp_path):
    package = tmp_path / "dingtou"
    package.mkdir()
    (package / "__init__.py").touch()
    python = doctor_look.Path(sys.executable)
    assert "spool" in doctor_look.import_error(python, tmp_path)
    (package / "spool.py").touch()
    assert doctor_look.import_error(python, tmp_path) == ""
    assert doctor_look.import_error(tmp_path / "none.exe", tmp_path) == ""


@pytest.mark.parametrize(
    "output, seconds",
    [
        ("  当前交流电源设置索引: 0x00000708\r\n  当前直流电源设置索引: 0x00000384\r\n".encode("gbk"), 1800),
        (b"Possible Settings units: Seconds\nCurrent AC Power Setting Index: 0x00000000\nDC: 0x0000012c\n", 0),
        (b"0x00000000\n0xffffffff\nMaximum: 0xffffffff\nAC: 0x00000e10\nDC: 0x00000000\n", 3600),
        (b"", None),
        (b"Invalid Parameters", None),
    ],
)
def test_the_idle_time_on_mains_is_read_in_any_language(output, seconds):
    assert doctor_look.on_mains(output) == seconds


def test_its_names_are_those_of_the_installer():
    tasks = pytest.importorskip("installer.tasks")
    autostart = pytest.importorskip("installer.autostart")
    assert (doctor_look.KEEPALIVE, doctor_look.SHUTDOWN) == (tasks.KEEPALIVE, tasks.SHUTDOWN)
    assert (doctor_look.RUN_KEY, doctor_look.RUN_NAME) == (autostart.RUN_KEY, autostart.RUN_NAME)


# The option ----------------------------------------------------------------------------------------------------------


def test_it_says_and_writes_what_to_fix_and_ends_with_1(home, capsys, ini):
    assert program.main(["--doctor", "--home", str(home.root)]) == 1
    said = capsys.readouterr().out
    report = (home.root / "doctor.txt").read_text(encoding="utf-8")
    assert "哨兵没有在运行" in said and "哨兵没有在运行" in report and "doctor.txt" in said


def test_with_nothing_to_fix_it_ends_with_0(home, tmp_path):
    said = []
    assert doctor.run(home, said.append, tmp_path / "r.txt", lambda where: ALL_WELL) == 0
    assert "没有要改的地方" in said[0] + (tmp_path / "r.txt").read_text(encoding="utf-8")


def test_without_a_console_it_shows_a_window_instead(home, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(doctor, "_show", shown.append)
    for console in (True, False):
        monkeypatch.setattr(logs, "has_console", lambda console=console: console)
        doctor.run(home, lambda text: None, None, lambda where: ALL_WELL)
        doctor.run(home, lambda text: None, tmp_path / "r.txt", lambda where: ALL_WELL)  # a script asks: no window
    assert len(shown) == 1 and "没有要改的地方" in shown[0]


def test_a_report_that_cannot_be_written_is_said_and_1(home, tmp_path):
    said = []
    assert doctor.run(home, said.append, tmp_path / "none" / "r.txt", lambda where: ALL_WELL) == 1
    assert "写不进" in said[0]


def test_a_damaged_sentry_ini_is_a_finding_not_an_end(home, capsys):
    home.ini.write_text("[sentry]\nnonsense = 1\n", encoding="utf-8")
    assert program.main(["--doctor", "--home", str(home.root)]) == 1
    assert "nonsense" in capsys.readouterr().out
