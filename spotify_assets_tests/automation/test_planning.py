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
    decode_dates,
    digest,
    encode_contents,
    plan,
    ranges,
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


def days_from(count: int) -> dict[dt.date, str]:
    """So many dates in a row that need the same."""
    return {DAY + dt.timedelta(days=number): digest("a") for number in range(count)}


def lengths(needs: dict[dt.date, str], attempts: list[Attempt], limits: Limits) -> list[int]:
    """How many dates each requested run spans, when the pauses are over."""
    found = plan(needs, attempts, busy=set(), through=(), now=NOW + dt.timedelta(days=9), limits=limits)
    return sorted(((request.last - request.first).days + 1 for request in found.requests), reverse=True)


def test_a_run_spans_at_most_a_year_and_less_after_failures_that_nobody_can_name() -> None:
    needs, all_runs = days_from(400), Limits(runs_per_tick=1000)
    failed = [Attempt(str(number), needs, "failed", ended_at=NOW) for number in range(4)]

    assert lengths(needs, [], all_runs) == [366, 34]
    assert lengths(needs, failed[:1], all_runs) == [366, 34]
    assert lengths(needs, failed[:2], all_runs) == [31] * 12 + [28]
    assert lengths(needs, failed[:3], all_runs) == lengths(needs, failed, all_runs) == [1] * 400
    assert len(lengths(needs, failed, Limits())) == 5


def test_what_failed_for_good_together_is_parted_a_step_sooner_and_alone_it_is_given_up() -> None:
    needs = days_from(40)
    for_good = Attempt("r", needs, "failed", ended_at=NOW, permanent=True)
    alone = Attempt("r", days_from(1), "failed", ended_at=NOW, permanent=True)
    later = NOW + dt.timedelta(days=1)

    assert lengths(needs, [for_good], Limits()) == [31, 9]
    assert plan(needs, [for_good], busy=set(), through=(), now=later).given_up == set()
    assert plan(needs, [alone], busy=set(), through=(), now=later).given_up == {DAY}


def test_a_range_begins_anew_after_the_size_asked_for() -> None:
    week = [DAY + dt.timedelta(days=count) for count in range(7)]

    assert ranges(week, [], 3) == [(week[0], week[2]), (week[3], week[5]), (week[6], week[6])]
    assert ranges([week[0], week[3]], week, 3) == [(week[0], week[0]), (week[3], week[3])]
    assert ranges([week[0], week[2], week[6]], week, 3) == [(week[0], week[2]), (week[6], week[6])]


def test_a_request_names_the_run_that_failed_on_it_last_and_counts_the_tries() -> None:
    needs = days_from(2)
    ended = [NOW - dt.timedelta(hours=hours) for hours in (9, 3, 6)]
    failed = [Attempt(name, needs, "failed", ended_at=at) for name, at in zip("abc", ended, strict=True)]
    once = Attempt("d", {max(needs): digest("a")}, "failed", ended_at=NOW - dt.timedelta(days=2), transient=True)
    limits = Limits(sizes=(9, 9, 9, 9))

    (request,) = plan(needs, failed, busy=set(), through=(), now=NOW + dt.timedelta(days=1), limits=limits).requests
    (other,) = plan(needs, [once], busy=set(), through=(), now=NOW, limits=limits).requests

    assert (request.after, request.tries, request.key[16:]) == ("b", 3, "-4")
    assert (other.after, other.tries, other.key[16:]) == ("d", 1, "-2"), "that of the date tried most often"
    assert int(request.key[:16], 16) != int(other.key[:16], 16)


def test_a_date_may_be_tried_from_the_moment_its_rest_is_over() -> None:
    failed = Attempt("r", days_from(1), "failed", ended_at=NOW)

    def at(minutes: int) -> frozenset[dt.date]:
        now = NOW + dt.timedelta(minutes=minutes)
        return plan(days_from(1), [failed], busy=set(), through=(), now=now).requested

    assert (at(4), at(5)) == (frozenset(), {DAY})


def test_what_another_content_failed_on_is_no_try_of_this_one() -> None:
    before = Attempt("r", {DAY: digest("other")}, "failed", ended_at=NOW, permanent=True)

    (request,) = plan(days_from(1), [before], busy=set(), through=(), now=NOW).requests

    assert (request.tries, request.after) == (0, "")


def test_a_range_runs_through_dates_that_need_nothing_but_through_no_busy_one() -> None:
    first, busy, free, last = (DAY + dt.timedelta(days=count) for count in range(4))
    needs = {first: "a", last: "a"}

    def asked(busy_days: set[dt.date]) -> list[tuple[dt.date, dt.date]]:
        found = plan(needs, [], busy=busy_days, through=[busy, free], now=NOW)
        return sorted((request.first, request.last) for request in found.requests)

    assert asked(set()) == [(first, last)]
    assert asked({busy}) == [(first, first), (last, last)]


def test_contents_are_one_text_with_dots_for_the_days_between() -> None:
    contents = {DAY: "aaaaaaaa", DAY + dt.timedelta(days=2): "bbbbbbbb"}

    assert encode_contents(contents) == "2026-03-01:aaaaaaaa........bbbbbbbb"
    assert len(digest("a")) == 8
    assert digest("a", "b") != digest("ab")
    assert (encode_contents({}), decode_contents(""), decode_contents("x:aaaaaaaa")) == ("", {}, {})
    assert decode_dates("2026-03-01,soon,2026-03-02") == [DAY, DAY + dt.timedelta(days=1)]


def test_what_becomes_of_each_date_is_said_and_of_none_nothing() -> None:
    new, busy, resting, bad, done, late = (DAY + dt.timedelta(days=2 * count) for count in range(6))
    needs = dict.fromkeys((new, busy, resting, bad, done, late), "a")
    attempts = [
        Attempt("r1", {resting: "a"}, "failed", ended_at=NOW),
        Attempt("r2", {bad: "a"}, "failed", ended_at=NOW, permanent=True),
        Attempt("r3", {done: "a"}, "succeeded", ended_at=NOW),
    ]

    found = plan(needs, attempts, busy={busy}, through=(), now=NOW, limits=Limits(runs_per_tick=1))

    assert found.describe().split("; ") == [
        "1 requested: 2026-03-11",
        "1 in flight: 2026-03-03",
        "1 resting after a failure: 2026-03-05",
        "1 left for the next tick: 2026-03-01",
        "1 given up after a permanent failure (fix the cause, then run them from the UI): 2026-03-07",
        "1 unchanged by a run that succeeded (run them from the UI if they should be): 2026-03-09",
    ]
    assert plan({}, attempts, busy={busy}, through=(), now=NOW).describe() == ""
