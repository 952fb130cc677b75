"""What SentryTool.exe decides: which QMT, what is written into sentry.ini, whose package, how a copy is ended."""

import os

import pytest

from installer import bundle, first_settings, notices, qmt_folder, qmt_package, running_copy, setup_tool, version_info
from tray_app import VERSION, config, home

EXAMPLE = (home.Path(config.__file__).parent / "sentry.example.ini").read_text(encoding="utf-8")


def make_qmt(folder, program="XtItClient.exe"):
    (folder / "bin.x64").mkdir(parents=True)
    (folder / "bin.x64" / program).write_bytes(b"")
    return str(folder)


# Which QMT


def test_the_install_folder_is_found_from_any_path_inside_it(tmp_path):
    folder = make_qmt(tmp_path / "国金QMT交易端")
    for path in (folder, folder + os.sep, os.path.join(folder, "bin.x64"), os.path.join(folder, "uninstall.exe")):
        assert qmt_folder.install_folder(path) == folder
    assert qmt_folder.install_folder(os.path.join(folder, "bin.x64", "XtItClient.exe")) == folder


def test_a_folder_without_qmt_is_none(tmp_path):
    assert qmt_folder.install_folder(str(tmp_path)) == "" == qmt_folder.install_folder("")


def test_the_only_qmt_is_chosen_and_named_once(tmp_path):
    folder = make_qmt(tmp_path / "QMT", "XtMiniQmt.exe")
    inside = os.path.join(folder, "bin.x64")
    assert qmt_folder.choose([], [str(tmp_path / "other"), folder, inside]) == (folder, (folder,))


def test_of_several_nobody_guesses_unless_one_runs(tmp_path):
    one, two = make_qmt(tmp_path / "one"), make_qmt(tmp_path / "two")
    assert qmt_folder.choose([], [one, two]) == ("", (one, two))
    running = os.path.join(two, "bin.x64", "XtItClient.exe")
    assert qmt_folder.choose([running], [one, two]).folder == two


def test_a_drive_that_is_not_there_is_passed_over():
    def listdir(place):
        if place != "D:\\":
            raise OSError(place)
        return ["国金QMT交易端"]

    assert qmt_folder.usual_places(listdir) == ["D:\\国金QMT交易端"]


def test_an_upgrade_keeps_to_the_folder_of_the_settings_while_qmt_lies_there(tmp_path):
    folder = make_qmt(tmp_path / "QMT")
    ini = tmp_path / "sentry.ini"
    ini.write_text(f"[qmt]\nfolder = {folder}\n", encoding="utf-8")
    assert setup_tool.configured_folder(ini) == folder
    ini.write_text("[qmt]\nfolder = D:\\gone\n", encoding="utf-8")
    assert setup_tool.configured_folder(ini) == ""
    assert setup_tool.configured_folder(tmp_path / "none.ini") == ""


# sentry.ini


def test_the_first_settings_are_the_example_in_observe_mode_with_the_qmt_folder(tmp_path):
    ini = tmp_path / "sentry.ini"
    assert first_settings.write(ini, EXAMPLE, "D:\\国金QMT交易端", False)
    read = config.load(ini)
    assert read.qmt_folder == "D:\\国金QMT交易端" and read.receiver == ""
    assert b"\r\nmode = observe\r\n" in ini.read_bytes()


def test_existing_settings_stay_as_they_are(tmp_path):
    ini = tmp_path / "sentry.ini"
    ini.write_bytes(b"[sentry]\nmachine = mine\n")
    assert not first_settings.write(ini, EXAMPLE, "D:\\QMT", False)
    assert ini.read_bytes() == b"[sentry]\nmachine = mine\n"


def test_a_folder_that_the_owner_names_is_put_into_existing_settings(tmp_path):
    ini = tmp_path / "sentry.ini"
    ini.write_bytes("; 我的\r\n[qmt]\r\nfolder = C:\\old ; 旧\r\nlook_every = 3\r\n".encode())
    assert first_settings.write(ini, EXAMPLE, "D:\\QMT", True)
    assert ini.read_bytes() == "; 我的\r\n[qmt]\r\nfolder = D:\\QMT\r\nlook_every = 3\r\n".encode()


@pytest.mark.parametrize("text", ["", "[sentry]\nmachine = a\n", "[qmt]", "\ufeff[qmt]\nnames = a.exe\n[host]\n"])
def test_a_value_finds_its_section_wherever_that_is(text):
    new = first_settings.with_value(text, "qmt", "folder", "D:\\QMT")
    assert config.parse(new.lstrip("\ufeff"), "sentry.ini").qmt_folder == "D:\\QMT"
    assert all(line in new for line in text.splitlines())


# The package


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "app" / "dingtou"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "flags.py").write_text("new")
    return folder


def test_the_package_is_replaced_as_a_whole(tmp_path, source):
    target = tmp_path / "site-packages" / "dingtou"
    target.mkdir(parents=True)
    (target / "flags.py").write_text("old")
    (target / "gone.py").write_text("old")
    qmt_package.install(str(source), str(target.parent))
    assert {file.name for file in target.iterdir()} == {"flags.py", qmt_package.MARK}
    assert (target / "flags.py").read_text() == "new"
    assert [file.name for file in target.parent.iterdir()] == ["dingtou"]


def test_somebody_elses_package_of_that_name_is_left_alone(tmp_path, source):
    target = tmp_path / "site-packages" / "dingtou"
    target.mkdir(parents=True)
    (target / "theirs.py").write_text("x")
    with pytest.raises(FileExistsError):
        qmt_package.install(str(source), str(target.parent))
    assert qmt_package.remove(str(target.parent))
    assert (target / "theirs.py").exists()


def test_where_the_new_package_cannot_take_its_place_the_old_one_is_back(tmp_path, source, monkeypatch):
    site = tmp_path / "site-packages"
    site.mkdir()
    qmt_package.install(str(source), str(site))
    (site / "dingtou" / "flags.py").write_text("old")
    rename = os.rename

    def fail(old, new):
        if old.endswith(".new"):
            raise PermissionError(13, "held")
        rename(old, new)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(PermissionError):
        qmt_package.install(str(source), str(site))
    assert (site / "dingtou" / "flags.py").read_text() == "old"
    assert [file.name for file in site.iterdir()] == ["dingtou"]


def test_ours_is_removed(tmp_path, source):
    qmt_package.install(str(source), str(tmp_path))
    assert qmt_package.remove(str(tmp_path))
    assert not (tmp_path / "dingtou").exists()


# A running copy


class Copies:
    """Processes that end when asked, when killed, or never; and a clock that moves by sleeping."""

    def __init__(self, pids, ends_when_asked=True, can_be_killed=True):
        self.pids, self.killed, self.now = list(pids), [], 0.0
        self._ends_when_asked, self._can_be_killed = ends_when_asked, can_be_killed

    def ask(self):
        if self._ends_when_asked:
            self.pids = []

    def kill(self, pid):
        self.killed.append(pid)
        if self._can_be_killed:
            self.pids.remove(pid)

    def sleep(self, seconds):
        self.now += seconds

    def stop(self):
        return running_copy.stop(self.ask, lambda: list(self.pids), self.kill, self.sleep, lambda: self.now)


def test_a_copy_that_ends_when_asked_is_not_killed():
    copies = Copies([7])
    assert copies.stop() and copies.killed == []


def test_a_copy_that_does_not_end_is_killed():
    copies = Copies([7, 8], ends_when_asked=False)
    assert copies.stop() and copies.killed == [7, 8]


def test_a_copy_that_cannot_be_killed_is_told():
    assert not Copies([7], ends_when_asked=False, can_be_killed=False).stop()


# What is packed


def test_a_build_without_tls_or_sqlite_is_refused():
    whole = [f"{name}-1.dll" for name in bundle.NEEDED]
    bundle.check(whole)
    for name in bundle.NEEDED:
        with pytest.raises(bundle.Incomplete, match=name):
            bundle.check([file for file in whole if not file.startswith(name)])


def test_windows_own_libraries_stay_out():
    rows = [("api-ms-win-crt-math-l1-1-0.dll", "", ""), ("psutil\\_psutil_windows.pyd", "", "")]
    assert bundle.wanted(rows) == rows[1:]


def test_every_bundled_package_brings_its_licence():
    text = notices.text(["pystray._win32", "PIL.Image", "psutil", "requests", "json"], always=())
    for part in (
        "pystray 0",
        "pillow 10",
        "psutil 7",
        "requests 2",
        "OpenSSL License",
        "GNU LESSER GENERAL",
        "PYTHON SOFTWARE FOUNDATION",
    ):
        assert part.lower() in text.lower()


def test_the_version_is_three_numbers():
    assert version_info.numbers("1.2.30") == (1, 2, 30, 0)
    version_info.numbers(VERSION)
    for wrong in ("1.2", "1.2.3rc1", "v1.2.3", "1.2.3\n"):
        with pytest.raises(ValueError, match="three numbers"):
            version_info.numbers(wrong)


def test_the_manifest_asks_for_no_rights_and_is_sharp_on_a_scaled_screen():
    from xml.etree import ElementTree

    root = ElementTree.parse(os.path.join(os.path.dirname(bundle.__file__), "program.manifest")).getroot()
    found = {part.tag.rpartition("}")[2]: part for part in root.iter()}
    assert found["requestedExecutionLevel"].get("level") == "asInvoker"
    assert found["dpiAwareness"].text == "PerMonitorV2, PerMonitor"
    assert found["longPathAware"].text == "true"
