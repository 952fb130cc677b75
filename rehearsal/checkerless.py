"""python -m rehearsal.checkerless SECONDS ARGS...: the receiver with a checker thread that dies after SECONDS.

A thread cannot be killed from outside its process; this stands in for the bug that would end it.
"""

import sys
import threading

from receiver import receiver


def main():
    seconds, real = float(sys.argv[1]), receiver.Receiver.run_checker

    def run_checker(self):
        threading.Timer(seconds, self.stop_checker.set).start()
        waiting, self.stop_event.wait = self.stop_event.wait, lambda pause: self.stop_checker.is_set() or waiting(pause)
        real(self)
        self.stop_event.wait = waiting

    receiver.Receiver.stop_checker = threading.Event()
    receiver.Receiver.run_checker = run_checker
    sys.exit(receiver.main(sys.argv[2:]))


if __name__ == "__main__":
    main()
