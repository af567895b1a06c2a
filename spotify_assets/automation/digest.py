"""The weekly digest through the alert channel: a job, and its schedule where WEEKLY_DIGEST_CRON is set.

What a digest says belongs in `warehouse.digest`, how a message is delivered in `alerts`.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from spotify_assets.automation.alerts import sender
from spotify_assets.automation.jobs import OWNERS
from spotify_assets.markdown import escaped
from spotify_assets.names import PLAIN, SEND_DIGEST, Names
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import retried
from spotify_assets.settings import Settings
from spotify_assets.warehouse import digest
from spotify_assets.warehouse.marts import monday
from spotify_assets.warehouse.session import QueryTag


@dataclass(frozen=True)
class DigestMessage:
    """A digest as the alert channel takes it."""

    title: str
    text: str


def digest_job(
    settings: Settings,
    send: Callable[[DigestMessage], None] | None = None,
    names: Names = PLAIN,
    executor: dg.ExecutorDefinition | None = None,
) -> dg.JobDefinition:
    """Sends the digest of the last week that is over; `send` replaces what the settings name."""
    deliver = send or sender(settings)

    @dg.op(
        name=names.called("send_digest"),
        description="Send what last week changed in every playlist to ALERT_WEBHOOK_URL or ALERT_SNS_TOPIC_ARN.",
    )
    @names.bound
    @retried
    def send_digest(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> None:
        over = monday(dt.datetime.now(dt.UTC).date()) - dt.timedelta(days=7)
        try:
            week = warehouse.run(lambda session: digest.read(session, over), QueryTag(SEND_DIGEST, "", context.run_id))
        except digest.NoSnapshotsError as nothing:
            deliver(DigestMessage(f"No snapshots in the week of {over}", escaped(str(nothing))))
            context.log.info(str(nothing))
            return
        deliver(DigestMessage(week.title, digest.to_markdown(week)))
        context.log.info(f"Sent: {week.title}, {len(week.playlists)} playlists")

    @dg.job(
        name=names.called(SEND_DIGEST),
        description=(
            "Send what the last week changed in every playlist to `ALERT_WEBHOOK_URL` or `ALERT_SNS_TOPIC_ARN`."
        ),
        owners=OWNERS,
        executor_def=executor,
    )
    def send_weekly_digest() -> None:
        send_digest()

    return send_weekly_digest


def digest_schedules(settings: Settings, names: Names = PLAIN) -> list[dg.ScheduleDefinition]:
    """The schedule WEEKLY_DIGEST_CRON asks for; none when it is unset."""
    if settings.weekly_digest_cron is None:
        return []
    status = dg.DefaultScheduleStatus.RUNNING if settings.automation_on else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=names.called("weekly_digest"),
            job_name=names.called(SEND_DIGEST),
            cron_schedule=settings.weekly_digest_cron,
            execution_timezone=settings.schedule_timezone,
            default_status=status,
            description=(
                "Send what the last week changed in every playlist, as `spotify-assets digest` prints it "
                "(`WEEKLY_DIGEST_CRON`)."
            ),
            owners=OWNERS,
        )
    ]
