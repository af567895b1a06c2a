"""Which runs are requested, as pure functions of what is needed and what became of earlier runs."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from glue_scripts.spans import days_between
from spotify_assets.automation.planning import (
    Attempt,
    Limits,
    decode_contents,
    digest,
    encode_contents,
    plan,
    ranges,
    shown,
)

DAY = dt.date(2026, 3, 1)
NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
DAYS = st.integers(0, 200).map(lambda count: DAY + dt.timedelta(days=count))
DIGESTS = st.integers(0, 3).map(lambda number: digest(str(number)))
NEEDS = st.dictionaries(DAYS, DIGESTS, max_size=60)
ATTEMPTS = st.lists(
    st.builds(
        Attempt,
        st.just("run"),
        st.dictionaries(DAYS, DIGESTS, min_size=1, max_size=30),
        st.sampled_from(["running", "failed", "cancelled", "succeeded"]),
        st.just(NOW - dt.timedelta(days=30)),
        st.booleans(),
    ),
    max_size=8,
)


@given(NEEDS, ATTEMPTS, st.sets(DAYS, max_size=40), st.sets(DAYS, max_size=40))
def test_every_date_has_exactly_one_fate_and_no_busy_one_is_touched(
    needs: dict[dt.date, str], attempts: list[Attempt], busy: set[dt.date], through: set[dt.date]
) -> None:
    found = plan(needs, attempts, busy=busy, through=through, now=NOW)
    fates = [found.requested, found.in_flight, found.resting, found.given_up, found.succeeded, found.postponed]
    assert sum(map(len, fates)) == len(needs)
    assert set().union(*fates) == set(needs)
    touched = [day for request in found.requests for day in days_between(request.first, request.last)]
    assert not set(touched) & busy
    assert len(touched) == len(set(touched))
    assert set(touched) <= set(needs) | through
    assert len(found.requests) <= Limits().runs_per_tick


@given(NEEDS, ATTEMPTS)
def test_what_succeeded_is_never_asked_for_again(needs: dict[dt.date, str], attempts: list[Attempt]) -> None:
    done = {(day, what) for each in attempts if each.outcome == "succeeded" for day, what in each.contents.items()}
    found = plan(needs, attempts, busy=set(), through=(), now=NOW)
    assert not {(day, needs[day]) for day in found.requested} & done


@given(NEEDS)
def test_a_failed_plan_is_asked_for_under_other_keys_for_as_long_as_it_fails(needs: dict[dt.date, str]) -> None:
    attempts: list[Attempt] = []
    keys: set[str] = set()
    now, limits = NOW, Limits(runs_per_tick=1000)
    for number in range(10):
        found = plan(needs, attempts, busy=set(), through=(), now=now, limits=limits)
        for request in found.requests:
            assert request.key not in keys, "Dagster would ignore it"
            keys.add(request.key)
            attempts.append(Attempt(f"r{number}", request.contents, "failed", ended_at=now))
        now += dt.timedelta(days=3)
        assert found.requested == set(needs)


@given(NEEDS)
def test_contents_are_read_back(needs: dict[dt.date, str]) -> None:
    assert decode_contents(encode_contents(needs)) == needs


@given(st.text(max_size=50))
def test_a_foreign_tag_is_no_content(text: str) -> None:
    assert isinstance(decode_contents(text), dict)


@given(st.sets(DAYS, max_size=60), st.sets(DAYS, max_size=60), st.integers(1, 50))
def test_ranges_hold_every_date_once_and_are_no_longer_than_asked(
    days: set[dt.date], through: set[dt.date], size: int
) -> None:
    found = ranges(days, through, size)
    covered = [day for first, last in found for day in days_between(first, last)]
    assert len(covered) == len(set(covered))
    assert days <= set(covered) <= days | through
    assert all((last - first).days < size for first, last in found)


def test_a_date_rests_longer_after_each_failure() -> None:
    needs = {DAY: digest("a")}
    failed = [Attempt(str(number), needs, "failed", ended_at=NOW) for number in range(9)]
    for count, minutes in ((1, 5), (2, 20), (3, 80), (4, 320), (5, 360), (9, 360)):
        just_before, then = (NOW + dt.timedelta(minutes=minutes, seconds=each) for each in (-1, 1))
        assert plan(needs, failed[:count], busy=set(), through=(), now=just_before).resting == {DAY}
        assert plan(needs, failed[:count], busy=set(), through=(), now=then).requested == {DAY}


def test_an_outage_parts_no_range_and_a_named_date_is_parted_from_at_once() -> None:
    needs = {DAY + dt.timedelta(days=count): digest("a") for count in range(40)}
    ended, later = NOW, NOW + dt.timedelta(days=1)
    outage = [Attempt(str(number), needs, "failed", ended_at=ended, transient=True) for number in range(5)]
    (whole,) = plan(needs, outage, busy=set(), through=(), now=later).requests
    assert (whole.first, whole.last) == (DAY, max(needs))
    named = Attempt("r", needs, "failed", ended_at=ended, permanent=True, poisoned=frozenset([DAY]))
    found = plan(needs, [named], busy=set(), through=(), now=later)
    assert found.given_up == {DAY}
    assert [(each.first, each.last) for each in found.requests] == [(DAY + dt.timedelta(days=1), max(needs))]


def test_a_cool_down_is_waited_for() -> None:
    needs = {DAY: digest("a")}
    failed = [Attempt("r", needs, "failed", ended_at=NOW, retry_at=NOW + dt.timedelta(hours=9))]
    assert plan(needs, failed, busy=set(), through=(), now=NOW + dt.timedelta(hours=8)).resting == {DAY}
    assert plan(needs, failed, busy=set(), through=(), now=NOW + dt.timedelta(hours=10)).requested == {DAY}


def test_newest_dates_come_first_and_new_ones_before_those_that_failed() -> None:
    needs = {DAY + dt.timedelta(days=2 * count): digest("a") for count in range(4)}
    failed = [Attempt("r", {max(needs): digest("a")}, "failed", ended_at=NOW - dt.timedelta(days=1))]
    found = plan(needs, failed, busy=set(), through=(), now=NOW)
    assert [request.first for request in found.requests] == [*sorted(needs)[2::-1], max(needs)]


def test_dates_are_shown_as_ranges() -> None:
    days = [DAY, DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=5)]
    assert shown(days) == "2026-03-01 to 2026-03-02, 2026-03-06"
