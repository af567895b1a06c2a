"""The warehouse as pandas frames, for notebooks: the same on a laptop and on Snowflake, and reading only.

    from spotify_assets.notebook import sql, table
    runs = table("analytics.song_runs")
    top = sql("select song_name, longest_run from analytics.song_runs order by 2 desc limit 10")

Settings come from the environment and from `.env` in the notebook's folder, as on the command line. Columns have lower
case names; dates are `datetime64`, and whole numbers with gaps stay whole (`Int64`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from glue_scripts.contract import all_tables
from spotify_assets.cli import read_env_file
from spotify_assets.failures import PermanentError
from spotify_assets.settings import load_settings
from spotify_assets.warehouse.read_only import check_reads_only

if TYPE_CHECKING:
    import pandas as pd


def table(name: str) -> pd.DataFrame:
    """Every row of `schema.table`, such as `analytics.song_runs`. Raises PermanentError for an unknown one."""
    tables = {f"{layer}.{each.name}" for layer, each in all_tables()}
    if name.lower() not in tables:
        near = sorted(each for each in tables if each.endswith(f".{name.lower().rpartition('.')[2]}"))
        raise PermanentError(
            f"There is no table {name!r}",
            remedy=f"use {' or '.join(near or ['a name of docs/data-model.md, such as analytics.song_runs'])}",
        )
    return sql(f"select * from {name.lower()}")


def sql(statement: str) -> pd.DataFrame:
    """The rows of one query in Snowflake SQL. Raises PermanentError for a statement that changes something."""
    from spotify_assets.resources.root import warehouse_resource

    check_reads_only(statement)
    read_env_file(Path(".env"))
    return _typed(warehouse_resource(load_settings()).query(statement))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the types that pandas plots and joins by."""
    import pandas as pd

    typed = frame.convert_dtypes()
    for name in typed.select_dtypes(object):
        values = typed[name].dropna()
        if len(values) and all(isinstance(value, dt.date) for value in values):
            typed[name] = pd.to_datetime(typed[name])
    return typed
