"""A client in a forked child, the broker in the parent: a child may end by os._exit at any line, the account lives on.

    status = run_in_child(world, work)      # work(world) runs in the child: make a Client, mount, start, run, die

In the child `world.broker` stands for the parent's over a pipe. The parent answers until the child is gone, then its
clock stands where the child's last call was. Behaviours switched in the child stay in the child: switch them before.
Unix only (os.fork).
"""

import multiprocessing
import os
import sys
import traceback
from typing import Any, Callable

from .world import World


class RemoteBroker:
    """The methods of a Broker at the other end of a connection; what they return are copies."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*args: Any) -> Any:
            self._connection.send((name, args))
            return self._connection.recv()

        return ask


def run_in_child(world: World, work: Callable[[World], Any]) -> int:
    """work(world) in a forked child; returns its exit status: 0 when work came to its end, 99 when it raised (the
    traceback goes to stderr), else what it gave to os._exit, or minus the number of the signal that ended it."""
    here, there = multiprocessing.Pipe()
    world.clients += 1
    child = os.fork()
    if child == 0:
        status = 99
        try:
            here.close()
            world.broker = RemoteBroker(there)
            work(world)
            status = 0
        except BaseException:  # nothing may escape into the parent's code, of which this process is a copy
            traceback.print_exc(file=sys.__stderr__)
        os._exit(status)
    there.close()
    _answer(world, here)
    _, ended = os.waitpid(child, 0)
    return -os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else os.WEXITSTATUS(ended)


def _answer(world: World, connection: Any) -> None:
    """Do what the child asks of the broker, until the child is gone."""
    clock: Any = world.clock
    while True:
        try:
            name, args = connection.recv()
        except (EOFError, ConnectionResetError):
            break
        if name in ("submit", "advance", "cancel"):
            clock.set(args[-1])
        try:
            connection.send(getattr(world.broker, name)(*args))
        except BrokenPipeError:
            break
    connection.close()
