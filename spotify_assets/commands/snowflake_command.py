"""`spotify-assets snowflake`: set an account up, and have its pipes catch up. What is sent belongs in `warehouse`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import click

from glue_scripts.commit import Commit
from spotify_assets.failures import PermanentError
from spotify_assets.settings import Settings, load_settings
from spotify_assets.warehouse import setup, snowpipe
from spotify_assets.warehouse.session import QueryTag, Session
from spotify_assets.warehouse.setup import Applied, Variables
from spotify_assets.warehouse.sql import identifier

_TAG = QueryTag("setup")


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
@click.option("--admin-role", default="ACCOUNTADMIN", show_default=True, help="Role to connect with.")
@click.option("--service-user", metavar="USER", help="User that loads, made when missing; SNOWFLAKE_USER by default.")
@click.option("--analyst-role", default="SPOTIFY_ASSETS_ANALYST", show_default=True, help="Role that may read.")
@click.option("--integration", default="SPOTIFY_ASSETS_LAKE", show_default=True, help="The storage integration's name.")
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

    Runs the files of infra/snowflake with the names of the SNOWFLAKE_… variables: roles, a suspended warehouse with a
    resource monitor, database, access to the lake, tables (or pipes and views with SNOWFLAKE_LOAD=snowpipe), grants.
    At the end it prints the two values that infra/aws.yaml needs. SNOWFLAKE_USER signs in and must be allowed to use
    the admin role; name the user that Dagster will sign in as with --service-user if it is another one.
    """
    settings = _snowflake_settings()
    variables = Variables(
        database=settings.snowflake_database,
        warehouse=settings.snowflake_warehouse or "",
        loader_role=settings.snowflake_role or "",
        analyst_role=analyst_role,
        integration=integration,
        lake_url=settings.lake,
        aws_role_arn=aws_role_arn,
        user=service_user or settings.snowflake_user or "",
        credit_quota=credit_quota,
    )
    files = setup.plan(settings.snowflake_load, variables)
    if dry_run:
        for name, statements in files:
            click.echo(f"-- infra/snowflake/{name}.sql")
            click.echo("\n\n".join(f"{statement};" for statement in statements) + "\n")
        return
    from spotify_assets.resources.warehouse_snowflake import snowflake_warehouse

    if settings.dagster_cloud_is_branch_deployment:
        raise PermanentError("Set-up is for production's account objects: run it outside of a branch deployment.")
    admin = snowflake_warehouse(settings).model_copy(update={"role": admin_role, "attempts": 1})
    admin.run(lambda session: _apply(session, files, settings, admin_role, integration), _TAG)


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
        click.echo(f"{table}: {len(statements)} requests" if statements else f"{table}: nothing is missing")


def send_missed(session: Session, commits: Mapping[dt.date, Commit]) -> dict[str, list[str]]:
    """Record the commits and refresh every table; the statements that were run, by table."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    snowpipe.record_commits(session, commits.values(), now)
    return {table: snowpipe.refresh(session, table, commits, now) for table in setup.LAKE_TABLES}


def _apply(
    session: Session, files: list[tuple[str, list[str]]], settings: Settings, admin_role: str, integration: str
) -> None:
    created = 0

    def report(name: str, applied: Applied) -> None:
        nonlocal created
        created += applied.created
        head = " ".join(applied.statement.split())[:90]
        if applied.created:
            click.echo(f"{name}: {applied.status or head}")

    setup.apply(session, files, settings.snowflake_load, report)
    click.echo(f"{created} objects created or changed." if created else "Nothing was missing.")
    session.execute(f"USE ROLE {identifier(admin_role)}")
    click.echo("Parameters for infra/aws.yaml:")
    values = setup.aws_values(session, integration)
    click.echo(f"  SnowflakeIamUserArn={values['STORAGE_AWS_IAM_USER_ARN']}")
    click.echo(f"  SnowflakeExternalId={values['STORAGE_AWS_EXTERNAL_ID']}")
    if settings.snowflake_load == "snowpipe":
        click.echo(f"  SnowpipeQueueArn={setup.notification_channel(session)}")


def _snowflake_settings() -> Settings:
    settings = load_settings()
    if settings.warehouse_name != "snowflake":
        raise PermanentError(
            "The warehouse is embedded: set SNOWFLAKE_ACCOUNT and the other SNOWFLAKE_ variables of .env.example first."
        )
    return settings
