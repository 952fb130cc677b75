"""A client that dies in a forked child leaves its orders with the broker in the parent."""

import os

import pytest

from rehearsal.qmt.client import Client
from rehearsal.qmt.forked import run_in_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

DYING = b"""#coding:gbk
import os
def handlebar(C):
    if C.is_last_bar() and not get_trade_detail_data(account, 'STOCK', 'ORDER'):
        passorder(23, 1101, account, '510300.SH', 3, 0, 1000, 'grid', 1, 'my-id', C)
        os._exit(7)
"""
LOOKING = b"""#coding:gbk
import os
def handlebar(C):
    if C.is_last_bar():
        os._exit(10 + len([o for o in get_trade_detail_data(account, 'STOCK', 'ORDER') if o.m_strRemark == 'my-id']))
"""


def running(source, seconds=60):
    def work(world):
        client = Client(world)
        client.mount("dying", source)
        client.start()
        client.tick(world.now() + seconds)

    return work


def test_the_order_of_a_client_that_died_is_in_the_parents_book(world):
    made = world()
    began = made.now()
    assert run_in_child(made, running(DYING)) == 7
    assert [order.request.remark for order in made.broker.orders] == ["my-id"]
    assert made.now() == began + 60
    made.run_to(made.now() + 60)
    assert made.broker.orders[0].status == 56


def test_the_next_client_finds_it(world):
    made = world()
    run_in_child(made, running(DYING))
    assert run_in_child(made, running(LOOKING)) == 11


def test_a_child_that_comes_to_its_end_or_raises_says_so(world, capfd):
    made = world()
    assert run_in_child(made, lambda world: None) == 0
    assert run_in_child(made, lambda world: 1 / 0) == 99
    assert "ZeroDivisionError" in capfd.readouterr().err
