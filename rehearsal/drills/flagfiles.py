"""Order flag files written by a drill in the strategy's place: append-only lines, each fsynced."""

import json
import os
import time

from rehearsal.clock import SHANGHAI_OFFSET


def flag_id(number, now, code="510300"):
    """YYYYMMDD-CODE-B-NN."""
    return f"{time.strftime('%Y%m%d', time.gmtime(now + SHANGHAI_OFFSET))}-{code}-B-{number:02d}"


def append_state(home, flag, state, now, **more):
    """One more state of an order; its first line names it, as the strategy's own files do."""
    folder = home / "flags" / flag[:8]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{flag}.jsonl"
    named = {} if path.exists() else {"id": flag}
    line = json.dumps({"state": state, **named, "at": now, **more}, ensure_ascii=True) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode("utf-8"))
        os.fsync(handle)
    finally:
        os.close(handle)
