"""Athena against scripted answers, each checked by botocore against Athena's own model; the saved queries on DuckDB."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import dagster as dg
import duckdb
import pytest
import sqlglot
from botocore.stub import ANY, Stubber
from sqlglot import exp

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.catalog import named_queries_asset
from spotify_assets.checks.catalog import catalog_checks
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.names import PLAIN
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.athena import AthenaResource, NamedQuery, cost_usd, named_queries, run_query
from spotify_assets.resources.lake import LakeResource
from spotify_assets.settings import load_settings
from spotify_assets_tests.clock import FakeClock
from spotify_assets_tests.moto_aws import write_commit

ATHENA = AthenaResource(database="spotify_assets", workgroup="spotify-assets")
ID = "11111111-2222-3333-4444-555555555555"
START = {"QueryString": ANY, "QueryExecutionContext": {"Database": "spotify_assets"}, "WorkGroup": "spotify-assets"}
WHICH = {"QueryExecutionId": ID}


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Athena's answers, to be added in order; a call nobody scripted fails the test."""
    real = boto3.client("athena", "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    monkeypatch.setattr("spotify_assets.resources.athena.client", lambda *_: real)
    ATHENA._clock = FakeClock()
    with Stubber(real) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def started(athena: Stubber, *states: str, scanned: int = 0, status: dict[str, Any] | None = None) -> None:
    """Script a query's start and the states it is seen in; the last one with `status` and what was scanned."""
    athena.add_response("start_query_execution", {"QueryExecutionId": ID}, START)
    for number, state in enumerate(states):
        last = number == len(states) - 1
        execution = {
            "QueryExecutionId": ID,
            "StatementType": "DML",
            "Status": {"State": state, **(status or {} if last else {})},
            "Statistics": {"DataScannedInBytes": scanned, "TotalExecutionTimeInMillis": 1500} if last else {},
        }
        athena.add_response("get_query_execution", {"QueryExecution": execution}, WHICH)


def page(types: dict[str, str], *rows: tuple[str | None, ...], more: str | None = None) -> dict[str, Any]:
    """A page of results as Athena sends it: every value a text, NULL an empty cell."""
    described = [{"Name": name, "Type": athena_type} for name, athena_type in types.items()]
    cells = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
    answer: dict[str, Any] = {"ResultSet": {"Rows": cells, "ResultSetMetadata": {"ColumnInfo": described}}}
    return {**answer, "NextToken": more} if more else answer


class TestQuery:
    """One statement from start to typed rows."""

    def test_rows_come_back_in_their_types(self, athena: Stubber) -> None:
        types = {
            "s": "varchar",
            "i": "bigint",
            "d": "double",
            "n": "decimal(10,2)",
            "b": "boolean",
            "day": "date",
            "at": "timestamp",
            "zone": "timestamp with time zone",
            "gone": "integer",
        }
        values = (
            "x",
            "7",
            "0.5",
            "1.10",
            "false",
            "2026-11-21",
            "2026-11-21 06:00:00.000",
            "2026-11-21 06:00:00.000 UTC",
            None,
        )
        started(athena, "QUEUED", "RUNNING", "SUCCEEDED")
        athena.add_response("get_query_results", page(types, tuple(types), values), {**WHICH, "MaxResults": 1000})
        result = ATHENA.query("select 1")
        assert result.columns == tuple(types)
        assert result.rows == [
            (
                "x",
                7,
                0.5,
                Decimal("1.10"),
                False,
                dt.date(2026, 11, 21),
                dt.datetime.fromisoformat("2026-11-21T06:00:00"),
                dt.datetime(2026, 11, 21, 6, tzinfo=dt.UTC),
                None,
            )
        ]

    def test_only_the_first_page_repeats_the_names(self, athena: Stubber) -> None:
        started(athena, "SUCCEEDED")
        athena.add_response("get_query_results", page({"i": "integer"}, ("i",), ("1",), more="next"))
        athena.add_response("get_query_results", page({"i": "integer"}, ("2",)))
        assert ATHENA.query("select i").rows == [(1,), (2,)]

    def test_what_it_took_is_metadata(self, athena: Stubber) -> None:
        started(athena, "SUCCEEDED", scanned=2**40)
        athena.add_response("get_query_results", page({"i": "integer"}, ("i",)))
        metadata = ATHENA.query("select i").metadata()
        assert metadata["athena_bytes_scanned"].value == 2**40
        assert metadata["athena_cost_usd"].value == 5.0
        assert metadata["athena_seconds"].value == 1.5
        assert str(metadata["athena_query"].value).endswith(ID)

    def test_a_wrong_statement_is_permanent_and_says_why(self, athena: Stubber) -> None:
        error = {"ErrorCategory": 2, "Retryable": False, "ErrorMessage": "COLUMN_NOT_FOUND: line 1:8"}
        started(athena, "FAILED", status={"AthenaError": error, "StateChangeReason": "less"})
        with pytest.raises(PermanentError, match="COLUMN_NOT_FOUND: line 1:8"):
            ATHENA.query("select nothing")

    def test_athenas_own_failure_may_be_tried_again(self, athena: Stubber) -> None:
        error = {"ErrorCategory": 1, "ErrorMessage": "INTERNAL_ERROR"}
        started(athena, "RUNNING", "FAILED", status={"AthenaError": error})
        with pytest.raises(TransientError, match="INTERNAL_ERROR"):
            ATHENA.query("select 1")

    def test_the_scan_limit_is_named_with_its_remedy(self, athena: Stubber) -> None:
        started(athena, "CANCELLED", status={"StateChangeReason": "Bytes scanned limit was exceeded"})
        with pytest.raises(PermanentError, match="Filter by `day`"):
            ATHENA.query("select 1")

    def test_a_query_that_never_ends_is_stopped(self, athena: Stubber) -> None:
        started(athena, "RUNNING")
        athena.add_response("stop_query_execution", {}, WHICH)
        impatient = ATHENA.model_copy(update={"timeout_seconds": 0.01})
        with pytest.raises(TransientError, match="is RUNNING after"):
            impatient.query("select 1")

    def test_a_terminated_run_stops_its_query(self, athena: Stubber) -> None:
        from dagster._core.errors import DagsterExecutionInterruptedError

        def terminated(_: float) -> None:
            raise DagsterExecutionInterruptedError

        ATHENA._clock = FakeClock(meanwhile=terminated)
        started(athena, "RUNNING")
        athena.add_response("stop_query_execution", {}, WHICH)
        with pytest.raises(DagsterExecutionInterruptedError):
            ATHENA.query("select 1")

    def test_the_wait_grows_to_its_limit(self, athena: Stubber) -> None:
        clock = ATHENA._clock = FakeClock()
        started(athena, *["RUNNING"] * 12, "SUCCEEDED")
        athena.add_response("get_query_results", page({"i": "integer"}, ("i",)))
        ATHENA.query("select 1")
        assert clock.slept == sorted(clock.slept)
        assert (clock.slept[0], clock.slept[-1]) == (0.2, 5.0)

    def test_a_missing_permission_names_the_policy(self, athena: Stubber) -> None:
        athena.add_client_error("start_query_execution", "AccessDeniedException", "not authorized", 400)
        with pytest.raises(PermanentError, match="DagsterPolicy"):
            ATHENA.query("select 1")

    def test_a_price_has_a_floor_and_metadata_is_free(self) -> None:
        assert cost_usd(0) == 0
        assert cost_usd(10**12, "DDL") == 0
        assert math.isclose(cost_usd(1), 10 * 2**20 / 2**40 * 5)


def test_asking_athena_about_a_local_lake_says_what_to_set() -> None:
    with pytest.raises(PermanentError, match=r"Athena is not set up here.*LAKE_URL"):
        run_query(load_settings({}), "select 1")


class TestRowCounts:
    """The check that compares Athena's counts with the commits'."""

    DAYS = (dt.date(2026, 1, 1), dt.date(2026, 1, 2))

    def check(
        self, lake: LakeResource, athena: Stubber, *answers: list[tuple[str, str]]
    ) -> dict[str | None, dg.AssetCheckEvaluation]:
        """By date, and None for all dates together; `answers` are those of Athena's queries, in order."""
        types = {"day": "date", "_col1": "bigint"}
        for counted in answers:
            started(athena, "SUCCEEDED", scanned=4096)
            athena.add_response("get_query_results", page(types, tuple(types), *counted))
        wanted = dg.AssetCheckKey(PLAIN.catalog("songs"), "athena_row_counts")
        checks = catalog_checks(snapshot_dates(self.DAYS[0]))
        (check,) = [check for check in checks if wanted in check.check_keys]
        result = dg.materialize(
            [check], resources={"lake": lake, "athena": ATHENA}, selection=dg.AssetSelection.checks(check)
        )
        return {evaluation.partition: evaluation for evaluation in result.get_asset_check_evaluations()}

    def test_equal_counts_pass_and_cost_is_shown(self, s3_lake: LakeResource, athena: Stubber) -> None:
        for day in self.DAYS:
            write_commit(s3_lake, day, "run", {"songs": 5})
        found = self.check(s3_lake, athena, [("2026-01-01", "5"), ("2026-01-02", "5")])
        assert found.keys() == {None, "2026-01-01", "2026-01-02"}
        assert all(evaluation.passed for evaluation in found.values())
        assert found[None].metadata["athena_bytes_scanned"].value == 4096

    def test_a_date_that_differs_or_is_missing_is_named(self, s3_lake: LakeResource, athena: Stubber) -> None:
        for day in self.DAYS:
            write_commit(s3_lake, day, "run", {"songs": 5})
        found = self.check(s3_lake, athena, [("2026-01-01", "7")], [("2026-01-01", "7")], [])
        assert not any(evaluation.passed for evaluation in found.values())
        assert found[None].description == (
            "Athena counts the commit's rows: broken by 2 dates: 2026-01-01: 7 rows in Athena, 5 in the commit; "
            "2026-01-02: 0 rows in Athena, 5 in the commit. Materialize `glue_catalog/songs` for what is named."
        )
        assert "by 1 dates: 2026-01-02: 0 rows in Athena" in str(found["2026-01-02"].description)


class TestPublishing:
    """The saved queries in the workgroup."""

    def test_new_ones_are_created_changed_ones_updated_and_the_rest_left(self, athena: Stubber) -> None:
        queries = [NamedQuery(name, "what", f"select '{name}'") for name in ("new", "changed", "same")]
        saved = [
            {"NamedQueryId": name, "Name": name, "Database": "d", "QueryString": sql, "Description": "what"}
            for name, sql in (("changed", "select 0"), ("same", "select 'same'"), ("theirs", "select 1"))
        ]
        ids = [one["NamedQueryId"] for one in saved]
        athena.add_response("list_named_queries", {"NamedQueryIds": ids}, {"WorkGroup": "spotify-assets"})
        for one in saved:
            athena.add_response("get_named_query", {"NamedQuery": one}, {"NamedQueryId": one["NamedQueryId"]})
        athena.add_response(
            "create_named_query",
            {"NamedQueryId": "1"},
            {
                "Name": "new",
                "Description": "what",
                "Database": "spotify_assets",
                "QueryString": "select 'new'",
                "WorkGroup": "spotify-assets",
            },
        )
        athena.add_response(
            "update_named_query",
            {},
            {
                "NamedQueryId": "changed",
                "Name": "changed",
                "Description": "what",
                "QueryString": "select 'changed'",
            },
        )
        assert ATHENA.publish(queries) == ["new", "changed"]

    def test_the_asset_publishes_every_file(self, athena: Stubber) -> None:
        athena.add_response("list_named_queries", {}, {"WorkGroup": "spotify-assets"})
        for _ in named_queries():
            athena.add_response("create_named_query", {"NamedQueryId": "1"})
        result = dg.materialize([named_queries_asset()], resources={"athena": ATHENA})
        (event,) = result.get_asset_materialization_events()
        assert event.materialization.metadata["changed"].value == len(named_queries()) == 8


@pytest.fixture(scope="module")
def archive() -> Iterator[duckdb.DuckDBPyConnection]:
    """Thirty days of one playlist of ten songs, one replaced a day, as the catalog shows them: with a `day` column."""
    connection = duckdb.connect()
    for table in LAKE_TABLES.values():
        columns = ", ".join(f"{column.name} {column.type.duckdb}" for column in table.columns)
        connection.execute(f"create table {table.name} ({columns}, day date)")
    for number in range(30):
        day = (dt.date(2026, 1, 1) + dt.timedelta(days=number)).isoformat()
        insert(connection, "playlists", day, playlist_id="p", name="Chart")
        for artist in ("a1", "a2"):
            insert(connection, "artists", day, artist_id=artist, name=artist.upper())
        for position, song in enumerate(range(number, number + 10)):
            insert(connection, "playlist_items", day, playlist_id="p", position=position, song_id=f"s{song:02}")
            insert(
                connection,
                "songs",
                day,
                song_id=f"s{song:02}",
                name=f"Song {song:02}",
                album_id=f"b{song % 3}",
                artist_id="a1",
                duration_ms=180_000,
                is_explicit=song % 2 == 0,
                popularity=100 - song,
            )
            for place, artist in enumerate(("a1", "a2")):
                insert(connection, "song_artists", day, song_id=f"s{song:02}", artist_id=artist, position=place)
        for album in range(3):
            released = None if album == 2 else f"{2000 + album}-01-01"
            insert(connection, "albums", day, album_id=f"b{album}", name=f"Album {album}", release_date=released)
    yield connection
    connection.close()


def insert(connection: duckdb.DuckDBPyConnection, table: str, day: str, **values: object) -> None:
    row = {**values, "day": day, "snapshot_date": day}
    marks = ", ".join("?" * len(row))
    connection.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


def answer(archive: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    (query,) = [query for query in named_queries() if query.name == name]
    return archive.execute(sqlglot.transpile(query.sql, read="athena", write="duckdb")[0]).fetchall()


class TestSavedQueries:
    """Athena's dialect by sqlglot, the answers on DuckDB."""

    @pytest.mark.parametrize("query", named_queries(), ids=lambda query: query.name)
    def test_each_parses_as_athena_and_fits_its_limits(self, query: NamedQuery) -> None:
        assert sqlglot.parse_one(query.sql, dialect="athena", into=exp.Select).named_selects
        assert len(query.name) <= 128
        assert 20 < len(query.description) <= 1024

    def test_the_most_popular_songs_are_not_summed_over_loads(self, archive) -> None:
        found = answer(archive, "top_songs_by_popularity")
        assert found == [(f"Song {song:02}", "A1", 100 - song) for song in range(29, 39)]

    def test_every_credited_artist_counts(self, archive) -> None:
        assert answer(archive, "top_artists") == [("A1", 10, 10, 1), ("A2", 10, 10, 1)]

    def test_songs_with_albums_is_one_row_a_song(self, archive) -> None:
        assert len(answer(archive, "songs_with_albums")) == 10

    def test_what_entered_and_left_is_between_the_two_latest_snapshots(self, archive) -> None:
        assert answer(archive, "entered_and_left") == [("Chart", "entered", "Song 38"), ("Chart", "left", "Song 28")]

    def test_the_longest_stay_counts_days(self, archive) -> None:
        first = answer(archive, "longest_stays")[0]
        assert first == ("Chart", "Song 09", 10, dt.date(2026, 1, 1), dt.date(2026, 1, 10), 0)

    def test_release_years_keep_the_unknown(self, archive) -> None:
        assert set(answer(archive, "release_years")) == {("Chart", 2000, 3), ("Chart", 2001, 3), ("Chart", None, 4)}

    def test_the_profile_of_a_playlist(self, archive) -> None:
        ((name, entries, songs, hours, explicit),) = answer(archive, "playlist_profile")
        assert (name, entries, songs, float(hours), float(explicit)) == ("Chart", 10, 10, 0.5, 0.5)

    def test_popularity_over_time_has_every_day_of_each_song(self, archive) -> None:
        found = answer(archive, "popularity_over_time")
        assert len(found) == sum(min(10, 30 - max(0, song - 9)) for song in range(29, 39))
