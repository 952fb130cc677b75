"""`python -m rehearsal.phone`: the phone as a process. Prints `phone ready http=PORT smtp=PORT` and stays."""

import argparse
import signal
import time

from rehearsal.phone.server import Phone


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wecom-key", required=True)
    parser.add_argument("--pushplus-token", required=True)
    parser.add_argument("--mail-user", required=True)
    parser.add_argument("--mail-password", required=True)
    options = parser.parse_args()
    phone = Phone(options.wecom_key, options.pushplus_token, options.mail_user, options.mail_password)
    stopped = []  # not an Event: setting one in a handler while the same thread waits on it can deadlock
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    print(f"phone ready http={phone.http_port} smtp={phone.smtp_port}", flush=True)
    try:
        while not stopped:
            time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    phone.close()


if __name__ == "__main__":
    main()
