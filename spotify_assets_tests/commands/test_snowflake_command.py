"""`spotify-assets snowflake`: what set-up prints, runs and reports."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets.failures import PermanentError
from spotify_assets.resources.warehouse_snowflake import SnowflakeWarehouse
from spotify_assets.warehouse import schema, setup
from spotify_assets.warehouse.session import QueryTag, Row, Session, Value

ROLE_ARN = "arn:aws:iam::123456789012:role/lake"
ENVIRONMENT = {
    "SNOWFLAKE_ACCOUNT": "org-account",
    "SNOWFLAKE_USER": "DAGSTER",
    "SNOWFLAKE_ROLE": "LOADER",
    "SNOWFLAKE_WAREHOUSE": "WH",
    "SNOWFLAKE_PRIVATE_KEY": "secret-pem",
    "LAKE_URL": "s3://bucket/lake",
}


class Account(Session):
    """An account that remembers what exists, in place of one."""

    def __init__(self) -> None:
        self.existing: set[str] = set()
        self.sent: list[str] = []
        self.lake: list[Row] = []
        self.roles: list[str] = []
        self.trusted = True
        self.tables: list[Row] = []
        self._remembered = {}

    def execute(self, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        self.sent.append(sql)
        if sql.startswith("DESC INTEGRATION"):
            return [
                ("ENABLED", "Boolean", "true", "false"),
                ("STORAGE_AWS_IAM_USER_ARN", "String", "arn:aws:iam::1:user/snow", ""),
                ("STORAGE_AWS_EXTERNAL_ID", "String", "EXT_ID", ""),
            ]
        if "SYSTEM$VALIDATE_STORAGE_INTEGRATION" in sql:
            failed = {"status": "failure", "message": "Error assuming AWS_ROLE"}
            return [(json.dumps({"status": "success"} if self.trusted else failed),)]
        if sql.startswith("CREATE PIPE") and not self.trusted:
            raise PermanentError("Snowflake could not run 'CREATE PIPE': Error assuming AWS_ROLE", code="003167")
        if "SYSTEM$PIPE_STATUS" in sql:
            return [(json.dumps({"executionState": "RUNNING", "notificationChannelName": "arn:aws:sqs:queue"}),)]
        if "information_schema.schemata" in sql:
            return self.tables
        if "information_schema.tables" in sql:
            return [row for row in self.lake if row[1] == params[1] and list(params[2:]) in ([], [row[0]])]
        found = re.match(r"CREATE (?:OR REPLACE )?(.+?)(?: IF NOT EXISTS)? ([\w.]+)", sql)
        if not found:
            return [("Statement executed successfully.",)]
        name = found[2]
        new = name not in self.existing
        self.existing.add(name)
        return [(f"{name} successfully created." if new else f"{name} already exists, statement succeeded.",)]


def every_column() -> list[Row]:
    """INFORMATION_SCHEMA.COLUMNS of an account that is up to date."""
    layers = {**schema.TABLES, "landing": setup.landing_tables()}
    return [
        (
            layer.upper(),
            table.name.upper(),
            column.name.upper(),
            schema._REPORTED[column.type],
            None if schema.is_view(layer, table.name) else "BASE TABLE",
        )
        for layer, tables in layers.items()
        for table in tables.values()
        for column in table.columns
    ]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    found = Account()

    def run(self: SnowflakeWarehouse, work: Callable[[Session], object], tag: QueryTag) -> object:
        found.roles.append(self.role)
        return work(found)

    monkeypatch.setattr(SnowflakeWarehouse, "run", run)
    return found


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return CliRunner()


def test_a_dry_run_prints_every_statement_and_connects_to_nothing(command: CliRunner) -> None:
    result = command.invoke(main, ["snowflake", "setup", "--dry-run", "--aws-role-arn", ROLE_ARN])

    assert result.exit_code == 0, result.output
    assert "CREATE STORAGE INTEGRATION IF NOT EXISTS SPOTIFY_ASSETS_LAKE" in result.stdout
    assert f"STORAGE_AWS_ROLE_ARN = '{ROLE_ARN}'" in result.stdout
    assert "STORAGE_ALLOWED_LOCATIONS = ('s3://bucket/lake/')" in result.stdout
    assert "CREATE PIPE" not in result.stdout
    assert "&{" not in result.stdout
    assert "secret-pem" not in result.stdout


def test_set_up_reports_what_it_created_and_the_values_for_aws(command: CliRunner, account: Account) -> None:
    first = command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])
    account.tables = every_column()
    account.forget(schema.existing_tables)
    second = command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])

    assert first.exit_code == 0, first.output
    assert "20_database: SPOTIFY_ASSETS successfully created." in first.stdout
    assert "SnowflakeIamUserArn=arn:aws:iam::1:user/snow" in first.stdout
    assert "SnowflakeExternalId=EXT_ID" in first.stdout
    assert "Nothing was missing." in second.stdout


def test_snowpipe_mode_makes_pipes_and_prints_the_queue(
    command: CliRunner, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_LOAD", "snowpipe")

    result = command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])

    assert result.exit_code == 0, result.output
    assert "SnowpipeQueueArn=arn:aws:sqs:queue" in result.stdout
    assert account.roles == ["ACCOUNTADMIN"]
    assert sum(sql.startswith("CREATE PIPE") for sql in account.sent) == 7
    made = [sql.split()[5] for sql in account.sent if sql.startswith("CREATE TABLE IF NOT EXISTS LAKE.")]
    assert set(made) == {"LAKE.LOADS"}


@pytest.mark.parametrize(
    ("load", "kind", "remedy"), [("snowpipe", "BASE TABLE", "RENAME TO"), ("copy", "VIEW", "DROP VIEW")]
)
def test_changing_the_load_mode_of_an_account_stops_with_what_to_do(
    command: CliRunner, account: Account, monkeypatch: pytest.MonkeyPatch, load: str, kind: str, remedy: str
) -> None:
    monkeypatch.setenv("SNOWFLAKE_LOAD", load)
    account.lake = [("SONGS", kind)]
    monkeypatch.setattr(Account, "execute", _names_only(Account.execute))

    result = command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])

    assert result.exit_code == 1
    assert remedy in result.stderr


def _names_only(
    real: Callable[[Account, str, Sequence[Value]], list[Row]],
) -> Callable[[Account, str, Sequence[Value]], list[Row]]:
    def execute(self: Account, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        rows = real(self, sql, params)
        return [(row[0],) for row in rows] if "information_schema.tables" in sql else rows

    return execute


class Silent:
    """Set-up's report, to nobody."""

    def applied(self, file: str, what: setup.Applied) -> None: ...

    def trust(self, values: Mapping[str, str]) -> None: ...


def test_columns_that_older_tables_lack_are_added_before_the_views_that_select_them(account: Account) -> None:
    account.tables = [row for row in every_column() if row[:3] != ("LANDING", "SONGS", "ISRC")]
    variables = setup.Variables(
        database="SPOTIFY_ASSETS",
        warehouse="WH",
        loader_role="L",
        analyst_role="A",
        integration="I",
        lake_url="s3://b/l",
        aws_role_arn=ROLE_ARN,
        user="U",
    )

    setup.apply(account, setup.plan("snowpipe", variables), "snowpipe", variables, Silent())

    added = next(n for n, sql in enumerate(account.sent) if sql.startswith("ALTER TABLE LANDING.SONGS ADD COLUMN"))
    view = next(n for n, sql in enumerate(account.sent) if sql.startswith("CREATE OR REPLACE VIEW LAKE.SONGS"))
    assert added < view


def test_refresh_in_copy_mode_says_what_to_do_instead(command: CliRunner) -> None:
    result = command.invoke(main, ["snowflake", "refresh"])

    assert result.exit_code == 1
    assert "there are no pipes" in result.stderr


def test_without_an_account_set_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])

    assert result.exit_code == 1
    assert "The warehouse is embedded" in result.stderr


def test_a_variable_nobody_gave_is_named() -> None:
    with pytest.raises(PermanentError, match="Set-up needs a value for surprise"):
        setup.statements("SELECT '&{surprise}'", {})


def test_a_semicolon_in_a_comment_or_a_string_ends_no_statement() -> None:
    assert setup.statements("-- a; b\nSELECT ';' AS x; -- c;\nSELECT 2;\n", {}) == ["SELECT ';' AS x", "SELECT 2"]


def test_before_aws_trusts_snowflake_set_up_prints_the_values_and_ends_well_the_second_time(
    command: CliRunner, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_LOAD", "snowpipe")
    account.trusted = False

    first = command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])
    made = {*account.existing}
    account.trusted = True
    second = command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])

    assert first.exit_code == 1
    assert "SnowflakeIamUserArn=arn:aws:iam::1:user/snow" in first.stdout
    assert "AWS does not let Snowflake read s3://bucket/lake yet: Error assuming AWS_ROLE" in first.stderr
    assert "Deploy infra/aws.yaml" in first.stderr
    assert {"LANDING.SONGS", "LAKE.SONGS", "SPOTIFY.SONGS"} <= made
    assert second.exit_code == 0, second.output
    assert "SnowpipeQueueArn=arn:aws:sqs:queue" in second.stdout


def test_a_pipe_that_snowflake_refuses_for_want_of_trust_says_the_same(
    command: CliRunner, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trust check may be answered from what was true a moment ago: 003167 of CREATE PIPE has the last word."""
    monkeypatch.setenv("SNOWFLAKE_LOAD", "snowpipe")
    account.trusted = False
    monkeypatch.setattr(setup, "check_trust", lambda session, variables: None)

    result = command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])

    assert result.exit_code == 1
    assert "SnowflakeExternalId=EXT_ID" in result.stdout
    assert "the same command once more" in result.stderr


def test_copy_mode_is_set_up_without_trust_and_says_what_is_next(command: CliRunner, account: Account) -> None:
    account.trusted = False

    result = command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])

    assert result.exit_code == 0, result.output
    assert "Next: AWS does not let Snowflake read" in result.stdout


@pytest.mark.parametrize(("trusted", "code"), [(True, 0), (False, 1)])
def test_trust_prints_the_values_at_any_time_and_says_whether_aws_trusts_them(
    command: CliRunner, account: Account, *, trusted: bool, code: int
) -> None:
    account.trusted = trusted

    result = command.invoke(main, ["snowflake", "trust"])

    assert result.exit_code == code, result.output
    assert "SnowflakeExternalId=EXT_ID" in result.stdout
    assert ("AWS lets Snowflake read s3://bucket/lake." in result.stdout) == trusted


def test_the_phases_of_set_up_in_their_order() -> None:
    assert [(phase.name, phase.files) for phase in setup.phases("snowpipe")] == [
        ("account", ("00_roles", "10_compute", "20_database")),
        ("integration", ("30_integration",)),
        ("tables", ("35_stage", "50_tables", "60_landing")),
        ("grants", ("90_grants",)),
        ("pipes", ("95_pipes",)),
    ]


def test_the_statements_of_set_up_in_their_order(command: CliRunner, account: Account) -> None:
    command.invoke(main, ["snowflake", "setup", "--aws-role-arn", ROLE_ARN])

    kinds = [re.sub(r"[^A-Z_ ].*", "", " ".join(sql.split()[:3])).strip() for sql in account.sent]
    order = [kinds.index(kind) for kind in ("CREATE ROLE IF", "CREATE WAREHOUSE IF", "CREATE DATABASE IF")]
    order += [kinds.index("CREATE STORAGE INTEGRATION"), kinds.index("DESC INTEGRATION SPOTIFY_ASSETS_LAKE")]
    order += [kinds.index("CREATE STAGE IF"), kinds.index("GRANT SELECT ON")]
    assert order == sorted(order)


def test_an_upgrade_needs_the_loaders_role_alone(
    command: CliRunner, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_LOAD", "snowpipe")

    result = command.invoke(main, ["snowflake", "upgrade"])

    assert result.exit_code == 0, result.output
    assert account.roles == ["LOADER"]
    roles = {sql for sql in account.sent if sql.startswith("USE ROLE")}
    assert roles == {"USE ROLE LOADER"}
    assert not any(sql.startswith(("CREATE ROLE", "CREATE STORAGE INTEGRATION", "GRANT")) for sql in account.sent)


def test_the_view_that_was_loads_once_makes_room_for_the_table(
    command: CliRunner, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_LOAD", "snowpipe")
    account.lake = [("LOADS", "VIEW")]
    monkeypatch.setattr(Account, "execute", _names_only(Account.execute))

    result = command.invoke(main, ["snowflake", "upgrade"])

    assert result.exit_code == 0, result.output
    assert account.sent.index("DROP VIEW LAKE.LOADS") < next(
        number for number, sql in enumerate(account.sent) if sql.startswith("CREATE TABLE IF NOT EXISTS LAKE.LOADS")
    )
