"""A world: the strategy against a tiny QMT. What the modules remember of other tests is forgotten."""

import glob
import json
import os
import shutil
import tempfile

import pytest

from qmt_strategy.dingtou import instance, notices
from tests.orders import phone_words
from tests.orders import world as worlds


@pytest.fixture
def home():
    # In memory where that can be: these tests sync thousands of files, and a power cut is not what they are about.
    folder = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    yield folder
    told = [(text, phone_words.faults(text)) for text in _told(folder)]
    shutil.rmtree(folder, ignore_errors=True)
    assert not [each for each in told if each[1]], "what a test made the strategy tell is not fit for a phone"


def _told(folder):
    """The texts of every notice, without the words of a counter or of QMT itself in them."""
    for path in glob.glob(os.path.join(folder, "spool", "*strategy.notice.json")):
        with open(path, "rb") as file:
            data = json.loads(file.read().decode("utf-8"))["data"]
        for text in [data["text"], data.get("why", "")] + list(data.get("funds", {}).values()):
            yield text.replace(data.get("reason") or "\0", "")


@pytest.fixture(autouse=True)
def _a_new_process():
    notices._told.clear()
    instance._newest.clear()
    worlds.forget_plans()


@pytest.fixture
def fresh(home):
    """A world whose strategy has not been started."""
    return worlds.World(home)


@pytest.fixture
def world(fresh):
    """Trading has begun: funds started from cell 0 at 09:30 on a Monday, prices at the average."""
    fresh.start().run(120)
    assert not fresh.errors() and fresh.cell() == 0
    return fresh
