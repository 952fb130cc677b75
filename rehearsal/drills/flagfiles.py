"""Order flag files written by a drill in the strategy's place: append-only lines, each fsynced."""

import json
import os
import time

from rehearsal.clock import SHANGHAI_OFFSET


def flag_id(number, now, code="510300"):
    """YYYYMMDD-CODE-B-NN."""
    return f"{time.strftime('%Y%m%d', time.gmtime(now + SHANGHAI_OFFSET))}-{code}-B-{number:02d}"


def append_state(home, flag, state, now, **more):
    """One more state of an order."""
    folder = home / "flags" / flag[:8]
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(dict(more, state=state, at=now), ensure_ascii=False) + "\n"
    handle = os.open(folder / f"{flag}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode("utf-8"))
        os.fsync(handle)
    finally:
        os.close(handle)
