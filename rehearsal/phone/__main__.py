"""`python -m rehearsal.phone`: the phone as a process. Prints `phone ready http=PORT smtp=PORT` and stays."""

import argparse
import signal
import threading

from rehearsal.phone.server import Phone


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wecom-key", required=True)
    parser.add_argument("--pushplus-token", required=True)
    parser.add_argument("--mail-user", required=True)
    parser.add_argument("--mail-password", required=True)
    options = parser.parse_args()
    phone = Phone(options.wecom_key, options.pushplus_token, options.mail_user, options.mail_password)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    print(f"phone ready http={phone.http_port} smtp={phone.smtp_port}", flush=True)
    try:
        while not stop.wait(1.0):  # a wait without end would not let Ctrl-C through on Windows
            pass
    except KeyboardInterrupt:
        pass
    phone.close()


if __name__ == "__main__":
    main()
