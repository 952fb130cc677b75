"""What docs/guide names is there: pages, pictures, menu items, settings, switches."""

import configparser
import re

import pytest

from installer import first_settings
from qmt_strategy.dingtou import params, rule
from receiver import receiver as program
from tests.guide.pages import GUIDE, ROOT, blocks, inline, pages, rows, text_of
from tray_app import config, main, menu
from tray_app import strings_zh as zh

PICTURE_BYTES = 120_000
READMES = ("README.md", "README.zh-CN.md")
SENTRY_INI = (ROOT / "tray_app" / "sentry.example.ini").read_text(encoding="utf-8")  # as installed
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchor(heading):
    """As the sites that show Markdown make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        path, _, fragment = target.partition("#")
        file = (GUIDE / path).resolve() if path else GUIDE / page
        assert file.exists() and ROOT in file.parents, target
        if fragment:
            assert fragment in [anchor(heading) for heading in HEADING.findall(file.read_text(encoding="utf-8"))], (
                target
            )


def test_every_page_is_linked_from_the_first_one():
    assert [page for page in pages() if page != "README.md" and f"({page}" not in text_of("README.md")] == []


def test_both_readmes_link_the_guide_on_their_first_screen():
    for name in READMES:
        assert "docs/guide/README.md" in "\n".join((ROOT / name).read_text(encoding="utf-8").splitlines()[:12]), name


def test_pictures_are_small():
    names = {name for page in pages() for name in re.findall(r"\.\./img/([\w.-]+)", text_of(page))}
    assert names and [name for name in names if (ROOT / "docs/img" / name).stat().st_size > PICTURE_BYTES] == []


def test_every_picture_is_taken_anew_by_run_py_pictures():
    tests = [path for folder in ("browser", "windows") for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))]
    taken = "".join(path.read_text(encoding="utf-8") for path in tests)
    shown = [*map(text_of, pages()), *((ROOT / name).read_text(encoding="utf-8") for name in READMES)]
    names = {name for text in shown for name in re.findall(r"/img/([\w-]+)\.png", text)} - {"tray-icons"}
    for name in names:
        kind, _, rest = name.partition("-")
        assert name in taken or (f'"{kind}-{{' in taken and f'"{rest}"' in taken), name


def test_the_table_of_the_menu_has_every_item():
    table = " / ".join(row[0] for row in rows("daily.md"))
    items = [zh.RESTART_HEARTBEAT, zh.OPEN_DASHBOARD, zh.STOP, zh.RESUME, zh.SETTLE, zh.CANCEL_SHUTDOWN, zh.TEST_ALERT]
    items += [zh.PAUSE, zh.CONTINUE, zh.SHOW_LOGS, zh.DIAGNOSE, zh.PAIR, zh.QUIT]
    assert len(menu.ITEMS) == len(items) - 2  # two of them have two words each
    assert [item for item in items if item not in table] == []


def test_the_table_of_the_pages_has_every_page():
    table = [row[0] for row in rows("daily.md")]
    assert [kind.title for kind in program.PAGES.values() if kind.title not in table] == []


def filled_in(page, installed):
    """The sentry.ini that the installer left, with the values of the page's block: each key must be there already."""
    (text,) = ["\n".join(block.lines) for block in blocks(page) if block.kind == "ini"]
    shown = configparser.ConfigParser(interpolation=None)
    shown.read_string(text.replace("您的key", "the-key").replace("您的token", "0" * 32))
    for section in shown.sections():
        for key, value in shown[section].items():
            filled = first_settings.with_value(installed, section, key, value)
            assert filled.count("\n") == installed.count("\n"), f"[{section}] {key} is not there"
            installed = filled
    return installed


def test_the_last_resort_that_the_guide_tells_to_fill_in_is_taken():
    found = config.parse(filled_in("minipc.md", SENTRY_INI), "sentry.ini")
    assert found.last_resort_webhook and found.last_resort_pushplus


def test_the_first_fund_that_the_guide_tells_to_fill_in_is_taken_by_the_strategy():
    assert "`[fund:512690.SH]` 改成" in text_of("trading.md")
    text = filled_in("trading.md", SENTRY_INI.replace("[fund:512690.SH]", "[fund:510300.SH]"))
    found = params.parse(text)
    assert list(found.problems) == [] and found.live and [fund.code for fund in found.funds] == ["510300.SH"]
    assert all(fund.start for fund in found.funds)
    config.parse(text, "sentry.ini")  # the tray reads the same file


@pytest.mark.parametrize("page", ["guide/qmt.md", "etf-grid.md"])
def test_the_history_that_one_is_told_to_download_lets_both_sides_trade(page):
    (days,) = re.findall(r"至少 (\d+) 个交易日", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    ma = int(re.search(r"^ma = (\d+)", SENTRY_INI, re.MULTILINE).group(1))
    assert int(days) >= ma - 1 + 2 * rule.LEAST_A_SIDE


def test_switches_that_the_pages_name_are_known_to_the_programs():
    known = {option for action in main._parser()._actions for option in action.option_strings}
    asked = set(re.findall(r"`(--[\w-]+)`", (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")))
    assert asked and asked <= known
    setup = (ROOT / "installer" / "setup.nsi").read_text(encoding="utf-8")
    assert [word for word in ("/PAIRFILE=", "/QMT=", "/AUTOOFF", "/DOWNGRADE", "/PURGE") if word not in setup] == []


def test_names_of_tasks_and_start_menu_entries_are_those_of_the_installer():
    sources = "".join((ROOT / "installer" / name).read_text(encoding="utf-8") for name in ("setup.nsi", "tasks.py"))
    for name in ("检查设置", "怎样把脚本导入 QMT", "QMTSentry-Keepalive", "QMTSentry-Shutdown"):
        assert any(name in text_of(page) for page in pages())
        assert name in sources, name


def test_keys_of_receiver_ini_that_the_guide_names_exist():
    example = (ROOT / "receiver" / "receiver.example.ini").read_text(encoding="utf-8")
    named = {code.split(" =")[0] for page in pages() for code in inline(page) if re.match(r"^[a-z_]+ =( |$)", code)}
    sentry = (ROOT / "tray_app" / "sentry.example.ini").read_text(encoding="utf-8")
    assert [key for key in named if not re.search(rf"^{key} =", example + sentry, re.MULTILINE)] == []
