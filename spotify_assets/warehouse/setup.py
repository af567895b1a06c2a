"""Set-up of a Snowflake account: the files of `infra/snowflake`, what they list, and applying them.

Where a file lists tables or columns it is generated from the contract (`generated_files`, written by
`python -m spotify_assets.warehouse.setup`); a test holds the files to that. `&{name}` is SnowSQL's way of writing a
variable, so each file can also be run by hand. Every statement can be repeated on a live account: nothing that holds
data or load history is ever replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from glue_scripts.contract import LAKE_TABLES, Table
from spotify_assets.failures import PermanentError, PlatformError
from spotify_assets.settings import SnowflakeLoad
from spotify_assets.warehouse import landing, schema, snowpipe
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import SCHEMAS, literal, qualified

_IN_WHEEL = Path(__file__).parents[1] / "infra" / "snowflake"
FOLDER = _IN_WHEEL if _IN_WHEEL.is_dir() else Path(__file__).parents[2] / "infra" / "snowflake"

PhaseName = Literal["account", "integration", "tables", "grants", "pipes"]


@dataclass(frozen=True)
class Phase:
    """A part of set-up that can be repeated alone: its name and its files, in order."""

    name: PhaseName
    files: tuple[str, ...]


_TABLES = {"copy": ("35_stage", "40_lake_tables", "50_tables"), "snowpipe": ("35_stage", "50_tables", "60_landing")}


def phases(load: SnowflakeLoad) -> tuple[Phase, ...]:
    """The phases of a load mode. Pipes come last: making one assumes the AWS role, which AWS has to allow before."""
    return (
        Phase("account", ("00_roles", "10_compute", "20_database")),
        Phase("integration", ("30_integration",)),
        Phase("tables", _TABLES[load]),
        Phase("grants", ("90_grants",)),
        *((Phase("pipes", ("95_pipes",)),) if load == "snowpipe" else ()),
    )


UPGRADE: frozenset[PhaseName] = frozenset({"tables", "pipes"})
"""What follows a new contract: the loader's own objects, so no other role is needed."""

_GENERATED = "-- Generated from the contract by `python -m spotify_assets.warehouse.setup`; edit the contract instead."
_VARIABLE = re.compile(r"&\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Variables:
    """What set-up needs to know. Names are plain identifiers; `lake_url` ends without a slash."""

    database: str
    warehouse: str
    loader_role: str
    lake_url: str
    user: str
    analyst_role: str = "SPOTIFY_ASSETS_ANALYST"
    integration: str = "SPOTIFY_ASSETS_LAKE"
    aws_role_arn: str = ""
    credit_quota: int = 20

    def mapping(self) -> dict[str, str]:
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Applied:
    """A statement that was run, what Snowflake said, and whether something came into being or changed by it."""

    statement: str
    status: str
    created: bool


class Report(Protocol):
    """Who is told what set-up did, as it is done."""

    def applied(self, file: str, what: Applied) -> None: ...

    def trust(self, values: Mapping[str, str]) -> None:
        """The parameters of infra/aws.yaml by which AWS comes to trust Snowflake."""
        ...


def generated_files() -> dict[str, str]:
    """The generated files' names and texts."""
    loader = "USE ROLE &{loader_role};\nUSE DATABASE &{database};\n"
    return {
        "40_lake_tables": _file(
            "The tables that loads replace date by date (SNOWFLAKE_LOAD=copy), and the record of what they hold.",
            loader,
            *(schema.create_table("lake", table) for table in schema.TABLES["lake"].values()),
        ),
        "50_tables": _file(
            "One row per song, album, artist, playlist and credit (SPOTIFY), the rows of the marts (FACTS), and the\n"
            "-- marts (ANALYTICS). The views are replaced when they change: they hold nothing.",
            loader,
            *(
                schema.create_table(layer, table)
                for layer in ("spotify", "facts", "analytics")
                for table in schema.TABLES[layer].values()
                if not schema.is_view(layer, table.name)
            ),
            *(schema.create_view(mart) for mart in schema.VIEWS),
        ),
        "60_landing": _file(
            "SNOWFLAKE_LOAD=snowpipe: landing tables, and views in place of copy mode's tables.\n"
            "-- The views are replaced when they change: they hold nothing.",
            f"{loader}{schema.create_schema('landing')};\n",
            *(schema.create_table("landing", table) for table in landing_tables().values()),
            schema.create_table("lake", schema.LOADS),
            *(landing.current_view(table) for table in LAKE_TABLES.values()),
        ),
        "95_pipes": _file(
            "SNOWFLAKE_LOAD=snowpipe: the pipes. Making one assumes the AWS role (003167 until AWS allows it).",
            f"{loader}USE SCHEMA {SCHEMAS['landing']};\n",
            *(landing.pipe(table) for table in LAKE_TABLES.values()),
        ),
    }


def landing_tables() -> dict[str, Table]:
    """The tables of schema LANDING: one per lake table, and the commits."""
    return {**LAKE_TABLES, landing.COMMITS.name: landing.COMMITS}


def statements(text: str, variables: Mapping[str, str]) -> list[str]:
    """The statements of a file with its variables filled in. Raises PermanentError for a variable nobody gave."""
    unknown = sorted(set(_VARIABLE.findall(text)) - variables.keys())
    if unknown:
        raise PermanentError(f"Set-up needs a value for {', '.join(unknown)}.")
    filled = _VARIABLE.sub(lambda match: variables[match[1]].replace("'", "''"), text)
    return list(_split(filled))


Plan = Sequence[tuple[Phase, Sequence[tuple[str, Sequence[str]]]]]
"""Phases in order, each with its files and their statements."""


def plan(load: SnowflakeLoad, variables: Variables, only: Collection[PhaseName] | None = None) -> Plan:
    """Every phase of the load mode, or `only` those named, with its files and their statements, in order."""
    values = variables.mapping()
    return [
        (phase, [(name, statements(_read(name), values)) for name in phase.files])
        for phase in phases(load)
        if only is None or phase.name in only
    ]


def check_mode(session: Session, load: SnowflakeLoad) -> None:
    """Raise PermanentError when LAKE holds what the other load mode made: tables and views share their names."""
    wrong = "BASE TABLE" if load == "snowpipe" else "VIEW"
    rows = session.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = ? AND table_type = ? ORDER BY table_name",
        [SCHEMAS["lake"], wrong],
    )
    names = [str(name) for (name,) in rows if str(name).lower() in LAKE_TABLES]
    if names and load == "snowpipe":
        example = f"ALTER TABLE LAKE.{names[0]} RENAME TO LAKE.{names[0]}_COPIED"
        raise PermanentError(
            f"LAKE holds tables loaded by SNOWFLAKE_LOAD=copy ({', '.join(names)}), where snowpipe mode has views. "
            f"Rename them first ('{example}', …), run setup again, and then 'spotify-assets snowflake refresh'."
        )
    if names:
        raise PermanentError(
            f"LAKE holds views made for SNOWFLAKE_LOAD=snowpipe ({', '.join(names)}), where copy mode has tables. Drop "
            f"them first ('DROP VIEW LAKE.{names[0]}', …; they hold no data), run setup again, and materialize all "
            "partitions of snowflake/lake."
        )


def apply(session: Session, plan: Plan, load: SnowflakeLoad, variables: Variables, report: Report) -> None:
    """Run the phases. `report` is told each statement, and the values AWS has to trust as soon as they exist.

    Everything can be repeated; what was made or learnt before a failure stays. Raises PermanentError, before the first
    pipe is made, when AWS does not let Snowflake read the lake yet.
    """
    for phase, files in plan:
        if phase.name == "tables":
            _prepare_tables(session, load, variables, report)
        if phase.name == "pipes":
            check_trust(session, variables)
        for name, parts in files:
            for statement in parts:
                try:
                    rows = session.execute(statement)
                except PlatformError as error:
                    raise (_no_trust(variables, error.what) if error.code == NO_TRUST else error) from error
                status = str(rows[0][0]) if rows and rows[0] else ""
                report.applied(name, Applied(statement, status, created="successfully created" in status))
        if phase.name == "integration":
            report.trust(aws_values(session, variables.integration))


def _prepare_tables(session: Session, load: SnowflakeLoad, variables: Variables, report: Report) -> None:
    """Tables made earlier get the columns they lack before the files that list them, since views select all of them."""
    session.execute(f"USE ROLE {variables.loader_role}")
    session.execute(f"USE DATABASE {variables.database}")
    check_mode(session, load)
    for statement in [*_outgrown(session), *follow_contract(session, load)]:
        report.applied("contract", Applied(statement, "", created=True))  # sent only where something was missing


def _outgrown(session: Session) -> list[str]:
    """LAKE.LOADS was a view in snowpipe mode once; it holds nothing, and the table takes its place."""
    rows = session.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_type = ? AND table_name = ?",
        [SCHEMAS["lake"], "VIEW", schema.LOADS.name.upper()],
    )
    dropped = [f"DROP VIEW {qualified('lake', schema.LOADS.name)}" for _ in rows]
    for statement in dropped:
        session.execute(statement)
    if dropped:
        session.forget(schema.existing_tables)
    return dropped


NO_TRUST = "003167"
"""Snowflake's `Error assuming AWS_ROLE`: the role's trust policy does not name its user and external id."""


def trust_statement(variables: Variables) -> str:
    """Have Snowflake list the lake through the integration (Snowflake: SYSTEM$VALIDATE_STORAGE_INTEGRATION)."""
    integration, url = variables.integration.upper(), f"{variables.lake_url}/"  # the name is case-sensitive there
    return (
        f"SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION({literal(integration)}, {literal(url)}, 'none', 'list') AS trust"
    )


def check_trust(session: Session, variables: Variables) -> None:
    """Raise PermanentError when AWS does not let Snowflake read the lake."""
    text = str(session.execute(trust_statement(variables))[0][0])
    try:
        answer = json.loads(text)
        trusted, said = answer["status"] == "success", answer.get("message") or text
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PermanentError(
            f"SYSTEM$VALIDATE_STORAGE_INTEGRATION answered {text[:200]!r}, which says nothing"
        ) from error
    if not trusted:
        raise _no_trust(variables, str(said)[:500])


def _no_trust(variables: Variables, said: str) -> PermanentError:
    return PermanentError(
        f"AWS does not let Snowflake read {variables.lake_url} yet: {said}",
        remedy="deploy infra/aws.yaml with the two values of 'spotify-assets snowflake trust', wait a minute, and run "
        "the same command once more; what was made so far stays",
        code=NO_TRUST,
    )


def follow_contract(session: Session, load: SnowflakeLoad) -> list[str]:
    """Make missing tables, and add the columns that tables made earlier lack; the DDL that was needed."""
    computed = ("spotify", "facts", "analytics")
    layers: dict[str, Mapping[str, Table]] = {layer: schema.TABLES[layer] for layer in computed}
    layers["lake"] = schema.TABLES["lake"] if load == "copy" else {schema.LOADS.name: schema.LOADS}
    layers |= {"landing": landing_tables()} if load == "snowpipe" else {}
    return schema.prepare(session, [(layer, table) for layer, tables in layers.items() for table in tables.values()])


def aws_values(session: Session, integration: str) -> dict[str, str]:
    """The parameters of infra/aws.yaml that name Snowflake's IAM user and external id, from `DESC INTEGRATION`."""
    rows = session.execute(f"DESC INTEGRATION {integration}")
    properties = {str(row[0]).upper(): str(row[2]) for row in rows if len(row) > 2}
    return {
        "SnowflakeIamUserArn": properties.get("STORAGE_AWS_IAM_USER_ARN", ""),
        "SnowflakeExternalId": properties.get("STORAGE_AWS_EXTERNAL_ID", ""),
    }


def notification_channel(session: Session) -> str:
    """The SQS queue that the bucket has to notify, the same for all pipes of a bucket; empty when there is no pipe."""
    status = session.execute(snowpipe.status_statement(next(iter(LAKE_TABLES))))
    return str(json.loads(str(status[0][0])).get("notificationChannelName") or "")


def _file(title: str, preamble: str, *parts: str) -> str:
    body = ";\n\n".join(parts)
    return f"-- {title}\n{_GENERATED}\n\n{preamble}\n{body};\n"


def _read(name: str) -> str:
    path = FOLDER / f"{name}.sql"
    if not path.is_file():
        raise PermanentError(f"{path} is not there: run set-up from a checkout of the repository.")
    return path.read_text(encoding="utf-8")


def _split(text: str) -> Iterator[str]:
    """The statements of a script, without the comments around them."""
    import sqlglot

    first = last = None
    for token in sqlglot.tokenize(text, read="snowflake"):
        if token.token_type is sqlglot.TokenType.SEMICOLON:
            if first is not None and last is not None:
                yield text[first.start : last.end + 1]
            first = last = None
        else:
            first, last = first or token, token
    if first is not None and last is not None:
        yield text[first.start : last.end + 1]


def write_files(folder: Path = FOLDER) -> list[Path]:
    """Write the generated files; their paths."""
    written = []
    for name, text in generated_files().items():
        path = folder / f"{name}.sql"
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    write_files()
