"""The bookkeeping of the replayed power cuts: what counts as lost, superseded, doubled; and HTTP without sockets."""

import pytest
import requests

from rehearsal.powercut.inprocess import ANSWER_LOST, DOWN, Line, call
from rehearsal.powercut.promises import Promises, stored_of


def stored(*tokens, ids=()):
    """A store with one event for each token, and empty events with the given ids."""
    events = [(f"event-{number}", {"deep": [{"text": token}]}) for number, token in enumerate(tokens)]
    return stored_of(events + [(event_id, {}) for event_id in ids])


def test_a_promise_that_the_store_does_not_keep_is_broken():
    promises = Promises()
    kept, lost = promises.new_token(), promises.new_token()
    promises.answered_yes(5, "spool", kept)
    promises.answered_yes(9, "flag", lost)
    assert [promise.key for promise in promises.broken(10, stored(kept))] == [lost]


def test_what_was_not_yet_promised_at_the_cut_is_not_owed():
    promises = Promises()
    promises.answered_yes(9, "spool", promises.new_token())
    assert promises.broken(8, stored()) == []
    assert len(promises.broken(9, stored())) == 1


def test_a_heartbeat_counts_as_delivered_if_a_newer_one_of_its_group_is():
    promises = Promises()
    old, new, other = promises.new_token("qmt"), promises.new_token("qmt"), promises.new_token("server")
    promises.answered_yes(1, "inbox", old)
    assert promises.broken(2, stored(new)) == []
    assert len(promises.broken(2, stored(other))) == 1


def test_an_older_heartbeat_does_not_stand_for_a_newer_one():
    promises = Promises()
    old, new = promises.new_token("qmt"), promises.new_token("qmt")
    promises.answered_yes(1, "inbox", new)
    assert len(promises.broken(2, stored(old))) == 1


def test_what_is_no_heartbeat_is_never_superseded():
    promises = Promises()
    first, second = promises.new_token(), promises.new_token()
    promises.answered_yes(1, "spool", first)
    assert len(promises.broken(2, stored(second))) == 1


def test_an_id_that_the_receiver_accepted_must_be_there_itself():
    promises = Promises()
    promises.answered_yes(1, "receiver", "id-a")
    assert promises.broken(2, stored(ids=["id-a"])) == []
    assert len(promises.broken(2, stored(ids=["id-b"]))) == 1


def test_a_token_in_two_events_is_doubled_and_twice_in_one_is_not():
    token = Promises().new_token()
    assert stored_of([("a", {"x": token, "y": token})]).doubled() == []
    assert stored_of([("a", {"x": token}), ("b", {"y": [token]})]).doubled() == [token]


# ---- HTTP without sockets


def echo(environ, start_response):
    start_response("201 Created", [("X-Method", environ["REQUEST_METHOD"]), ("X-Query", environ["QUERY_STRING"])])
    return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])), environ.get("HTTP_X_THING", "").encode()]


def test_a_wsgi_program_is_called_with_path_headers_and_body():
    answer = call(echo, "POST", "/a?b=c", b"body ", {"X-Thing": "thing"})
    assert answer == (201, {"X-Method": "POST", "X-Query": "b=c"}, b"body thing")


def test_requests_go_over_the_line_and_come_back():
    heard = []
    line = Line(heard.append)
    line.app = echo
    with line.carries_requests(), requests.Session() as session:
        answer = session.post("http://receiver.invalid/path", data=b"hello", stream=True)
        assert b"".join(answer.iter_content(100)) == b"hello"
    assert (answer.status_code, answer.headers["x-method"]) == (201, "POST")
    assert [one.status for one in heard] == [201]


def test_a_cut_line_lets_nothing_through():
    heard = []
    line = Line(heard.append)
    line.app, line.state = echo, DOWN
    with line.carries_requests(), pytest.raises(requests.exceptions.ConnectionError):
        requests.post("http://receiver.invalid/")
    assert heard == []


def test_a_lost_answer_was_heard_by_the_receiver():
    heard = []
    line = Line(heard.append)
    line.app, line.state = echo, ANSWER_LOST
    with line.carries_requests(), pytest.raises(requests.exceptions.ReadTimeout):
        requests.post("http://receiver.invalid/", data=b"x")
    assert len(heard) == 1
