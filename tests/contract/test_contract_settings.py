"""Sections 2 and 5: the two ini files as written on the protocol page are what the programs take."""

import configparser
import re
from pathlib import Path

import pytest

from qmt_strategy.dingtou import params, settings
from receiver import receiver
from tray_app import config

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"


def block(section):
    """The indented ini text of a numbered section, with placeholders filled in."""
    text = PROTOCOL.read_text(encoding="utf-8").split(f"\n## {section}. ")[1].split("\n## ")[0]
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    secrets = re.sub(r"<([^>]*)>", lambda match: "secret-" + re.sub(r"\W+", "-", match[1]), "\n".join(lines))
    return secrets.replace("= ...", "= filled@in")


def parsed(text):
    ini = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    ini.read_string(text)
    return {name: set(ini[name]) for name in ini.sections()}


def test_the_tray_takes_the_pages_sentry_ini():
    assert config.parse(block(2), "sentry.ini").machine == "mini-pc"


def test_the_page_lists_every_key_of_the_tray():
    ours = {name: keys for name, keys in parsed(block(2)).items() if name != "strategy" and name[:5] != params.FUND}
    assert ours == {name: set(keys) for name, keys in config._VALID.items()}


def test_the_page_lists_every_key_of_the_strategy_and_its_funds_with_its_default():
    ini = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    ini.read_string(block(2))
    funds = [name for name in ini.sections() if name.startswith(params.FUND)]
    assert dict(ini["strategy"]) == {key: default for key, (default, _) in params.STRATEGY.items()}
    assert [dict(ini[name]) for name in funds] == [{key: default for key, (default, _) in params.FUND_KEYS.items()}]


def test_the_trading_strategy_takes_the_pages_sentry_ini():
    found = params.parse(block(2))
    assert list(found.problems) == []
    assert found == params.parse("")._replace(account_id=found.account_id, account_type=found.account_type)


def test_the_strategies_take_the_pages_sentry_ini():
    found = settings.parse(block(2))
    assert found.problems == []
    assert found.every == 60


EXAMPLE = (Path(config.__file__).parent / "sentry.example.ini").read_text(encoding="utf-8")


def test_the_example_sentry_ini_is_taken_by_tray_and_strategies():
    assert config.parse(EXAMPLE, "sentry.ini").machine == "mini-pc"
    assert list(params.parse(EXAMPLE).problems) == [] and not params.parse(EXAMPLE).live
    assert settings.parse(EXAMPLE).problems == []


def test_the_example_has_every_key_with_its_default_and_a_comment_above_its_group():
    ini = configparser.ConfigParser(interpolation=None)
    ini.read_string(EXAMPLE)
    wanted = {name: {key: known[0] for key, known in keys.items()} for name, keys in config._VALID.items()}
    wanted["strategy"] = {key: default for key, (default, _) in params.STRATEGY.items()}
    wanted["fund:512690.SH"] = {key: default for key, (default, _) in params.FUND_KEYS.items()}
    given = {name: dict(ini[name]) for name in ini.sections()}
    for key in ("receiver", "token"):
        assert given["sentry"].pop(key) and wanted["sentry"].pop(key) is None
    assert given == wanted
    for section in EXAMPLE.split("\n[")[1:]:
        assert re.match(r"[^]]+]\n;.*[一-鿿]", section), section[:40]


def test_tray_and_strategies_have_the_same_defaults_for_what_both_read():
    found, ours = settings.parse(""), config._VALID
    assert found.every == float(ours["heartbeat"]["every"][0])
    assert found.hours == settings.parse_hours(ours["heartbeat"]["hours"][0])
    assert found.tick_code == ours["heartbeat"]["tick_code"][0]


def test_the_receiver_takes_the_pages_receiver_ini(tmp_path):
    (tmp_path / "receiver.ini").write_text(block(5), encoding="utf-8")
    loaded = receiver.load_config(tmp_path / "receiver.ini")
    assert set(loaded.machines) == {"mini-pc"}


@pytest.mark.parametrize("section", ["receiver", "calendar", "alerts"])
def test_the_page_lists_every_key_of_the_receiver(section):
    assert parsed(block(5))[section] == set(receiver.SECTIONS[section])


def examples(path):
    """Indented ini texts of a page: each run of indented lines that begins with a section."""
    text = (PROTOCOL.parents[1] / path).read_text(encoding="utf-8")
    found = re.findall(r"(?:^    .*\n(?:^\n(?=    ))?)+", text, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found if block.startswith("    [")]


@pytest.mark.parametrize("path", ["README.md", "docs/etf-grid.md"])
def test_what_the_guides_tell_to_write_is_taken_by_the_strategy(path):
    assert examples(path)
    for text in examples(path):
        found = params.parse(text)
        assert list(found.problems) == []
        assert found.live == ("mode = live" in text)
        assert not found.live or all(fund.start for fund in found.funds)
