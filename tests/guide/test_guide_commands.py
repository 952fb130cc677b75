"""Every command of docs/guide is run as it is written, in a clean folder (clean_vps.py says what is substituted)."""

import re
import shutil
import ssl
import subprocess
import sys
import urllib.request
from datetime import date, timedelta

import pytest

from receiver import receiver as program
from rehearsal.phone.server import Phone
from tests.guide.clean_vps import DATA, CleanVps
from tests.guide.pages import ROOT, blocks, commands, inline, pages, text_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a Debian VPS")

DEPLOY = ROOT / "receiver" / "deploy"

# What cannot run here, and why. scp and ssh need a second machine; that what they carry exists is tested below.
CANNOT_RUN = {
    "scp -r receiver root@203.0.113.9:": "a second machine; CleanVps.upload does the same",
    "ssh root@203.0.113.9": "a second machine",
    "scp root@203.0.113.9:/var/lib/qmt-sentry/today.db .": "a second machine; the test copies the file",
    "scp root@203.0.113.9:/var/lib/qmt-sentry/receiver.ini .": "a second machine; the test copies the file",
    "scp today.db root@203.0.113.9:": "a second machine; the test copies the file",
}
# Code in sentences that is a command, beside those of qmt-sentry and those that stand in a block too.
SAID_ONLY = {
    "sudo -s": "a root shell",
    "timedatectl set-ntp true": "sets this machine's clock",
    "python3 run.py": "the rehearsal: has its own tests (end_to_end)",
    "Get-FileHash 文件": "PowerShell",
    "systemctl disable --now qmt-sentry": "on the old VPS: in a block of upkeep.md, with the timer",
    "systemctl enable --now qmt-sentry-backup.timer": "install.sh has run it",
}
COMMAND_WORDS = (
    "qmt-sentry ",
    "systemctl ",
    "journalctl ",
    "timedatectl ",
    "sudo ",
    "sh ",
    "python3 ",
    "Get-FileHash ",
)
NO_DOMAIN, DOMAIN, NEW_VPS = "没有域名（最省事）", "有域名", "换一台云服务器"
FIRST_HALF = ("1. 把程序传上去", "2. 安装", NO_DOMAIN, DOMAIN, "两种做法都看到")  # of server.md: before channels.md
REST = ("minipc.md", "qmt.md", "daily.md", "alarms.md", "trading.md", "questions.md", "upkeep.md", "README.md")

# What the guide says one sees: in the page, and in what the command prints.
SEEN = {
    "sh receiver/deploy/install.sh": ("已装好。下一步：qmt-sentry init", "已升级并重新启动。"),
    "qmt-sentry check": ("检查通过。",),
    "qmt-sentry backup today.db": ("已备份到 today.db",),
    "qmt-sentry restore today.db": ("已恢复。原来的数据留在",),
    "qmt-sentry test-alert": ("已收下",),
}


@pytest.fixture
def phone():
    running = Phone("the-key", "the-token", "12345@qq.com", "the-code")
    yield running
    running.close()


class Story:
    """One owner's way through the guide. `left_out`: the sections of the other choice."""

    def __init__(self, folder, phone, left_out):
        self.folder, self.phone, self.left_out = folder, phone, left_out
        self.vps = CleanVps(folder / "vps")
        self.init = ""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.vps.stop()

    def do(self, page, sections=None):
        """Its commands in their order; `sections`: only those."""
        for section, command in commands(page):
            if section in self.left_out or command in CANNOT_RUN or (sections and section not in sections):
                continue
            if section == NEW_VPS and self.vps.folder.name != "new-vps":
                self.move()
            self.command(page, command)

    def command(self, page, command):
        said = self.vps.run(coming_days(command))
        if command in SEEN:
            assert any(text in said and text in text_of(page) for text in SEEN[command]), said
        if " init " in command:
            self.init = command
            ini = self.vps.ini()
            ini.write_text(self.vps.here(ini.read_text(encoding="utf-8")), encoding="utf-8")
            assert re.search(r"^QS1\.", said, re.MULTILINE) and "密码：" in said
        if command.startswith("mv "):
            self.command(page, self.init)  # as the guide says: it is to be done anew
        if command.startswith("nano "):
            with open(str(self.vps.ini()), "a", encoding="utf-8") as ini:
                ini.write(channel_sections(self.phone))

    def move(self):
        """The old VPS has stopped; the new one is set up as the first was, and has the backup in root's home."""
        self.vps.stop()
        old, self.vps = self.vps, CleanVps(self.folder / "new-vps", port=self.vps.port)
        shutil.copy(str(old.folder / DATA / "today.db"), str(self.vps.home / "today.db"))
        self.vps.run("sh receiver/deploy/install.sh")
        self.command("server.md", self.init)

    def set_up(self):
        """server.md, with channels.md where it sends one there."""
        self.do("server.md", FIRST_HALF)
        self.do("channels.md")
        self.do("server.md", [section for section, _ in commands("server.md") if section not in FIRST_HALF])


def channel_sections(phone):
    """The guide's ini blocks, filled in; the vendors' addresses are the simulated phone's."""
    text = "\n".join("\n".join(block.lines) for block in blocks("channels.md") if block.kind == "ini")
    http = f"http://127.0.0.1:{phone.http_port}"
    for old, new in {
        "465": str(phone.smtp_port),  # first: the next lines bring in a port that may have these digits in it
        "这里换成 key= 后面的部分": f"the-key\nurl = {http}/cgi-bin/webhook/send",
        "这里换成您的 token": f"the-token\nurl = {http}/send\n",
        "这里换成 16 位授权码": "the-code",
        "smtp.qq.com": "127.0.0.1",
        "security = ssl": "security = none",
    }.items():
        assert old in text
        text = text.replace(old, new)
    return "\n" + text + "\n"


def coming_days(command):
    """Dates of the guide grow old: the n-th different one becomes the n-th Monday from next week on."""
    monday = date.today() + timedelta(days=14 - date.today().weekday())
    found = sorted(set(re.findall(r"\b20\d\d-\d\d-\d\d\b", command)))
    for number, day in enumerate(found):
        command = command.replace(day, (monday + timedelta(days=7 * number)).isoformat())
    return command


def titles(phone):
    return [entry["shown"]["title"] for entry in phone.inbox.log() if entry["shown"]]


def test_without_a_domain_every_command_of_the_guide_does_what_the_guide_says(tmp_path, phone):
    with Story(tmp_path, phone, left_out=[DOMAIN]) as story:
        story.set_up()
        assert sum("测试告警" in title for title in titles(phone)) == 3
        trusting = ssl.create_default_context(cafile=str(story.vps.folder / DATA / "certificate.pem"))
        with urllib.request.urlopen(
            f"https://127.0.0.1:{story.vps.port}/healthz", context=trusting, timeout=30
        ) as page:
            assert page.status == 200
        for page in REST:
            story.do(page)


def test_with_a_domain_caddy_and_the_receiver_are_set_up_for_each_other(tmp_path, phone):
    with Story(tmp_path, phone, left_out=[NO_DOMAIN]) as story:
        story.do("server.md", FIRST_HALF)
        caddy = (story.vps.folder / "etc/caddy/Caddyfile").read_text(encoding="utf-8")
        assert re.search(r"^sentry\.test \{", caddy, re.MULTILINE)
        assert f"reverse_proxy 127.0.0.1:{story.vps.port}" in caddy
        ini = story.vps.ini().read_text(encoding="utf-8")
        assert f"listen = 127.0.0.1:{story.vps.port}" in ini and "public_url = https://sentry.test" in ini


def test_no_command_of_the_guide_is_left_out_of_both_ways():
    assert {*pages()} == {"server.md", "channels.md", *REST}
    assert {block.kind for page in pages() for block in blocks(page)} <= {"sh", "ini", "text"}
    there = {section for page in pages() for section, _ in commands(page)}
    assert {*FIRST_HALF, NEW_VPS} <= there
    written = {command for page in pages() for _, command in commands(page)}
    assert {*CANNOT_RUN, *SEEN} <= written


@pytest.mark.parametrize("page", pages())
def test_no_block_is_half_for_ones_own_computer_and_half_for_the_vps(page):
    for block in blocks(page):
        at_home = {line.startswith(("scp ", "ssh ")) for line in block.lines if line}
        assert block.kind != "sh" or len(at_home) == 1, block.lines


def test_a_fresh_vps_knows_no_package_before_it_was_told_of_them():
    written = [command for _, command in commands("server.md")]
    asked = [number for number, command in enumerate(written) if command.startswith("apt-get install")]
    assert asked and all(written[number - 1] == "apt-get update" for number in asked)


@pytest.mark.parametrize("page", pages())
def test_commands_within_sentences_are_real(page):
    in_blocks = {command for each in pages() for _, command in commands(each)}
    for code in inline(page):
        if not code.startswith(COMMAND_WORDS) or code in in_blocks or code in SAID_ONLY:
            continue
        words = code.split()
        if words[0] == "qmt-sentry":
            values = {"某某": "check", "名字": "mini-pc"}
            program.parse_arguments([values.get(word, word) for word in words[1:]])  # SystemExit if it is not one
        else:
            assert words[0] in ("systemctl", "journalctl") and "qmt-sentry" in words, f"{page}: {code} is in no list"


def test_the_versions_that_are_installed_are_those_that_were_tested():
    pins = re.findall(
        r"^(?:bottle|cheroot)==.*$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(pins) == 2
    script = (DEPLOY / "install.sh").read_text(encoding="utf-8")
    assert re.findall(r"(?:bottle|cheroot)==\S+", script) == pins


def test_install_may_be_run_again_and_mends_a_broken_environment(tmp_path):
    vps = CleanVps(tmp_path / "vps")
    vps.run("sh receiver/deploy/install.sh")
    program_folder = vps.folder / "opt/qmt-sentry"
    (program_folder / "bin/pip").unlink()  # as after an upgrade of Debian, whose Python it was
    vps.run("sh receiver/deploy/install.sh")
    assert (program_folder / "bin/pip").exists() and (program_folder / "receiver.py").exists()


def initialised(folder):
    vps = CleanVps(folder)
    vps.run("sh receiver/deploy/install.sh")
    vps.run("qmt-sentry init --public-url https://203.0.113.9:8780 --listen 127.0.0.1:8780")
    return vps


def test_install_upgrades_a_receiver_that_was_installed_by_hand(tmp_path):
    with initialised(tmp_path / "vps") as vps:
        (vps.folder / "usr/local/bin/qmt-sentry").unlink()  # as the unit file said before there was an install.sh
        vps.run("systemctl start qmt-sentry")
        assert "已升级并重新启动。" in vps.run("sh receiver/deploy/install.sh")
        assert list(vps.ini().parent.glob("before-upgrade-*.db"))


def test_an_upgrade_leaves_a_receiver_stopped_that_its_owner_has_stopped(tmp_path):
    with initialised(tmp_path / "vps") as vps:
        for state in ("inactive", "failed"):  # failed: it took too long to stop, and was killed
            vps.say(state)
            said = vps.run("sh receiver/deploy/install.sh")
            assert vps.server is None and "重新启动" not in said
        [line] = [line for line in said.splitlines() if "接收端原来停着" in line]
        vps.run(line.partition("要启动：")[2])
        assert vps.server is not None


def test_an_upgrade_starts_a_receiver_that_kept_crashing(tmp_path):
    with initialised(tmp_path / "vps") as vps:
        vps.say("activating")  # systemd waits for RestartSec
        assert "已升级并重新启动。" in vps.run("sh receiver/deploy/install.sh")
        assert vps.server is not None


def test_the_services_user_can_run_the_program_that_a_careful_root_installed(tmp_path):
    vps = CleanVps(tmp_path / "vps")
    vps.run("umask 077; sh receiver/deploy/install.sh")
    program_folder = vps.folder / "opt/qmt-sentry"
    assert [oct(path.stat().st_mode & 0o005) for path in (program_folder, program_folder / "bin")] == ["0o5", "0o5"]


def test_install_needs_no_file_that_is_not_uploaded():
    script = (DEPLOY / "install.sh").read_text(encoding="utf-8")
    for name in (
        "receiver.py",
        *re.findall(r"deploy/([\w.-]+)", script.split("set -eu")[1]),
        *re.findall(r"qmt-sentry[\w-]*\.(?:service|timer)", script),
    ):
        assert (DEPLOY / name).exists() or (DEPLOY.parent / name).exists(), name


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_systemd_understands_the_units(tmp_path):
    vps = CleanVps(tmp_path / "vps")
    vps.run("sh receiver/deploy/install.sh")
    units = sorted((tmp_path / "vps/etc/systemd/system").iterdir())
    assert [unit.name for unit in units] == [
        "qmt-sentry-backup.service",
        "qmt-sentry-backup.timer",
        "qmt-sentry.service",
    ]
    done = subprocess.run(["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True, timeout=60)
    # Not the exit code: other units of this machine count in it.
    assert not [line for line in done.stderr.splitlines() if "qmt-sentry" in line], done.stderr


def test_caddy_hands_on_to_the_address_that_init_listens_on():
    port = program.parse_arguments(["init"]).listen
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert f"reverse_proxy {port} " in text and "sentry.example.com {" in text
