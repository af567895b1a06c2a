"""One maker of keys and names: two instances share none, and each knows which runs are its own."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from spotify_assets.automation.alerts import run_failures_sensor
from spotify_assets.automation.runs import OurRuns, busy_dates
from spotify_assets.definitions import build_defs
from spotify_assets.failures import PermanentError
from spotify_assets.names import JOBS, PLAIN, RESOURCES, Names
from spotify_assets.settings import load_settings
from spotify_assets_tests.automation.world import LOCATION, origin
from spotify_assets_tests.test_definitions import DEPLOYMENTS

EVERYTHING_ON = {
    **DEPLOYMENTS["full"],
    "SNOWFLAKE_LOAD": "snowpipe",
    "GLUE_CRAWLER": "crawler",
    "LAKE_EVENTS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/events",
    "WEEKLY_DIGEST_CRON": "0 8 * * 1",
}


def everything(defs: dg.Definitions) -> dict[str, set[str]]:
    """Every name that Dagster would have to tell apart, by what it is a name of."""
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    return {
        "assets": {node.key.to_user_string() for node in nodes},
        "groups": {node.group_name for node in nodes},
        "pools": {pool for node in nodes for pool in node.pools or ()},
        "jobs": {job.name for job in jobs},
        "ops": {node.name for job in repository.get_all_jobs() for node in job.all_node_defs} - {j.name for j in jobs},
        "schedules and sensors": {one.name for one in (*repository.schedule_defs, *repository.sensor_defs)},
        "resources": set(repository.get_top_level_resources()),
    }


@pytest.mark.parametrize("environment", [{}, EVERYTHING_ON], ids=["nothing set", "everything on"])
def test_two_instances_in_one_location_share_no_name_and_lose_none(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    plain, rock = build_defs(settings), build_defs(settings, key_prefix="music/rock")

    together = everything(dg.Definitions.merge(plain, rock))

    apart = {what: (names, everything(rock)[what]) for what, names in everything(plain).items()}
    for what, (ours, theirs) in apart.items():
        internal = {name for name in ours & theirs if name.startswith("__ASSET_JOB")}
        assert ours & theirs == internal, what
        assert len(ours) == len(theirs), what
        assert together[what] == ours | theirs, what
    assert all(key.startswith("music/rock/") for key in apart["assets"][1])
    assert all(name.startswith("music__rock__") for what in apart if what != "assets" for name in apart[what][1])
    assert apart["assets"][0] <= {key.to_user_string() for key in PLAIN.assets}
    assert apart["jobs"][0] <= set(JOBS)
    assert apart["resources"][0] <= set(RESOURCES)


@pytest.mark.parametrize("prefix", ["", (), []])
def test_no_prefix_leaves_every_name_as_it_is(prefix: str) -> None:
    assert Names.of(prefix) == PLAIN
    assert PLAIN.called("build_history") == "build_history"
    assert PLAIN.lake("songs") == dg.AssetKey(["lake", "songs"])


def test_a_prefix_is_written_as_a_path_or_as_its_parts() -> None:
    assert Names.of("music/rock") == Names.of(["music", "rock"]) == Names(("music", "rock"))
    assert Names.of("rock").warehouse("lake", "songs") == dg.AssetKey(["rock", "snowflake", "lake", "songs"])


@pytest.mark.parametrize("prefix", ["my-music", "music//rock", "/music", "2026", "größe", [""], ["a b"]])
def test_a_prefix_that_cant_be_one_says_what_can(prefix: str) -> None:
    with pytest.raises(PermanentError, match=r"key_prefix is .*; use parts of letters"):
        Names.of(prefix)


ROCK = Names.of("rock")


def a_run(job: str, *chosen: dg.AssetKey, check: dg.AssetKey | None = None) -> dg.DagsterRun:
    checks = frozenset([dg.AssetCheckKey(check, "any")]) if check else None
    return dg.DagsterRun(
        job_name=job, run_id="r", asset_selection=frozenset(chosen) or None, asset_check_selection=checks
    )


def test_a_run_belongs_to_the_instance_whose_job_or_assets_it_is_of() -> None:
    assert PLAIN.owns(a_run("build_history"))
    assert not ROCK.owns(a_run("build_history"))
    assert ROCK.owns(a_run("rock__build_history"))
    assert not PLAIN.owns(a_run("rock__build_history"))
    materialized_in_the_ui = a_run("__ASSET_JOB", ROCK.lake("songs"))
    assert ROCK.owns(materialized_in_the_ui)
    assert not PLAIN.owns(materialized_in_the_ui)
    assert ROCK.owns(a_run("__ASSET_JOB", check=ROCK.lake("songs")))
    assert not ROCK.owns(a_run("__ASSET_JOB", dg.AssetKey("theirs")))


def test_somebody_elses_job_is_judged_by_the_assets_it_has() -> None:
    @dg.asset
    def theirs() -> None: ...

    defs = dg.Definitions.merge(
        build_defs(load_settings({}), key_prefix="rock"),
        dg.Definitions(
            assets=[theirs],
            jobs=[
                dg.define_asset_job("all_of_it", dg.AssetSelection.all()),
                dg.define_asset_job("only_theirs", dg.AssetSelection.assets(theirs)),
            ],
        ),
    )
    repository = defs.get_repository_def()

    assert ROCK.owns(a_run("all_of_it"), repository)
    assert not PLAIN.owns(a_run("all_of_it"), repository)
    assert not ROCK.owns(a_run("only_theirs"), repository)
    assert not ROCK.owns(a_run("a_job_that_is_gone"), repository)


def test_a_neighbours_run_in_the_same_repository_keeps_no_date_busy() -> None:
    def started(job: str, day: str, *chosen: dg.AssetKey) -> None:
        create_run_for_test(
            instance,
            job_name=job,
            status=dg.DagsterRunStatus.STARTED,
            tags={"dagster/partition": day},
            asset_selection=frozenset(chosen) or None,
            remote_job_origin=origin(job),
        )

    with dg.DagsterInstance.ephemeral() as instance:
        started("build_history", "2026-01-01")
        started("rock__build_history", "2026-01-02")
        started("__ASSET_JOB", "2026-01-03", dg.AssetKey("theirs"))
        started("__ASSET_JOB", "2026-01-04", ROCK.lake("songs"))

        def busy(names: Names) -> set[str]:
            return {day.isoformat() for day in busy_dates(OurRuns(instance, f"__repository__@{LOCATION}", names))}

        assert busy(PLAIN) == {"2026-01-01"}
        assert busy(ROCK) == {"2026-01-02", "2026-01-04"}


def test_people_are_told_of_no_failure_of_a_neighbour() -> None:
    @dg.op
    def fails() -> None:
        raise ValueError

    def told(job_name: str, names: Names) -> list[str]:
        result = (
            dg.GraphDefinition(name=job_name, node_defs=[fails])
            .to_job()
            .execute_in_process(instance=instance, raise_on_error=False)
        )
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        sent: list[str] = []
        sensor = run_failures_sensor(
            load_settings({}),
            dg.DefaultSensorStatus.STOPPED,
            lambda incident: sent.append(incident.job),
            names,
        )
        failure = next(event for event in result.all_events if event.is_failure and not event.is_step_event)
        context = dg.build_run_status_sensor_context(sensor.name, failure, instance, run)
        sensor(context.for_run_failure())
        return sent

    with dg.DagsterInstance.ephemeral() as instance:
        assert told("rock__vacuum", ROCK) == ["rock__vacuum"]
        assert told("vacuum", ROCK) == []
        assert told("rock__vacuum", PLAIN) == []
        assert told("theirs", PLAIN) == []
