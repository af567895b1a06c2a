"""Set-up of a Snowflake account: the files of `infra/snowflake`, what they list, and applying them.

Where a file lists tables or columns it is generated from the contract (`generated_files`, written by
`python -m spotify_assets.warehouse.setup`); a test holds the files to that. `&{name}` is SnowSQL's way of writing a
variable, so each file can also be run by hand. Every statement can be repeated on a live account: nothing that holds
data or load history is ever replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from glue_scripts.contract import LAKE_TABLES, Table
from spotify_assets.failures import PermanentError
from spotify_assets.settings import SnowflakeLoad
from spotify_assets.warehouse import landing, schema, snowpipe
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import SCHEMAS

_IN_WHEEL = Path(__file__).parents[1] / "infra" / "snowflake"
FOLDER = _IN_WHEEL if _IN_WHEEL.is_dir() else Path(__file__).parents[2] / "infra" / "snowflake"

FILES: dict[str, tuple[str, ...]] = {
    "copy": ("00_roles", "10_compute", "20_database", "30_lake_access", "40_lake_tables", "50_tables", "90_grants"),
    "snowpipe": ("00_roles", "10_compute", "20_database", "30_lake_access", "50_tables", "60_snowpipe", "90_grants"),
}
"""The files of each load mode, in order."""

_GENERATED = "-- Generated from the contract by `python -m spotify_assets.warehouse.setup`; edit the contract instead."
_VARIABLE = re.compile(r"&\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Variables:
    """What set-up needs to know. Names are plain identifiers; `lake_url` ends without a slash."""

    database: str
    warehouse: str
    loader_role: str
    analyst_role: str
    integration: str
    lake_url: str
    aws_role_arn: str
    user: str
    credit_quota: int = 20

    def mapping(self) -> dict[str, str]:
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Applied:
    """A statement that was run, what Snowflake said, and whether something came into being or changed by it."""

    statement: str
    status: str
    created: bool


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
            "One row per song, album, artist, playlist and credit (SPOTIFY), and the marts (ANALYTICS).",
            loader,
            *(
                schema.create_table(layer, table)
                for layer in ("spotify", "analytics")
                for table in schema.TABLES[layer].values()
            ),
        ),
        "60_snowpipe": _file(
            "SNOWFLAKE_LOAD=snowpipe: landing tables, their pipes, and views in place of copy mode's tables.\n"
            "-- The views are replaced when they change: they hold nothing.",
            f"{loader}{schema.create_schema('landing')};\nUSE SCHEMA {SCHEMAS['landing']};\n",
            *(schema.create_table("landing", table) for table in landing_tables().values()),
            *(landing.pipe(table) for table in LAKE_TABLES.values()),
            landing.loads_view(),
            *(landing.current_view(table) for table in LAKE_TABLES.values()),
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
    return [part for part in (_without_comments(part) for part in _split(filled)) if part]


def plan(load: SnowflakeLoad, variables: Variables) -> list[tuple[str, list[str]]]:
    """Every file of the load mode with its statements, in order."""
    values = variables.mapping()
    return [(name, statements(_read(name), values)) for name in FILES[load]]


def check_mode(session: Session, load: SnowflakeLoad) -> None:
    """Raise PermanentError when LAKE holds what the other load mode made: tables and views share their names."""
    wrong = "BASE TABLE" if load == "snowpipe" else "VIEW"
    rows = session.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = ? AND table_type = ? ORDER BY table_name",
        [SCHEMAS["lake"], wrong],
    )
    names = [str(name) for (name,) in rows if str(name).lower() in schema.TABLES["lake"]]
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


def apply(
    session: Session, files: list[tuple[str, list[str]]], load: SnowflakeLoad, report: Callable[[str, Applied], None]
) -> None:
    """Run the files' statements; `report` is told each, with its file.

    Tables made earlier get the columns they lack before the files that list them, since views select all of them.
    """
    for name, parts in files:
        for statement in parts:
            rows = session.execute(statement)
            status = str(rows[0][0]) if rows and rows[0] else ""
            report(name, Applied(statement, status, created="successfully created" in status))
        if name == "30_lake_access":
            check_mode(session, load)
            for statement in follow_contract(session, load):
                report("contract", Applied(statement, "", created=True))  # sent only where something was missing


def follow_contract(session: Session, load: SnowflakeLoad) -> list[str]:
    """Make missing tables, and add the columns that tables made earlier lack; the DDL that was needed."""
    layers: dict[str, Mapping[str, Table]] = {layer: schema.TABLES[layer] for layer in ("spotify", "analytics")}
    layers |= {"lake": schema.TABLES["lake"]} if load == "copy" else {"landing": landing_tables()}
    return schema.prepare(session, [(layer, table) for layer, tables in layers.items() for table in tables.values()])


def aws_values(session: Session, integration: str) -> dict[str, str]:
    """The IAM user and external id that the AWS side has to trust, from `DESC INTEGRATION`."""
    rows = session.execute(f"DESC INTEGRATION {integration}")
    found = {str(row[0]).upper(): str(row[2]) for row in rows if len(row) > 2}
    return {name: found.get(name, "") for name in ("STORAGE_AWS_IAM_USER_ARN", "STORAGE_AWS_EXTERNAL_ID")}


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
    """Split at semicolons outside of strings and comments."""
    start = 0
    for match in re.finditer(r"'(?:[^'\\]|\\.|'')*'|--[^\n]*|;", text):
        if match[0] == ";":
            yield text[start : match.start()]
            start = match.end()
    yield text[start:]


def _without_comments(statement: str) -> str:
    lines = [line for line in statement.strip().splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip()


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
