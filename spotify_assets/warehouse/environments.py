"""Which database a deployment works on: production's own, or the clone of a branch deployment.

Pure functions; the clone is made by the resource on first use and dropped by a job.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spotify_assets.failures import PermanentError
from spotify_assets.settings import Settings
from spotify_assets.warehouse.sql import identifier, qualified


def database_name(settings: Settings) -> str:
    """The database this deployment works on. Raises PermanentError for a branch deployment without a pull request."""
    if not settings.dagster_cloud_is_branch_deployment:
        return settings.snowflake_database
    if not settings.dagster_cloud_pull_request_id:
        raise PermanentError(
            "This is a branch deployment (DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT) without DAGSTER_CLOUD_PULL_REQUEST_ID, "
            f"so it has no database of its own, and it must not work on {settings.snowflake_database}: open a pull "
            "request for the branch."
        )
    return branch_database(settings.snowflake_database, settings.dagster_cloud_pull_request_id)


def branch_database(database: str, pull_request: str | int) -> str:
    """`<database>_PR_<n>`. Raises PermanentError unless `pull_request` is a number: the name is dropped one day."""
    if not re.fullmatch(r"[1-9]\d{0,8}", str(pull_request)):
        raise PermanentError(f"{pull_request!r} is no pull request number: give the number alone, such as 17.")
    return f"{identifier(database)}_PR_{pull_request}"


def clone_statement(database: str, source: str) -> str:
    """Make `database` from `source` unless it exists: a metadata copy, without storage of its own until it changes.

    Pipes come along stopped (Snowflake: CREATE <object> … CLONE, Cloning and Snowpipe), so nothing is ingested twice.
    """
    return f"CREATE DATABASE IF NOT EXISTS {identifier(database)} CLONE {identifier(source)}"


def copied_statements(views: Sequence[str]) -> list[str]:
    """Make tables of the given views of LAKE, with the rows that these show: what loads replace date by date.

    A branch of a production that loads by Snowpipe has views there, over pipes that point at production's path; it
    loads by COPY into tables of its own. The pipes of a clone stay stopped.
    """
    statements = []
    for view in views:
        name, copied = qualified("lake", view), qualified("lake", f"{view}_COPIED")
        statements += [
            f"CREATE OR REPLACE TRANSIENT TABLE {copied} AS SELECT * FROM {name}",
            f"DROP VIEW {name}",
            f"ALTER TABLE {copied} RENAME TO {name}",
        ]
    return statements


VIEWS = "SELECT table_name FROM information_schema.views WHERE table_schema = ? ORDER BY table_name"
"""The views of a schema."""


def drop_statement(database: str, pull_request: str | int) -> str:
    """Drop the clone of a pull request's branch deployment; never production's database, by its name."""
    return f"DROP DATABASE IF EXISTS {branch_database(database, pull_request)}"
