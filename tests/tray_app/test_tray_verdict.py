"""What each kind of answer means for a batch."""

import json

import pytest

from tests.tray_app.helpers import MONDAY_10_00, ok_body, short
from tray_app import verdict
from tray_app.verdict import Denied, Retry, Taken, TooBad

IDS = ["a", "b"]
OURS = b'{"error": "kind unknown"}'
OUR_HEADERS = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}
PAGE = b"<html>Please log in</html>"


def judge(status, body=b"", headers=None):
    return verdict.judge(status, headers or {}, body, IDS, MONDAY_10_00)


def test_a_200_of_ours_names_what_leaves():
    found = judge(200, ok_body(["a"], [{"id": "b", "error": "bad"}], now=MONDAY_10_00, ok=False, why="微信不通"))
    assert found == Taken(["a"], {"b": "bad"}, MONDAY_10_00, False, "微信不通", True)


def test_ids_that_are_not_in_the_batch_are_left_alone():
    found = judge(200, ok_body(["a", "stranger", 7], [{"id": "other", "error": "x"}, "b"]))
    assert (found.accepted, found.rejected) == (["a"], {})


@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        b"",
        b"[]",
        b"null",
        b'{"accepted": ["a", "b"]}',
        b'{"accepted": "ab", "rejected": [], "now": 1}',
        b'{"accepted": ["a"], "rejected": {}, "now": 1}',
        b'{"accepted": ["a"], "rejected": [], "now": NaN}',
        b'{"accepted": ["a"], "rejected": [], "now": true}',
        ok_body([]),
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=short,
)
def test_a_200_that_is_not_ours_is_a_retry(body):
    assert isinstance(judge(200, body), Retry)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 404, 405, 408, 425, 429, 500, 502, 503, 504, 511, 299])
def test_anything_else_is_a_retry(status):
    assert isinstance(judge(status, PAGE), Retry)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_by_the_receiver_is_about_the_events(status):
    assert judge(status, OURS, OUR_HEADERS) == TooBad("kind unknown", alone_too=True)


def test_a_proxys_400_never_sets_an_event_aside_but_its_413_does():
    assert judge(400, PAGE).alone_too is False
    assert judge(413, PAGE).alone_too is True


@pytest.mark.parametrize(
    "body, headers",
    [
        (OURS, {}),
        (OURS, {"content-type": "application/json"}),
        (OURS, {**OUR_HEADERS, "content-type": "text/html"}),
        (b'{"error": "Bad Request", "status": 400}', OUR_HEADERS),
        (b'{"error": {"code": 7}}', OUR_HEADERS),
        (b'["error"]', OUR_HEADERS),
    ],
    ids=short,
)
def test_a_gateways_own_json_400_never_sets_an_event_aside(body, headers):
    assert judge(400, body, headers).alone_too is False


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_token_is_denied(status):
    assert isinstance(judge(status, OURS), Denied)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [PAGE, b"", b'{"message": "forbidden"}', b'{"error": "x", "path": "/"}'], ids=short)
def test_a_proxys_refusal_is_not_told_as_a_wrong_token(status, body):
    found = judge(status, body, {"retry-after": "7"})
    assert isinstance(found, Retry)
    assert "token" not in found.why and found.after == 7.0


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("7", 7.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("99999999", 300.0),
        ("Mon, 05 Jan 2026 02:00:30 GMT", 30.0),
        ("soon", None),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(text, seconds):
    assert verdict.retry_after(text, MONDAY_10_00) == seconds


def test_retry_after_reaches_the_verdict():
    assert judge(503, OURS, {"retry-after": "7"}).after == 7.0


def test_missing_alerts_count_as_not_ok():
    body = json.dumps({"accepted": ["a"], "rejected": [], "now": 1.0}).encode()
    assert (judge(200, body).alerts_ok, judge(200, body).trading) == (False, None)


@pytest.mark.parametrize("failures, longest", [(1, 1.0), (2, 2.0), (3, 4.0), (7, 20.0), (500, 20.0)])
def test_backoff_is_any_time_up_to_a_doubling_bound(failures, longest):
    assert verdict.backoff(failures, 0.0) == 0.2
    assert verdict.backoff(failures, 1.0) == longest
    assert verdict.backoff(failures, 0.5) == longest / 2
