"""Puts the dingtou package where QMT's Python finds it, and takes it away again."""

from __future__ import annotations

import os
import shutil

NAME = "dingtou"
MARK = "installed-by-qmt-sentry.txt"  # in the package: only what we put there is ever replaced or removed


def install(source: str, site_packages: str) -> None:
    """Replace site_packages/dingtou by `source` as a whole. OSError: nothing was changed. FileExistsError: a dingtou
    stands there that is not ours."""
    target = os.path.join(site_packages, NAME)
    new, old = target + ".new", target + ".old"
    if os.path.exists(target) and not _is_ours(target):
        raise FileExistsError(17, "not ours", target)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        # __pycache__ belongs to another Python than QMT's.
        shutil.copytree(source, new, ignore=shutil.ignore_patterns("__pycache__"))
        with open(os.path.join(new, MARK), "w", encoding="ascii") as file:
            file.write("Put here by the installer of QMT Sentry, and removed by its uninstaller.\n")
        if os.path.exists(target):
            os.rename(target, old)
        try:
            os.rename(new, target)
        except OSError:
            if os.path.exists(old):
                os.rename(old, target)
            raise
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


def remove(site_packages: str) -> bool:
    """Whether none of ours is there afterwards."""
    target = os.path.join(site_packages, NAME)
    if _is_ours(target):
        shutil.rmtree(target, ignore_errors=True)
    return not _is_ours(target)


def _is_ours(folder: str) -> bool:
    # A copy made by hand, as the guide of earlier versions said, holds our modules but no mark.
    return os.path.exists(os.path.join(folder, MARK)) or os.path.exists(os.path.join(folder, "flags.py"))
