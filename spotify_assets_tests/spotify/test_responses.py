"""The judgement of answers: every status and body has a meaning, and none makes it stumble."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.spotify.responses import Meaning, Reply, judge, retry_after
from spotify_assets_tests.spotify.conftest import START

names = st.sampled_from(["error", "message", "reason"])
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner))
bodies = st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode())


@settings(max_examples=500, deadline=None)
@given(st.integers(100, 599), bodies, st.none() | st.text(max_size=12))
def test_every_answer_has_a_meaning(status: int, body: bytes, header: str | None) -> None:
    verdict = judge(Reply(status, {"Retry-After": header} if header is not None else {}, body), START)

    assert isinstance(verdict.meaning, Meaning)
    assert verdict.said
    assert (verdict.value is not None) == (verdict.meaning is Meaning.GOOD)
    assert verdict.meaning is not Meaning.GOOD or status == 200
    assert verdict.seconds is None or 0 <= verdict.seconds <= 7 * 86400


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
