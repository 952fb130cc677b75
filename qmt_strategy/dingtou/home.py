"""The sentry's home folder on this PC (docs/protocol.md, section 1)."""

import os
from typing import Mapping


def folder(environ: Mapping[str, str] = os.environ) -> str:
    """%QMT_SENTRY_HOME%, else %LOCALAPPDATA%\\QMTSentry, else ~/.local/share/qmt-sentry, as an absolute path."""
    named = environ.get("QMT_SENTRY_HOME", "").strip()
    if named:
        return os.path.abspath(os.path.expanduser(named))
    local = environ.get("LOCALAPPDATA", "").strip()
    if local:
        return os.path.join(local, "QMTSentry")
    return os.path.join(os.path.expanduser("~"), ".local", "share", "qmt-sentry")
