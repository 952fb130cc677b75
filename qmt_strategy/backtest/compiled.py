"""The core and the rule's own grid.py, compiled by numba when it is installed, as they are when not.

numba compiles copies: the source files are put, unchanged, into a folder of the user's cache that is named after
their contents, so that a compiled form outlives the process and never outlives a change of the rule.
"""

import functools
import hashlib
import importlib.util
import os
import sys
import tempfile
import types
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from ..dingtou import grid
from . import booking, bounding, core, pathing, valuing

SOURCES: Tuple[Any, ...] = (grid, bounding, booking, pathing, core, valuing)  # each asks only those before it
CALLED = ("day_bounds", "simulate", "equities")  # from Python; and all of grid.py
CACHE = "QMT_BACKTEST_CACHE"  # environment variable: another folder for the compiled form


class Engine(NamedTuple):
    """The functions of one form, and the containers that it wants."""

    name: str  # 'numba 0.58.1' or 'python'
    grid: Any  # modules
    bounding: Any
    core: Any
    valuing: Any

    def rows(self, table: Any) -> Any:
        """An array as this form reads it."""
        return table if self.name != "python" else table.tolist()


PLAIN = Engine("python", grid, bounding, core, valuing)
_loaded: Dict[str, Engine] = {}


def engine(wanted: str = "auto") -> Engine:
    """The compiled engine for 'numba', the plain one for 'python', the best there is for 'auto'.

    Raises ImportError where 'numba' is wanted and not installed.
    """
    if wanted == "python":
        return PLAIN
    if "numba" not in _loaded:
        try:
            _loaded["numba"] = _compile()
        except ImportError:
            if wanted == "numba":
                raise
            return PLAIN
    return _loaded["numba"]


def _compile() -> Engine:
    import numba

    sources = [_source(module) for module in SOURCES]
    folder = _folder(sources + [numba.__version__, np.__version__, sys.version])
    if not os.path.isdir(os.path.join(folder, "__pycache__")) and sys.stderr.isatty():
        print("第一次用 numba（或规则改过），正在编译，约半分钟……", file=sys.stderr)
    jit = functools.partial(numba.njit, cache=True, error_model="python")
    # Most of the core is never called from Python: wrappers for that took two fifths of the time to compile. A function
    # without one must not be: that ends the process.
    inner = functools.partial(jit, no_cpython_wrapper=True, no_cfunc_wrapper=True)
    copies: Dict[str, Any] = {}
    for module, source in zip(SOURCES, sources):
        name = module.__name__.split(".")[-1]
        copy: Any = _module("_compiled_" + name, os.path.join(folder, name + ".py"), source)
        for known, compiled in copies.items():
            if hasattr(copy, known):
                setattr(copy, known, compiled)
        if hasattr(copy, "bisect_left"):
            copy.bisect_left = inner(_bisect_left)
        _jit_all(copy, jit, inner if module is not grid else jit)
        copies[name] = copy
    called = [copies[name] for name in ("grid", "bounding", "core", "valuing")]
    return Engine("numba " + numba.__version__, *called)


def _bisect_left(values: Sequence[float], one: float) -> int:
    """bisect.bisect_left in words that numba knows."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < one:
            low = middle + 1
        else:
            high = middle
    return low


def _jit_all(module: types.ModuleType, jit: Any, inner: Any) -> None:
    """Compile the module's own functions, those in CALLED by `jit`, the others by `inner`."""
    for name, value in list(vars(module).items()):
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
            setattr(module, name, (jit if name in CALLED else inner)(value))


def _source(module: types.ModuleType) -> str:
    with open(str(module.__file__), encoding="utf-8") as file:
        return file.read()


def _folder(parts: List[str]) -> str:
    """The folder of this very source, made if need be; a temporary one where the cache cannot be written."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()[:16]
    base = os.environ.get(CACHE) or os.path.join(
        os.environ.get("LOCALAPPDATA") or os.path.join(os.path.expanduser("~"), ".cache"), "qmt-sentry-backtest"
    )
    folder = os.path.join(base, digest)
    try:
        os.makedirs(folder, exist_ok=True)
        return folder
    except OSError:
        return tempfile.mkdtemp()


def _module(name: str, path: str, text: str) -> types.ModuleType:
    """A module of `text`, which is put at `path` first: numba keeps its cache beside a file."""
    if not os.path.exists(path):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=os.path.dirname(path), delete=False) as file:
            file.write(text)
        os.replace(file.name, path)
    name = __package__ + "." + name  # so that the copy's relative imports mean the same
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # numba finds a cached function's module by its name
    spec.loader.exec_module(module)
    return module
