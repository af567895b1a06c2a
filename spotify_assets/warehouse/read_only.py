"""Whether a statement only reads: what `spotify-assets sql` and notebooks may send. Pure."""

from __future__ import annotations

import re

from spotify_assets.failures import PermanentError

_WRITES = "Insert Update Delete Merge Create Drop Alter Copy TruncateTable Command Into Set Use Transaction".split()  # noqa: SIM905
"""sqlglot's expressions that change something, wherever they stand: in a CTE, in a SELECT … INTO."""

_HARMLESS = frozenset(
    {
        "SYSTEM$CLUSTERING_DEPTH",
        "SYSTEM$CLUSTERING_INFORMATION",
        "SYSTEM$ESTIMATE_QUERY_ACCELERATION",
        "SYSTEM$PIPE_STATUS",
        "SYSTEM$TYPEOF",
        "SYSTEM$WHITELIST",
        "SYSTEM$ALLOWLIST",
    }
)
"""Snowflake's system functions that only tell something; the others cancel, abort, refresh or wait."""

_SYSTEM = re.compile(r"SYSTEM\$\w+", re.IGNORECASE)

_REMEDY = "this command only reads; change data by materializing assets (spotify-assets build)"


def check_reads_only(statement: str, dialect: str = "snowflake") -> None:
    """Raise PermanentError unless `statement` is one query (SELECT, WITH, SHOW, DESCRIBE) without side effects.

    Comments may stand anywhere. Refused: several statements, `SELECT … INTO`, changes inside a CTE, `FOR UPDATE`,
    sequences (`….NEXTVAL` takes a number), and system functions that do something.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    try:
        parsed = [part for part in sqlglot.parse(statement, read=dialect) if part]
    except (ParseError, TokenError) as error:
        raise PermanentError(f"This is no {dialect.capitalize()} SQL: {str(error).splitlines()[0]}") from None
    if len(parsed) != 1:
        raise PermanentError(f"There are {len(parsed)} statements", remedy="give one")
    query = parsed[0]
    if not isinstance(query, exp.Query | exp.Describe | exp.Show):
        raise PermanentError(f"{query.key.upper()} is not run here", remedy=_REMEDY)
    for node in query.walk():
        if type(node).__name__ in _WRITES:
            raise PermanentError(f"{_said(node)} inside a query is not run here", remedy=_REMEDY)
        if isinstance(node, exp.Lock):
            raise PermanentError("FOR UPDATE locks rows", remedy=_REMEDY)
        if isinstance(node, exp.Column) and node.name.upper() == "NEXTVAL":
            raise PermanentError(f"{node.sql(dialect)} takes a number from a sequence", remedy=_REMEDY)
    text = query.sql(dialect, comments=False)
    for name in {name.upper() for name in _SYSTEM.findall(_without_strings(text))} - _HARMLESS:
        raise PermanentError(f"{name} does something", remedy=_REMEDY)


def _said(node: object) -> str:
    return {"Into": "INTO", "TruncateTable": "TRUNCATE"}.get(type(node).__name__, type(node).__name__.upper())


def _without_strings(text: str) -> str:
    return re.sub(r"'(?:[^'\\]|\\.|'')*'", "''", text)
