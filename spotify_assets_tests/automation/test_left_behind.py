"""What a failed run left behind is asked for: by applied state, once nothing runs, and not for ever at once."""

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.automation import runs
from spotify_assets.automation.jobs import BUILD, REFRESH
from spotify_assets.automation.left_behind import LEFT_BEHIND, computed, left_behind_sensor, loaded
from spotify_assets.definitions import build_defs
from spotify_assets.names import PLAIN
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import FAILURE_TAG, owned
from spotify_assets.settings import load_settings
from spotify_assets.warehouse import applied, dimensions, marts, schema, state
from spotify_assets.warehouse.session import Session
from spotify_assets_tests.automation.world import World, origin, world_on
from spotify_assets_tests.line import new_home

LOADS, COMPUTED = loaded(PLAIN), computed(PLAIN)
DAY = dt.date(2026, 1, 1)
DEFINITIONS = build_defs(load_settings({}))
_Result = TypeVar("_Result")


@dataclass
class Line:
    """The sensor's world: its warehouse is a real one, of which only the state is written."""

    world: World
    warehouse: WarehouseResource
    cursor: str | None = None
    asked: list[str] = field(default_factory=list)

    def load(self, run: str) -> None:
        """Every lake table holds `run` now, and Dagster was told."""

        def write(session: Session) -> None:
            for table in LAKE_TABLES:
                state.record_loads(session, table, {DAY: (run, 1)}, "code")

        self.warehouse.run(write)
        self.tell(*LOADS)

    def compute(self, *, but: str = "", code: str | None = None) -> None:
        """Every table but `but` is computed from what is loaded now, by this code or another; Dagster was told."""

        def write(session: Session) -> None:
            for path, current in applied.codes().items():
                layer, table = path.split("/")
                if path == but:
                    continue
                if path == "analytics/song_runs":
                    state.record_view(session, table, code or current)
                    continue
                lake = [table] if layer == "spotify" else marts.DEFINITIONS[table].lake
                todo = state.pending(session, layer, table, lake, current)
                state.record_applied(session, layer, table, todo, code or current)

        self.warehouse.run(write)
        self.tell(*(key for key in COMPUTED if key.path[-2:] != but.split("/") and key.path != [but]))

    def tell(self, *keys: dg.AssetKey) -> None:
        for key in keys:
            partition = DAY.isoformat() if key in LOADS else None
            self.world.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))

    def tick(self, now: dt.datetime | None = None) -> dg.SensorResult | dg.SkipReason:
        sensor = left_behind_sensor(dg.DefaultSensorStatus.STOPPED, clock=lambda: now or self.world.now)
        context = dg.build_sensor_context(
            instance=self.world.instance,
            definitions=DEFINITIONS,
            repository_name="__repository__",
            sensor_name=LEFT_BEHIND,
            cursor=self.cursor,
        )
        context._code_location_origin = origin(REFRESH).repository_origin.code_location_origin
        result = sensor(context, warehouse=_Heard(self.warehouse, self.asked))
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        if isinstance(result, dg.SensorResult):
            self.cursor = result.cursor or self.cursor
        return result


class _Heard:
    """A warehouse that says when it was asked."""

    def __init__(self, warehouse: WarehouseResource, asked: list[str]) -> None:
        self._warehouse, self._asked = warehouse, asked

    def impatient(self) -> "_Heard":
        return self

    def run(self, work: Callable[[Session], _Result], tag: object = None) -> _Result:
        self._asked.append(str(tag))
        return self._warehouse.run(work)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose warehouse has every table, empty; tests copy it."""
    home = new_home(tmp_path_factory.mktemp("tables"))
    with home.warehouse.session() as session:
        schema.prepare(session, [(layer, table) for layer, of in schema.TABLES.items() for table in of.values()])
    return home.settings.home


@pytest.fixture
def line(tables: Path, tmp_path: Path) -> Iterator[Line]:
    """Everything loaded and computed once."""
    from spotify_assets.resources.lake import LakeResource

    shutil.copytree(tables, tmp_path / "home")
    home = new_home(tmp_path / "home")
    with world_on(LakeResource(url=home.settings.lake)) as world:
        line = Line(world, home.warehouse)
        line.load("r1")
        line.compute()
        yield line


def requested(result: dg.SensorResult | dg.SkipReason) -> dg.RunRequest:
    assert isinstance(result, dg.SensorResult), result
    (request,) = list(result.run_requests or ())
    return request


def skipped(result: dg.SensorResult | dg.SkipReason) -> str:
    reason = result.skip_reason if isinstance(result, dg.SensorResult) else result
    assert reason is not None, result
    return str(reason.skip_message if isinstance(reason, dg.SkipReason) else reason)


def test_nothing_is_asked_for_while_everything_is_computed_and_the_warehouse_is_asked_once(line: Line) -> None:
    assert [skipped(line.tick()) for _ in range(3)] == [
        "Asked the warehouse: everything is computed from what is loaded.",
        *["Everything is computed from what is loaded."] * 2,
    ]
    assert len(line.asked) == 1


def test_a_load_without_what_follows_is_asked_for_once_nothing_runs(line: Line) -> None:
    line.load("r2")
    run = line.world.pretend(dg.DagsterRunStatus.STARTED, BUILD)
    assert "in flight" in skipped(line.tick())
    assert not line.asked
    line.world.instance.report_run_failed(line.world.instance.get_run_by_id(run))  # pyright: ignore[reportArgumentType]

    assert requested(line.tick()).job_name == REFRESH

    line.compute()
    assert "everything is computed" in skipped(line.tick())


@pytest.mark.parametrize("table", ["spotify/songs", "analytics/playlist_week", "analytics/song_runs"])
def test_a_table_that_says_it_was_computed_from_less_is_asked_for_whatever_the_event_log_says(
    line: Line, table: str
) -> None:
    line.load("r2")
    line.compute(but=table)
    line.tell(*COMPUTED)
    if table == "analytics/song_runs":  # a view has nothing to compute from a load
        assert "everything is computed" in skipped(line.tick())
    else:
        assert requested(line.tick()).job_name == REFRESH


def test_a_dashboard_alone_that_failed_is_asked_for(line: Line) -> None:
    line.load("r2")
    line.compute(but="dashboard")
    line.tell(*COMPUTED[:-1])
    line.tell(*LOADS)
    assert requested(line.tick()).job_name == REFRESH


@pytest.mark.parametrize("maker", [dimensions, marts], ids=["dimensions", "marts"])
def test_what_other_code_made_is_asked_for_after_an_upgrade(
    line: Line, maker: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "everything is computed" in skipped(line.tick())
    monkeypatch.setattr(maker, "code", lambda name: f"new code of {name}")
    assert requested(line.tick()).job_name == REFRESH
    line.compute()
    assert "everything is computed" in skipped(line.tick())


def test_an_outage_is_asked_for_again_after_a_pause_and_a_permanent_failure_never(line: Line) -> None:
    world = line.world
    line.load("r2")
    request = requested(line.tick())
    run = world.pretend(dg.DagsterRunStatus.STARTED, REFRESH, **request.tags)
    world.instance.report_run_failed(world.instance.get_run_by_id(run))  # pyright: ignore[reportArgumentType]
    (attempt,) = runs.with_tags(
        runs.OurRuns(world.instance, "__repository__@spotify_assets"), {runs.PLANNER_TAG: LEFT_BEHIND}
    )
    ended = attempt.ended_at
    assert ended is not None
    assert "resting" in skipped(line.tick(ended + dt.timedelta(minutes=1)))
    assert len(line.asked) == 1
    again = requested(line.tick(ended + dt.timedelta(minutes=6)))
    assert again.run_key != request.run_key

    failed = world.pretend(dg.DagsterRunStatus.FAILURE, REFRESH, **again.tags)
    world.instance.add_run_tags(failed, {FAILURE_TAG: owned("permanent", failed)})
    assert "given up" in skipped(line.tick(world.now + dt.timedelta(days=9)))


def test_what_a_check_of_the_load_refused_is_not_computed_from(line: Line) -> None:
    line.load("r2")
    line.world.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=LOADS[0], check_name="matches_commits", passed=False, metadata={})
    )
    assert "matches_commits" in skipped(line.tick())
    assert not line.asked


def test_what_a_check_of_the_load_only_warns_of_is_computed_from(line: Line) -> None:
    line.load("r2")
    line.world.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=LOADS[0],
            check_name="matches_commits",
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={},
        )
    )
    assert requested(line.tick())
