"""What a script may import: QMT's site-packages in front, and a broker's whitelist as an option (qmt-facts 1.9)."""

import sys
from typing import Any, Sequence


class Whitelist:
    """A meta-path finder that refuses some modules as a broker's whitelist does."""

    def __init__(self, forbidden: Sequence[str]) -> None:
        self._forbidden = tuple(forbidden)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in self._forbidden:
            raise ImportError("Forbidden: Module %s not in whitelist!" % name)


def prepare(site_packages: str, forbidden: str) -> None:
    """Make `site_packages` importable and refuse the comma-separated modules of `forbidden`."""
    if site_packages and site_packages not in sys.path:
        sys.path.insert(0, site_packages)
    names = [name.strip() for name in forbidden.split(",") if name.strip()]
    for name in names:
        sys.modules.pop(name, None)
    if names:
        sys.meta_path.insert(0, Whitelist(names))
