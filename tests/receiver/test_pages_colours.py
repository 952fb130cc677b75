"""Every colour can be read on every ground it stands on, in both themes, computed from the stylesheet itself."""

import re

import pytest

from receiver import receiver as program

PALETTES = [
    dict(re.findall(r"--(\w+):(#\w+)", block.replace("\n", "")))
    for block in re.findall(r":root\{(.*?)\}", program.STYLE, re.S)
]
TEXTS = ("text", "soft", "ok", "warn", "bad", "calm", "up", "fall", "btn")
DRAWN = ("btn", "warn", "soft", "up", "fall", "calm")


def contrast(one, two):
    """WCAG 2: from 1 to 21."""

    def light(colour):
        full = colour if len(colour) == 7 else "#" + "".join(c * 2 for c in colour[1:])
        parts = [int(full[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_right():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", TEXTS)
def test_every_colour_of_text_can_be_read(scheme, name):
    colours = PALETTES[scheme]
    for ground in ("card", "bg"):
        assert contrast(colours[name], colours[ground]) >= 4.5
    assert contrast(colours["btn"], colours["btnt"]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", DRAWN)
def test_every_line_stands_out_from_the_card(scheme, name):
    assert contrast(PALETTES[scheme][name], PALETTES[scheme]["card"]) >= 3


def test_no_text_has_a_colour_outside_the_palette():
    rest = re.sub(r":root\{.*?\}", "", program.STYLE, flags=re.S)
    assert re.findall(r"#[0-9a-f]{3,6}\b", rest) == []
