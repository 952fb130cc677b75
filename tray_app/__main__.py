"""`python -m tray_app [--headless] [--home DIR]`."""

import os
import sys

from tray_app.main import main

if __name__ == "__main__":
    code = main()
    if code:
        # A crashed icon loop leaves pystray's non-daemon thread behind, which would keep a dead program alive.
        os._exit(code)
    sys.exit(0)
