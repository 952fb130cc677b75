"""`python -m tray_app [--headless] [--home DIR]`."""

import sys

from tray_app.app import main

if __name__ == "__main__":
    sys.exit(main())
