"""What the docs call an alert fires: a check that fails in a run that succeeds, and a summary of what only warns."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest

from spotify_assets.automation.check_alerts import check_failures_sensor, check_warnings_sensor, reported_checks_sensor
from spotify_assets.automation.incidents import Incident
from spotify_assets.settings import load_settings

SETTINGS = load_settings({"DAGSTER_UI_URL": "https://dagster.example"})
AFTERNOON = dt.datetime(2026, 11, 21, 13, tzinfo=dt.UTC)
KEY = dg.AssetCheckKey(dg.AssetKey(["glue_catalog", "songs"]), "in_sync")


@dg.asset(key=KEY.asset_key)
def songs() -> None:
    pass


class Checked:
    """An asset with a check that is told what to find, and the sensors with what they would send."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.sent: list[Incident] = []
        self.failures = check_failures_sensor(SETTINGS, dg.DefaultSensorStatus.STOPPED, self.sent.append)

    def run(self, found: str = "", severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR) -> list[Incident]:
        """A run that succeeds, and what people hear of it."""
        return self.hear(self.succeed(found, severity))

    def succeed(self, found: str, severity: dg.AssetCheckSeverity) -> dg.ExecuteInProcessResult:
        """A run that succeeds."""

        @dg.asset_check(asset=KEY.asset_key, name=KEY.name)
        def in_sync() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=not found, severity=severity, description=found or "as committed")

        defs = dg.Definitions(assets=[songs], asset_checks=[in_sync])
        return defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=self.instance)

    def hear(self, result: dg.ExecuteInProcessResult) -> list[Incident]:
        """What people hear when the sensor comes to this run."""
        context = dg.build_run_status_sensor_context(
            sensor_name="check_failures",
            dagster_event=next(
                event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_SUCCESS
            ),
            dagster_instance=self.instance,
            dagster_run=result.dagster_run,
        )
        self.sent.clear()
        self.failures(context)
        return list(self.sent)


@pytest.fixture
def checked() -> Iterator[Checked]:
    with dg.instance_for_test() as instance:
        yield Checked(instance)


def test_a_failed_check_of_a_run_that_succeeded_is_one_incident_with_cause_link_and_remedy(checked: Checked) -> None:
    """Only failed runs told anybody."""
    (incident,) = checked.run("2026-11-03: points at run a. Materialize glue_catalog/songs for what is named.")
    assert incident.title == "check in_sync of glue_catalog/songs failed"
    assert "points at run a" in incident.text
    assert "What to do" in incident.text
    assert incident.link == "https://dagster.example/assets/glue_catalog/songs?view=checks&checkDetail=in_sync"


def test_it_is_told_once_until_it_passes(checked: Checked) -> None:
    assert len(checked.run("3 dates differ")) == 1
    assert checked.run("4 dates differ") == []
    assert checked.run() == []
    assert len(checked.run("3 dates differ")) == 1


def test_runs_that_the_sensor_comes_to_late_do_not_keep_silent_for_each_other(checked: Checked) -> None:
    """Each took the other, which had failed in the same way, for the one before it: nobody was told at all."""
    first, second = (checked.succeed("3 dates differ", dg.AssetCheckSeverity.ERROR) for _ in range(2))
    assert len(checked.hear(first)) == 1
    assert checked.hear(second) == []


def test_another_cause_is_another_incident(checked: Checked) -> None:
    checked.run("3 dates differ")
    assert len(checked.run("the table is gone")) == 1


def test_warnings_are_one_summary_a_day(checked: Checked) -> None:
    warn = dg.AssetCheckSeverity.WARN
    assert checked.run("two playlists can't be read", warn) == []
    sent: list[Incident] = []
    cursor = None
    for now in (AFTERNOON - dt.timedelta(hours=5), AFTERNOON, AFTERNOON + dt.timedelta(hours=1)):
        sensor = check_warnings_sensor(
            SETTINGS, [KEY], dg.DefaultSensorStatus.STOPPED, sent.append, clock=lambda now=now: now
        )
        result = sensor(dg.build_sensor_context(instance=checked.instance, cursor=cursor))
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor or cursor
    (summary,) = sent
    assert summary.title == "1 checks warn"
    assert "glue_catalog/songs: in_sync: two playlists can't be read" in summary.text


class TestWhatIsReportedOutsideOfRuns:
    """Snowpipe's checks are reported by a sensor: no run ends that could tell of them."""

    @pytest.fixture
    def reported(self, checked: Checked) -> "Reported":
        return Reported(checked.instance)

    def test_it_is_one_incident_until_it_passes(self, reported: "Reported") -> None:
        (incident,) = reported.tick("3 files were rejected")
        assert incident.title == "check in_sync of glue_catalog/songs failed"
        assert reported.tick("4 files were rejected") == []
        assert reported.tick(None) == []
        assert reported.tick("") == []
        assert len(reported.tick("3 files were rejected")) == 1

    def test_another_cause_is_another_incident(self, reported: "Reported") -> None:
        reported.tick("3 files were rejected")
        assert len(reported.tick("the pipe stands still")) == 1

    def test_a_warning_is_none(self, reported: "Reported") -> None:
        assert reported.tick("slow", dg.AssetCheckSeverity.WARN) == []

    def test_what_a_run_evaluated_last_is_told_by_the_runs_end(self, reported: "Reported", checked: Checked) -> None:
        assert len(checked.run("3 dates differ")) == 1
        assert reported.tick(None) == []
        assert checked.run("4 dates differ") == []

    def test_old_reports_are_not_what_a_run_is_compared_with(self, reported: "Reported", checked: Checked) -> None:
        reported.tick("3 dates differ")
        reported.tick("")
        assert len(checked.run("3 dates differ")) == 1


class Reported:
    """The sensor of what is reported outside of runs, over ticks."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.cursor: str | None = None

    def tick(self, found: str | None, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR) -> list[Incident]:
        """A report (nothing wrong when empty; none when None), and what people hear of it on the next tick."""
        if found is not None:
            self.instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=KEY.asset_key, check_name=KEY.name, passed=not found, severity=severity, description=found
                )
            )
        sent: list[Incident] = []
        sensor = reported_checks_sensor(SETTINGS, [KEY], dg.DefaultSensorStatus.STOPPED, sent.append)
        result = sensor(dg.build_sensor_context(instance=self.instance, cursor=self.cursor))
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return sent
