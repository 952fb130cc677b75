"""Once a day, at 14:58: grid state and ledger as `file` posts, for the review of the day on the receiver."""

import hashlib
import os
from typing import Any, Dict, List

from . import disk, gridstate

LARGEST = 256 * 1024  # bytes of a post's content (docs/protocol.md, kind `file`)


def posts(home: str, ledger_path: str) -> List[Dict[str, Any]]:
    """The data of the posts; a file that is missing or cannot be read is left out: it is told elsewhere."""
    found = []
    for path in (gridstate.path(home), ledger_path):
        try:
            raw = disk.read(path)
        except OSError:
            continue
        found.append(post(os.path.basename(path), raw))
    return found


def post(name: str, raw: bytes) -> Dict[str, Any]:
    """One file's post. Of a longer CSV the head line and the newest lines that fit. Pure."""
    text = raw.decode("utf-8-sig", "replace")
    if len(text.encode("utf-8")) > LARGEST:
        head, _, rest = text.partition("\n")
        room = LARGEST - len(head.encode("utf-8")) - 1
        tail = rest.encode("utf-8")[-room:]
        text = head + "\n" + tail[tail.find(b"\n") + 1 :].decode("utf-8", "replace")
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return {"name": name, "sha256": digest, "content": text, "source": "strategy"}
