"""`python -m qmt_strategy.backtest fetch|run|sweep|compare`."""

import sys

from .commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
