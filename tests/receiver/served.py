"""A receiver behind a real cheroot on a free port, in this process."""

import threading

from receiver import receiver as program
from tests.receiver.receiver_bench import OLD_TOKEN, PASSWORD, TOKEN, Bench


class Served(Bench):
    def __init__(self, folder, tls=None, **ini):
        super().__init__(folder, **ini)
        self.doors = program.Doors(self.receiver)
        self.server = program.make_server(self.doors.app, "127.0.0.1", 0, tls)
        self.server.expiration_interval = 0.02  # so that it stops at once
        self.server.prepare()
        self.port = self.server.bind_addr[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.server.stop()
        self.thread.join(10)
        self.receiver.store.close()

    @property
    def events_url(self):
        return self.url + "/api/v1/events"

    @property
    def bearer(self):
        return {"Authorization": "Bearer " + TOKEN}

    @property
    def old_url(self):
        return f"{self.url}/api?token={OLD_TOKEN}"

    def envelope(self, *events, **changes):
        return {"machine": "mini-pc", "run": "r", "sent_at": self.time, "waiting": 0, "events": list(events), **changes}

    def log_in(self, session):
        answer = session.post(self.url + "/login", data={"password": PASSWORD}, timeout=30)
        assert answer.status_code == 200
        return answer.text
