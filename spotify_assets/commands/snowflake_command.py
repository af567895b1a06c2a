"""`spotify-assets snowflake`: set an account up, and have its pipes catch up. What is sent belongs in `warehouse`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from glue_scripts.commit import Commit
from spotify_assets.commands.terminal import say, write
from spotify_assets.failures import PermanentError
from spotify_assets.settings import Settings, load_settings
from spotify_assets.warehouse import setup, snowpipe
from spotify_assets.warehouse.session import QueryTag, Session
from spotify_assets.warehouse.setup import Applied, Variables
from spotify_assets.warehouse.sql import identifier

if TYPE_CHECKING:
    from spotify_assets.resources.warehouse_snowflake import SnowflakeWarehouse

_TAG = QueryTag("setup")

_ADMIN_ROLE = click.option(
    "--admin-role", default="ACCOUNTADMIN", show_default=True, help="Role to connect with; it must own the integration."
)
_INTEGRATION = click.option(
    "--integration", default="SPOTIFY_ASSETS_LAKE", show_default=True, help="The storage integration's name."
)


@click.group("snowflake")
def command() -> None:
    """Set up the Snowflake account and keep its pipes fed."""


@command.command("setup")
@click.option("--dry-run", is_flag=True, help="Print the statements; connect to nothing.")
@click.option(
    "--aws-role-arn",
    required=True,
    metavar="ARN",
    help="The role Snowflake assumes to read the lake: output SnowflakeRoleArn of infra/aws.yaml.",
)
@_ADMIN_ROLE
@click.option("--service-user", metavar="USER", help="User that loads, made when missing; SNOWFLAKE_USER by default.")
@click.option("--analyst-role", default="SPOTIFY_ASSETS_ANALYST", show_default=True, help="Role that may read.")
@_INTEGRATION
@click.option("--credit-quota", default=20, show_default=True, help="Credits a month, then the warehouse is suspended.")
def set_up(
    dry_run: bool,
    aws_role_arn: str,
    admin_role: str,
    service_user: str | None,
    analyst_role: str,
    integration: str,
    credit_quota: int,
) -> None:
    """Create what is missing in the account; safe to repeat at any time.

    Runs the files of infra/snowflake with the names of the SNOWFLAKE_… variables, in phases: account (roles, a
    suspended warehouse with a resource monitor, database), integration, tables, grants, and for snowpipe pipes.
    The two values that infra/aws.yaml needs are printed as soon as the integration is there; pipes can only be made
    once AWS trusts them, so run it again after that. SNOWFLAKE_USER signs in and must be allowed to use the admin role;
    name the user that Dagster will sign in as with --service-user if it is another one.
    """
    settings = _snowflake_settings()
    variables = _variables(
        settings,
        analyst_role=analyst_role,
        integration=integration,
        aws_role_arn=aws_role_arn,
        user=service_user or settings.snowflake_user or "",
        credit_quota=credit_quota,
    )
    plan = setup.plan(settings.snowflake_load, variables)
    if dry_run:
        for phase, files in plan:
            for name, statements in files:
                text = "\n\n".join(f"{statement};" for statement in statements)
                write(f"-- {phase.name}: infra/snowflake/{name}.sql\n{text}\n\n")
        return
    admin = _account(settings, admin_role)
    admin.run(lambda session: _apply(session, plan, settings, variables, admin_role), _TAG)


@command.command("trust")
@_ADMIN_ROLE
@_INTEGRATION
def trust(admin_role: str, integration: str) -> None:
    """Print the two values that AWS has to trust, and whether it does.

    Can be asked at any time after the first set-up. Exits with 1 when AWS does not let Snowflake read the lake yet.
    """
    settings = _snowflake_settings()
    variables = _variables(settings, integration=integration)

    def ask(session: Session) -> None:
        _Printed().trust(setup.aws_values(session, integration))
        setup.check_trust(session, variables)
        say(f"AWS lets Snowflake read {variables.lake_url}.")

    _account(settings, admin_role).run(ask, _TAG)


@command.command("upgrade")
@_INTEGRATION
def upgrade(integration: str) -> None:
    """Bring tables, views and pipes to this version's contract, as SNOWFLAKE_ROLE.

    Needs no administrator: for the day after an upgrade, when ACCOUNTADMIN is long gone from the service user.
    """
    settings = _snowflake_settings()
    variables = _variables(settings, integration=integration)
    plan = setup.plan(settings.snowflake_load, variables, setup.UPGRADE)
    role = settings.snowflake_role or ""
    _account(settings, role).run(lambda session: _apply(session, plan, settings, variables, role), _TAG)


@command.command("refresh")
def refresh() -> None:
    """Send again what the pipes missed (SNOWFLAKE_LOAD=snowpipe).

    Records commits of the lake that Snowflake does not know yet, then lets each pipe look for the files it has not
    loaded; files older than a pipe can find are copied directly. Nothing shows twice, however often it is run.
    """
    from spotify_assets.lake import state
    from spotify_assets.resources.lake import lake_resource
    from spotify_assets.resources.root import warehouse_resource

    settings = _snowflake_settings()
    if settings.snowflake_load != "snowpipe":
        raise PermanentError(
            "SNOWFLAKE_LOAD is 'copy', so there are no pipes: materialize snowflake/lake instead "
            "(spotify-assets build)."
        )
    lake = lake_resource(settings)
    commits = lake.commits(state.committed_days(lake.store))
    sent = warehouse_resource(settings).run(lambda session: send_missed(session, commits), QueryTag("refresh"))
    for table, statements in sent.items():
        say(f"{table}: {len(statements)} requests" if statements else f"{table}: nothing is missing")


def send_missed(session: Session, commits: Mapping[dt.date, Commit]) -> dict[str, list[str]]:
    """Record the commits and refresh every table; the statements that were run, by table."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    snowpipe.record_commits(session, commits.values(), now)
    return {table: snowpipe.refresh(session, table, commits, now) for table in setup.LAKE_TABLES}


class _Printed:
    """Set-up's report on the terminal."""

    def __init__(self) -> None:
        self.created = 0

    def applied(self, file: str, what: Applied) -> None:
        self.created += what.created
        if what.created:
            say(f"{file}: {what.status or ' '.join(what.statement.split())[:90]}")

    def trust(self, values: Mapping[str, str]) -> None:
        say("Parameters for infra/aws.yaml:")
        for name, value in values.items():
            say(f"  {name}={value}")


def _apply(session: Session, plan: setup.Plan, settings: Settings, variables: Variables, role: str) -> None:
    report = _Printed()
    setup.apply(session, plan, settings.snowflake_load, variables, report)
    say(f"{report.created} objects created or changed." if report.created else "Nothing was missing.")
    if settings.snowflake_load == "snowpipe":
        session.execute(f"USE ROLE {identifier(role)}")
        say(f"  SnowpipeQueueArn={setup.notification_channel(session)}")
        return
    try:
        setup.check_trust(session, variables)
    except PermanentError as error:
        say(f"Next: {error}")


def _variables(settings: Settings, **given: Any) -> Variables:
    """What set-up needs, from the settings; `given` are the options of the command."""
    known: dict[str, Any] = {
        "database": settings.snowflake_database,
        "warehouse": settings.snowflake_warehouse or "",
        "loader_role": settings.snowflake_role or "",
        "lake_url": settings.lake,
        "user": settings.snowflake_user or "",
    }
    return Variables(**{**known, **given})


def _account(settings: Settings, role: str) -> SnowflakeWarehouse:
    """Production's account under `role`; nothing is tried twice. Raises PermanentError in a branch deployment."""
    from spotify_assets.resources.warehouse_snowflake import snowflake_warehouse

    if settings.branch:
        raise PermanentError(
            "Set-up is for production's account objects", remedy="run it outside of a branch deployment"
        )
    return snowflake_warehouse(settings).model_copy(update={"role": role, "attempts": 1})


def _snowflake_settings() -> Settings:
    settings = load_settings()
    if settings.warehouse_name != "snowflake":
        raise PermanentError(
            "The warehouse is embedded: set SNOWFLAKE_ACCOUNT and the other SNOWFLAKE_ variables of .env.example first."
        )
    return settings
