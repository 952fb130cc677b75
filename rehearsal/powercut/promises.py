"""What was answered yes and when, and whether the receiver has it. Pure bookkeeping.

Every post carries a token of its own somewhere in its data, so that it is recognised wherever it ends up: ids will not
do, because the inbox makes them, and two ids for one post is just what "doubled" means.
"""

import collections
import json
import re
from typing import Any, Counter, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

_TOKEN = re.compile(r"token-\d{6}")


class Promise(NamedTuple):
    """`moment`: number of recorded events when the yes was there. `key`: a token; an id where the receiver said yes."""

    moment: int
    by: str  # spool, flag, inbox, receiver
    key: str


class Promises:
    """Fills while the recording runs."""

    def __init__(self) -> None:
        self.posts = 0  # made, answered yes or not
        self.made: List[Promise] = []
        self._groups: Dict[str, str] = {}  # token of a heartbeat -> the key under which a newer one replaces it

    def new_token(self, group: Optional[str] = None) -> str:
        """For one more post. Tokens rise. `group`: it is a heartbeat, and a newer one of the same group replaces it."""
        self.posts += 1
        token = f"token-{self.posts:06d}"
        if group is not None:
            self._groups[token] = group
        return token

    def answered_yes(self, moment: int, by: str, key: str) -> None:
        self.made.append(Promise(moment, by, key))

    def before(self, moment: int) -> List[Promise]:
        return [promise for promise in self.made if promise.moment <= moment]

    def broken(self, moment: int, stored: "Stored") -> List[Promise]:
        """Promises given before `moment` that the receiver's store does not keep."""
        newest: Dict[str, str] = {}
        for token in stored.tokens:
            if token in self._groups:
                newest[self._groups[token]] = max(token, newest.get(self._groups[token], token))
        return [promise for promise in self.before(moment) if not self._kept(promise, stored, newest)]

    def _kept(self, promise: Promise, stored: "Stored", newest: Dict[str, str]) -> bool:
        if promise.by == "receiver":
            return promise.key in stored.ids
        if stored.tokens[promise.key]:
            return True
        group = self._groups.get(promise.key)
        return group is not None and newest.get(group, "") > promise.key


class Stored(NamedTuple):
    """What the receiver has: ids, and how many events carry each token."""

    ids: FrozenSet[str]
    tokens: Counter[str]

    def doubled(self) -> List[str]:
        return sorted(token for token, count in self.tokens.items() if count > 1)


def stored_of(events: Iterable[Tuple[str, Any]]) -> Stored:
    """From (id, data) of the receiver's events."""
    ids = []
    tokens: Counter[str] = collections.Counter()
    for event_id, data in events:
        ids.append(event_id)
        tokens.update(set(_TOKEN.findall(json.dumps(data))))
    return Stored(frozenset(ids), tokens)
