"""Jobs without assets: adopting what landed, and the vacuum. What they do is in `spotify.landing` and `lake.vacuum`."""

import datetime as dt

import dagster as dg
from pydantic import Field

from spotify_assets.automation.jobs import CRASH_RETRIES, OWNERS
from spotify_assets.markdown import escaped
from spotify_assets.names import ADOPT, PLAIN, VACUUM, Names
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import retried

ADOPT_OP = "adopt_objects"

_SHOWN = 50


class AdoptConfig(dg.Config):
    """Which objects to adopt."""

    digests: list[str] = Field(
        default=[],
        description="Digests of the objects, as the sensor saw them; all that wait when empty.",
    )


def maintenance_jobs(names: Names = PLAIN, executor: dg.ExecutorDefinition | None = None) -> list[dg.JobDefinition]:
    """The jobs."""
    return [_adoption(names, executor), _vacuum(names, executor)]


def _adoption(names: Names, executor: dg.ExecutorDefinition | None) -> dg.JobDefinition:
    @dg.op(
        name=names.called(ADOPT_OP),
        description="Adopt the objects that wait in landing/to_be_processed/, each by itself; none can fail another.",
    )
    @names.bound
    @retried
    def adopt_objects(context: dg.OpExecutionContext, config: AdoptConfig, lake: LakeResource) -> None:
        from spotify_assets.spotify import landing

        landed = landing.adopt_waiting(
            lake.store,
            dt.datetime.now(dt.UTC).date(),
            only=set(config.digests) or None,
            on_outcome=lambda outcome: context.log.info(outcome.describe()),
        )
        reasons = [f"- {escaped(each.moved_to)}: {escaped(each.rejected)}" for each in landed.rejected[:_SHOWN]]
        context.add_output_metadata(
            {
                "objects": len(landed.outcomes),
                "new_snapshots": len(landed.snapshots),
                "entries": sum(each.entries for each in landed.snapshots),
                "rejected": len(landed.rejected),
                "left_for_the_next_look": len(landed.left),
                **({"reasons": dg.MetadataValue.md("\n".join(reasons))} if reasons else {}),
            }
        )

    @dg.job(
        name=names.called(ADOPT),
        description=(
            "Turn raw Spotify JSON that other systems dropped into raw snapshots; then move it to "
            "`landing/processed/`, or with the reason beside it to `landing/rejected/`."
        ),
        owners=OWNERS,
        executor_def=executor,
        tags={**CRASH_RETRIES, "dagster/max_runtime": "7200"},
    )
    def adopt_landing() -> None:
        adopt_objects()

    return adopt_landing


def _vacuum(names: Names, executor: dg.ExecutorDefinition | None) -> dg.JobDefinition:
    @dg.op(
        name=names.called("remove_superseded"),
        description="Remove files of runs that no commit names any more and that are older than a week.",
    )
    @names.bound
    @retried
    def remove_superseded(context: dg.OpExecutionContext, lake: LakeResource) -> None:
        from spotify_assets.lake.vacuum import vacuum

        done = vacuum(lake.store, dt.datetime.now(dt.UTC), on_progress=context.log.info)
        context.add_output_metadata({"looked_at": done.looked_at, "removed": done.removed, "bytes": done.bytes})

    @dg.job(
        name=names.called(VACUUM),
        description="Remove the files of superseded runs; never what a commit names or what is younger than 7 days.",
        owners=OWNERS,
        executor_def=executor,
        tags={**CRASH_RETRIES, "dagster/max_runtime": "21600"},
    )
    def vacuum_lake() -> None:
        remove_superseded()

    return vacuum_lake
