"""`python -m tray_app [--headless] [--home DIR]`, and the installed program's own start."""

import logging
import os
import sys

from tray_app import home, logs
from tray_app import strings_zh as zh


def start() -> int:
    """main(), unless a library is missing: an installed program must not end in PyInstaller's dialog even then."""
    try:
        from tray_app.main import main
    except Exception as error:
        # Whatever an incomplete program raises (ImportError, OSError of a DLL): told, logged, ended.
        logs.say(zh.BROKEN_PROGRAM.format(why=error))
        try:
            logs.start(home.Home(home.find(None, os.environ, os.path.expanduser("~"))).logs)
            logging.getLogger(__name__).critical("cannot start", exc_info=True)
        except OSError:
            pass  # no home folder yet: then there is only the exit code
        return 1
    return main()


if __name__ == "__main__":
    code = start()
    if code:
        # A crashed icon loop leaves pystray's non-daemon thread behind, which would keep a dead program alive.
        os._exit(code)
    sys.exit(0)
