"""The judgement of answers: every status and body has a meaning, and none makes it stumble."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.spotify.responses import Meaning, Reply, judge, retry_after, strict_json
from spotify_assets_tests.spotify.conftest import START

names = st.sampled_from(["error", "message", "reason"])
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner))
bodies = st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode())


@settings(max_examples=250, deadline=None)
@given(st.integers(100, 599), bodies, st.none() | st.text(max_size=12))
def test_every_answer_has_a_meaning(status: int, body: bytes, header: str | None) -> None:
    verdict = judge(Reply(status, {"Retry-After": header} if header is not None else {}, body), START)

    assert isinstance(verdict.meaning, Meaning)
    assert verdict.said
    assert (verdict.value is not None) == (verdict.meaning is Meaning.GOOD)
    assert verdict.meaning is not Meaning.GOOD or status == 200
    assert verdict.seconds is None or 0 <= verdict.seconds <= 7 * 86400


def reply(status: int, body: object = b"", header: str | None = None) -> Reply:
    """An answer; a body that is no bytes is sent as JSON."""
    headers = None if header is None else {"Retry-After": header}
    return Reply(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


MEANINGS = {
    "no answer": (Reply(error="no answer in 30 s"), Meaning.RETRY, "no answer in 30 s", None),
    "an object": (reply(200, {"id": "x"}), Meaning.GOOD, "HTTP 200", None),
    "nothing": (reply(200, b" \n"), Meaning.RETRY, "HTTP 200 with an empty body", None),
    "null": (reply(200, None), Meaning.GONE, "HTTP 200 (null)", None),
    "half an object": (reply(200, b'{"id": '), Meaning.RETRY, "HTTP 200 with a body that is not JSON", None),
    "too deep": (reply(200, b"[" * 100_000), Meaning.RETRY, "HTTP 200 with a body that is not JSON", None),
    "no number": (reply(200, b'{"total": NaN}'), Meaning.RETRY, "HTTP 200 with a body that is not JSON", None),
    "too large": (reply(200, b'{"total": 1e999}'), Meaning.RETRY, "HTTP 200 with a body that is not JSON", None),
    "a list": (reply(200, []), Meaning.RETRY, "HTTP 200 with a JSON list instead of an object", None),
    "a 201": (reply(201, {"id": "x"}), Meaning.RETRY, "HTTP 201 with an empty body", None),
    "a 299": (reply(299, {"id": "x"}), Meaning.RETRY, "HTTP 299 with an empty body", None),
    "a 304": (reply(304, b""), Meaning.RETRY, "HTTP 304 with an empty body", None),
    "a 300": (reply(300, b""), Meaning.RETRY, "HTTP 300, a redirect, which is not followed", None),
    "a 399": (reply(399, b""), Meaning.RETRY, "HTTP 399, a redirect, which is not followed", None),
    "a 199": (reply(199, b""), Meaning.REFUSED, "HTTP 199", None),
    "a 400": (reply(400, {"error": {"message": "Invalid id"}}), Meaning.REFUSED, "HTTP 400 (Invalid id)", None),
    "a 401": (reply(401, {"error": "expired"}), Meaning.TOKEN, "HTTP 401 (expired)", None),
    "a 404": (reply(404, {"message": "not found"}), Meaning.GONE, "HTTP 404 (not found)", None),
    "a 410": (reply(410, ["gone"]), Meaning.GONE, "HTTP 410", None),
    "a 408": (reply(408, b"<p>Too&nbsp;slow</p>"), Meaning.RETRY, "HTTP 408 (Too slow)", None),
    "a 425": (reply(425, b'{"error": '), Meaning.RETRY, "HTTP 425", None),
    "a 403": (reply(403, {"error": {"message": 7}}), Meaning.FORBIDDEN, "HTTP 403", None),
    "Premium": (reply(403, b"Active PREMIUM required"), Meaning.ACCOUNT, "HTTP 403 (Active PREMIUM required)", None),
    "a quota": (reply(403, b"Rate limit"), Meaning.COOL_DOWN, "HTTP 403 (Rate limit)", 3600.0),
    "a 500": (reply(500, b"[1]", "60"), Meaning.RETRY, "HTTP 500", 60.0),
    "a long 599": (reply(599, b"", "60.5"), Meaning.RETRY, "HTTP 599", None),
    "a 503 without a time": (reply(503), Meaning.RETRY, "HTTP 503", None),
    "a 499": (reply(499), Meaning.REFUSED, "HTTP 499", None),
    "a 600": (reply(600), Meaning.REFUSED, "HTTP 600", None),
    "a short 429": (reply(429, b"", "60"), Meaning.WAIT, "HTTP 429", 60.0),
    "a long 429": (reply(429, b"", "61"), Meaning.COOL_DOWN, "HTTP 429, Retry-After 61 s", 61.0),
    "a 429 without a time": (reply(429), Meaning.WAIT, "HTTP 429", None),
    "a spent quota": (
        reply(429, {"error": {"message": "Slow", "reason": "QUOTA_EXCEEDED"}}),
        Meaning.COOL_DOWN,
        "HTTP 429 (Slow) [QUOTA_EXCEEDED]",
        3600.0,
    ),
    "a spent quota with a time": (
        reply(429, {"error": {"reason": "QUOTA_EXCEEDED"}}, "5"),
        Meaning.COOL_DOWN,
        "HTTP 429 [QUOTA_EXCEEDED]",
        5.0,
    ),
}


@pytest.mark.parametrize(("sent", "meaning", "said", "seconds"), MEANINGS.values(), ids=MEANINGS)
def test_what_an_answer_means(sent: Reply, meaning: Meaning, said: str, seconds: float | None) -> None:
    verdict = judge(sent, START)

    assert (verdict.meaning, verdict.said, verdict.seconds) == (meaning, said, seconds)
    assert verdict.value == ({"id": "x"} if meaning is Meaning.GOOD else None)
    assert bool(verdict.remedy) == (meaning is Meaning.ACCOUNT)


def test_what_spotify_says_is_shown_on_one_line_of_200_characters_and_without_secrets() -> None:
    verdict = judge(reply(403, {"message": "of token-77\n" + "x" * 300}), START, lambda text: text.replace("77", "…"))

    assert verdict.said == "HTTP 403 (" + ("of token-… " + "x" * 300)[:200] + ")"


def test_a_number_that_is_none_is_named_in_short() -> None:
    with pytest.raises(ValueError, match=r"^1{40} is larger than a number can be$"):
        strict_json("1" * 400 + ".0")
    with pytest.raises(ValueError, match="NaN is not JSON"):
        strict_json("[NaN]")
    assert strict_json("[1.5, 2]") == [1.5, 2]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        (" 7 ", 7.0),
        ("86400000", 7 * 86400.0),
        ("inf", 7 * 86400.0),
        ("Sat, 21 Nov 2026 06:01:30 GMT", 60.0),
        ("Sat, 21 Nov 2020 06:01:30 GMT", 0.0),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(header: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": header}, START) == seconds


def test_a_date_without_a_zone_is_utc() -> None:
    assert retry_after({"Retry-After": "Sat, 21 Nov 2026 06:00:40"}, START.astimezone(dt.UTC)) == 10.0
