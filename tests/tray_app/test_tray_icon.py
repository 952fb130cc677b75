"""The icons: each state differs from each other by its shape, not by its colour alone."""

import itertools

import pytest
from PIL import Image, ImageChops

from tray_app import icon
from tray_app.state import ICONS


def shape(state, size):
    """Black and white: the drawing on a mid-grey taskbar as a colour-blind eye would see its edges."""
    ground = Image.new("RGBA", (size, size), (128, 128, 128, 255))
    drawn = icon.draw(state, size)
    ground.paste(drawn, (0, 0), drawn)
    return ground.convert("L")


@pytest.mark.parametrize("size", icon.SIZES)
def test_each_state_differs_from_each_other_in_greyscale(size):
    for one, other in itertools.combinations(ICONS, 2):
        difference = ImageChops.difference(shape(one, size), shape(other, size))
        differing = sum(1 for value in difference.getdata() if value > 40)
        assert differing >= 0.08 * size * size, (one, other)


@pytest.mark.parametrize("size", icon.SIZES)
def test_the_outlines_of_good_bad_and_asleep_differ(size):
    """What is left when even the inner mark is too small to see."""
    outlines = {state: icon.draw(state, size).getchannel("A").point(lambda a: 255 * (a > 127)) for state in ICONS}
    for one, other in itertools.combinations(("ok", "attention", "not-trading"), 2):
        difference = ImageChops.difference(outlines[one], outlines[other])
        assert sum(1 for value in difference.getdata() if value) >= 0.08 * size * size, (one, other)


@pytest.mark.parametrize("state", ICONS)
def test_an_icon_has_its_size_and_clear_corners(state):
    for size in icon.SIZES:
        drawn = icon.draw(state, size)
        assert drawn.size == (size, size)
        assert drawn.getpixel((0, 0))[3] < 64


def test_an_ico_holds_each_size_as_it_was_drawn(tmp_path):
    path = str(tmp_path / "icon.ico")
    icon.save_ico("trouble", path)
    with Image.open(path) as ico:
        assert ico.info["sizes"] == {(size, size) for size in icon.SIZES}
        frame = ico.ico.getimage((16, 16)).convert("RGBA")
    assert ImageChops.difference(frame, icon.draw("trouble", 16)).getbbox() is None


def test_the_contact_sheet_can_be_drawn():
    assert icon.contact_sheet().size[0] > 5 * 64
