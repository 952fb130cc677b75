"""Stands in for the tray while a bench runs: takes posts as the tray does, with its price in disk writes.

    python -m rehearsal.bench.taker HOME

Reads the posts in HOME/spool, commits them to SQLite with synchronous=FULL, then deletes them; prints `ready` once and
runs until its standard input ends. It looks fifty times a second where the tray looks four times: the bench's day
passes a thousand times faster than a real one.
"""

import os
import sqlite3
import sys
import threading
import time

LOOK = 0.02  # seconds


def take(home: str, database: sqlite3.Connection) -> int:
    """One look; returns how many posts were taken."""
    folder = os.path.join(home, "spool")
    names = []
    for name in sorted(name for name in _listed(folder) if name.endswith(".json")):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                database.execute("INSERT INTO post VALUES (?, ?)", (name, file.read()))
        except FileNotFoundError:  # the script has removed its oldest heartbeat
            continue
        names.append(name)
    if names:
        database.commit()
    for name in names:
        try:
            os.remove(os.path.join(folder, name))
        except FileNotFoundError:
            pass  # likewise
    return len(names)


def opened(home: str) -> sqlite3.Connection:
    database = sqlite3.connect(os.path.join(home, "taken.db"))
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS post (name TEXT, raw BLOB)")
    return database


def _listed(folder: str) -> "list[str]":
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def main() -> None:
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    database = opened(sys.argv[1])
    print("ready", flush=True)
    while not over.is_set():
        take(sys.argv[1], database)
        time.sleep(LOOK)
    take(sys.argv[1], database)


if __name__ == "__main__":
    main()
