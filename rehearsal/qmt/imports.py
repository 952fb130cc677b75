"""What a script may import and which modules it shares: QMT's site-packages in front, a broker's whitelist as an
option (qmt-facts 1.9), and modules that live as long as the client.

Modules from the client's own folders (and dingtou, wherever it is found) belong to one client: two clients in one
process have each their own, a restarted client has fresh ones, and a test's own import of dingtou is another one still.
All this holds only inside `entered()`, that is while an entry point of a script runs.
"""

import contextlib
import importlib
import os
import sys
from typing import Any, Dict, Iterator, Sequence

from .behaviours import Behaviours

_ALWAYS_OWN = "dingtou"


class Whitelist:
    """A meta-path finder that refuses some modules as a broker's whitelist does."""

    def __init__(self, forbidden: Sequence[str]) -> None:
        self._forbidden = tuple(forbidden)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in self._forbidden:
            raise ImportError("Forbidden: Module %s not in whitelist!" % name)


class Imports:
    """The modules of one client. `folders`: its site-packages."""

    def __init__(self, folders: Sequence[str], behaviours: Behaviours) -> None:
        self._folders = [os.path.abspath(folder) for folder in folders]
        self._behaviours = behaviours
        self.forget()

    def forget(self) -> None:
        """The client has ended: its modules are gone."""
        self._mine: Dict[str, Any] = {}
        self._outer: Dict[str, Any] = {}
        self._outer_size = -1
        self._refusal_key: Any = None
        self._refusal = _Refused(())
        self._path = self._folders + [part for part in sys.path if part not in self._folders]
        self._own = {_ALWAYS_OWN}
        for folder in self._folders:
            if os.path.isdir(folder):
                self._own.update(name.partition(".")[0] for name in os.listdir(folder))
        importlib.invalidate_caches()

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        modules = sys.modules
        if len(modules) != self._outer_size:
            self._outer = self._found_in(modules)
        for name in self._outer:
            del modules[name]
        modules.update(self._mine)
        size = len(modules)
        path, sys.path[:] = list(sys.path), self._path
        refused = self._refuse() if self._behaviours.forbidden else None
        try:
            yield
        finally:
            if refused is not None:
                refused.restore()
            self._path, sys.path[:] = list(sys.path), path
            if len(modules) != size:
                self._mine = self._found_in(modules)
            for name in self._mine:
                modules.pop(name, None)
            modules.update(self._outer)
            self._outer_size = len(modules)

    def _found_in(self, modules: Dict[str, Any]) -> Dict[str, Any]:
        return {name: module for name, module in modules.items() if name.partition(".")[0] in self._own}

    def _refuse(self) -> "_Refused":
        key = (self._behaviours.forbidden, len(sys.modules))
        if self._refusal_key != key:
            names = [name.strip() for name in self._behaviours.forbidden.split(",") if name.strip()]
            self._refusal_key, self._refusal = key, _Refused(names)
        self._refusal.stand()
        return self._refusal


class _Refused:
    """While it stands, these modules cannot be imported, loaded before or not."""

    def __init__(self, names: Sequence[str]) -> None:
        self._finder: Any = Whitelist(names)
        self._loaded = [name for name in sys.modules if name.partition(".")[0] in names]
        self._hidden: Dict[str, Any] = {}

    def stand(self) -> None:
        self._hidden = {name: sys.modules.pop(name) for name in self._loaded if name in sys.modules}
        sys.meta_path.insert(0, self._finder)

    def restore(self) -> None:
        sys.meta_path.remove(self._finder)
        sys.modules.update(self._hidden)
