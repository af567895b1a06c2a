"""The rolling budget and the cool-down: shared, restart-proof, never exceeded."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.spotify.budget import (
    STATE_KEY,
    CallState,
    CoolDown,
    Ledger,
    cooled_down,
    frees_at,
    given_back,
    minute_of,
    reserved,
    spent,
)
from spotify_assets.spotify.errors import BudgetSpentError, CoolingDownError, SpotifyUnavailableError
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import SystemClock
from spotify_assets_tests.spotify.conftest import START, Extract, TestClock
from spotify_assets_tests.spotify.spotify_server import SpotifyServer, error

HOUR = dt.timedelta(hours=1)


def state_of(store: ObjectStore) -> CallState:
    return CallState.from_json(store.get_or_none(STATE_KEY))


def spend_until_refused(url: str, limit: int) -> int:
    """In a process of its own: spend until the budget refuses; the calls made."""
    ledger = Ledger(ObjectStore.open(url.rstrip("/")), limit, SystemClock())
    with contextlib.suppress(BudgetSpentError):
        while True:
            ledger.spend()
    return ledger.calls


class TestRules:
    """The pure functions."""

    def test_calls_count_for_24_hours_and_no_longer(self) -> None:
        state, _ = reserved(CallState(), START, 10, 100)

        assert spent(state, START + 24 * HOUR) == 10
        assert spent(state, START + 24 * HOUR + dt.timedelta(minutes=1)) == 0

    def test_what_is_given_back_does_not_count(self) -> None:
        state, _ = reserved(CallState(), START, 10, 100)

        assert spent(given_back(state, minute_of(START), 7), START) == 3

    @given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 50)), max_size=60), st.integers(1, 120))
    def test_no_24_hours_ever_hold_more_than_the_limit(self, asks: list[tuple[int, int]], limit: int) -> None:
        state, now, granted = CallState(), START, []
        for minutes, wanted in asks:
            now += dt.timedelta(minutes=minutes)
            state, count = reserved(state, now, wanted, limit)
            granted.append((now, count))

        for end, _ in granted:
            assert sum(count for at, count in granted if end - 24 * HOUR < at <= end) <= limit

    @given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 50)), min_size=1, max_size=20), st.integers(1, 60))
    def test_the_time_it_names_is_when_a_call_is_free(self, asks: list[tuple[int, int]], limit: int) -> None:
        state, now = CallState(), START
        for minutes, wanted in asks:
            now += dt.timedelta(minutes=minutes)
            state, _ = reserved(state, now, wanted, limit)
        free = frees_at(state, now, limit)

        if free is None:
            assert spent(state, now) < limit
        else:
            assert reserved(state, free, 1, limit)[1] == 1
            assert reserved(state, free - dt.timedelta(seconds=1), 1, limit)[1] == 0

    def test_calls_are_free_again_when_enough_of_the_oldest_are_a_day_and_their_minute_old(self) -> None:
        early, late = minute_of(START), minute_of(START) + dt.timedelta(minutes=5)
        state, now = CallState({late: 3, early: 2}), late + dt.timedelta(seconds=9)

        assert frees_at(state, now, 6) is None
        assert frees_at(state, now, 5) == frees_at(state, now, 4) == early + 24 * HOUR + dt.timedelta(minutes=1)
        assert frees_at(state, now, 3) == frees_at(state, now, 1) == late + 24 * HOUR + dt.timedelta(minutes=1)

    def test_what_is_free_is_granted_and_never_less_than_nothing(self) -> None:
        state = CallState({minute_of(START): 7})

        assert [reserved(state, START, wanted, 10)[1] for wanted in (1, 3, 4)] == [1, 3, 3]
        assert reserved(state, START, 1, 5)[1] == 0, "the limit was lowered"
        assert spent(given_back(state, minute_of(START), 9), START) == 0

    def test_a_shorter_cool_down_never_replaces_a_longer_one(self) -> None:
        longer = cooled_down(CallState(), CoolDown(START + 13 * HOUR, "quota"))

        assert cooled_down(longer, CoolDown(START + HOUR, "again")) == longer
        assert cooled_down(longer, CoolDown(START + 13 * HOUR, "again")) == longer
        assert cooled_down(longer, CoolDown(START + 14 * HOUR, "again")).cool_down == CoolDown(
            START + 14 * HOUR, "again"
        )

    @given(st.dictionaries(st.datetimes(timezones=st.just(dt.UTC)), st.integers(0, 999), max_size=5))
    def test_the_stored_form_reads_back(self, calls: dict[dt.datetime, int]) -> None:
        state = CallState(calls, CoolDown(START, "because"))

        assert CallState.from_json(state.to_json()) == state

    def test_it_is_stored_so_that_a_person_can_read_it(self) -> None:
        state = CallState({minute_of(START): 3}, CoolDown(START + HOUR, "because"))

        assert json.loads(state.to_json()) == {
            "version": 1,
            "calls": {"2026-11-21T06:00:00+00:00": 3},
            "cool_down": {"until": "2026-11-21T07:00:30+00:00", "reason": "because"},
        }
        assert state.to_json().count(b"\n ") > 5

    @pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"calls": [], "cool_down": 3}', b'{"calls": {"x": 1}}'])
    def test_a_damaged_record_says_what_to_do(self, damage: bytes) -> None:
        with pytest.raises(PermanentError, match="delete it to start counting anew"):
            CallState.from_json(damage)


class TestLedger:
    """The shell over the lake."""

    def test_the_budget_holds_across_processes(self, store: ObjectStore, clock: TestClock) -> None:
        ledgers = [Ledger(store, 100, clock) for _ in range(8)]
        made: list[int] = []

        def spend_all(ledger: Ledger) -> None:
            try:
                while True:
                    ledger.spend()
                    made.append(1)
            except BudgetSpentError:
                return

        threads = [threading.Thread(target=spend_all, args=(ledger,)) for ledger in ledgers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(made) == 100
        assert spent(state_of(store), clock.now()) == 100

    def test_real_processes_share_one_budget(self, store: ObjectStore) -> None:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            made = list(pool.map(spend_until_refused, [store.url(), store.url()], [150, 150]))

        assert sum(made) == 150

    @pytest.mark.parametrize(("limit", "batch"), [(900, 25), (100, 25), (99, 24), (40, 10), (3, 1), (1, 1)])
    def test_a_batch_is_a_quarter_of_what_is_left_and_at_most_25(
        self, store: ObjectStore, clock: TestClock, limit: int, batch: int
    ) -> None:
        """So that the last calls are not held by one process while another is refused."""
        Ledger(store, limit, clock).spend()

        assert spent(state_of(store), clock.now()) == batch

    def test_what_is_spent_is_not_left(self, store: ObjectStore, clock: TestClock) -> None:
        store.put(STATE_KEY, CallState({minute_of(START - HOUR): 60}).to_json())

        Ledger(store, 100, clock).spend()

        assert spent(state_of(store), clock.now()) == 60 + 10

    def test_without_a_limit_calls_are_counted_and_nothing_is_stored(
        self, store: ObjectStore, clock: TestClock
    ) -> None:
        ledger = Ledger(store, None, clock)
        ledger.spend()
        ledger.spend()
        refusal = ledger.cool_down(START + HOUR, "because")
        ledger.settle()

        assert (ledger.calls, ledger.limit, refusal.retry_at) == (2, None, START + HOUR)
        assert list(store.list("")) == []

    def test_after_it_is_settled_no_call_is_made(self, store: ObjectStore, clock: TestClock) -> None:
        """A thread that outlived its extraction would spend what was given back."""
        ledger = Ledger(store, 900, clock)
        ledger.spend()
        ledger.settle()

        with pytest.raises(SpotifyUnavailableError, match="has ended"):
            ledger.spend()
        ledger.settle()
        assert (ledger.calls, ledger.state().calls) == (1, {minute_of(START): 1})

    def test_what_counts_no_longer_is_not_shown(self, store: ObjectStore, clock: TestClock) -> None:
        store.put(
            STATE_KEY, CallState({minute_of(START): 0, minute_of(START - 25 * HOUR): 5}, CoolDown(START, "x")).to_json()
        )

        assert Ledger(store, 900, clock).state() == CallState()

    def test_a_longer_cool_down_of_another_process_is_the_one_that_is_said(
        self, store: ObjectStore, clock: TestClock
    ) -> None:
        Ledger(store, 900, clock).cool_down(START + 13 * HOUR, "the quota is exceeded")

        said = Ledger(store, 900, clock).cool_down(START + HOUR, "HTTP 429")

        assert said.retry_at == START + 13 * HOUR
        assert "until 2026-11-21 19:00:30 UTC (the quota is exceeded)" in str(said)

    def test_unspent_reservations_are_returned(self, store: ObjectStore, clock: TestClock) -> None:
        ledger = Ledger(store, 900, clock)
        ledger.spend()
        ledger.settle()

        assert spent(state_of(store), clock.now()) == 1

    def test_a_call_counts_in_the_minute_it_is_made(self, store: ObjectStore, clock: TestClock) -> None:
        ledger = Ledger(store, 900, clock)
        ledger.spend()
        clock.advance(dt.timedelta(minutes=5))
        ledger.spend()
        ledger.settle()

        calls = {minute: count for minute, count in state_of(store).calls.items() if count}
        assert calls == {minute_of(START): 1, minute_of(START + dt.timedelta(minutes=5)): 1}

    def test_few_state_writes_for_many_calls(self, store: ObjectStore, clock: TestClock) -> None:
        writes = []
        update = store.update
        store.update = lambda key, change: writes.append(key) or update(key, change)  # type: ignore[method-assign]
        ledger = Ledger(store, 900, clock)

        for _ in range(200):
            ledger.spend()

        assert len(writes) <= 10

    def test_a_process_that_dies_keeps_its_reservation(self, store: ObjectStore, clock: TestClock) -> None:
        Ledger(store, 900, clock).spend()

        assert spent(state_of(store), clock.now()) == 25


class TestExtractionWithinTheBudget:
    """A run stops before the call that would exceed it, keeps what it has, and says when it can go on."""

    def test_it_stops_before_the_call_and_keeps_what_it_has(
        self, server: SpotifyServer, run: Extract, clock: TestClock
    ) -> None:
        ids = server.add(10)

        report = run(*ids, budget=16, concurrency=1)

        assert len(server.requests) == 16
        assert len(report.having("read")) == 5
        assert isinstance(report.stopped_by, BudgetSpentError)
        assert report.stopped_by.retry_at == dt.datetime(2026, 11, 22, 6, 1, tzinfo=dt.UTC)
        assert "extraction can go on at 2026-11-22 06:01:00 UTC" in str(report.stopped_by)
        assert (report.spent, report.limit) == (16, 16)

    def test_no_later_run_calls_before_calls_are_free_and_then_only_what_is_missing(
        self, server: SpotifyServer, run: Extract, clock: TestClock
    ) -> None:
        ids = server.add(10)
        run(*ids, budget=16, concurrency=1)
        server.requests.clear()

        blocked = run(*ids, budget=16)
        assert server.requests == []
        assert len(blocked.having("kept")) == 5

        clock.advance(24 * HOUR + dt.timedelta(minutes=1))
        run(*ids, budget=16)
        assert server.requests != []

    def test_the_budget_is_shared_between_runs(self, server: SpotifyServer, run: Extract) -> None:
        ids = server.add(10)

        reports = [run(*ids[:5], budget=100), run(*ids[5:], budget=100)]

        assert [report.spent for report in reports] == [15, 30]


class TestCoolDown:
    """A cool-down of 13 hours: nobody calls before it is over."""

    def test_the_run_ends_at_once_the_next_makes_no_call_and_the_one_after_resumes(
        self, server: SpotifyServer, run: Extract, clock: TestClock
    ) -> None:
        ids = server.add(6)
        server.fail(ids[3], error(429, "Too many requests", "QUOTA_EXCEEDED", Retry_After="46800"))

        first = run(*ids, concurrency=1)
        assert clock.slept == []
        assert isinstance(first.stopped_by, CoolingDownError)
        assert first.stopped_by.retry_at == START + 13 * HOUR
        assert len(first.having("read")) == 3
        with pytest.raises(TransientError, match="stay away until 2026-11-21 19:00:30 UTC"):
            first.raise_if_unfinished()

        clock.advance(13 * HOUR - dt.timedelta(seconds=1))
        server.requests.clear()
        second = run(*ids)
        assert (server.requests, len(second.having("kept"))) == ([], 3)
        assert isinstance(second.stopped_by, CoolingDownError)

        clock.advance(dt.timedelta(seconds=1))
        third = run(*ids)
        third.raise_if_unfinished()
        assert [len(third.having(status)) for status in ("kept", "read")] == [3, 3]

    def test_a_process_that_is_running_already_stops_at_its_next_reservation(
        self, store: ObjectStore, clock: TestClock
    ) -> None:
        running, refused = Ledger(store, 900, clock, batch=2), Ledger(store, 900, clock)
        running.spend()

        refused.cool_down(START + 13 * HOUR, "it answered HTTP 429")

        running.spend()
        with pytest.raises(CoolingDownError):
            running.spend()
