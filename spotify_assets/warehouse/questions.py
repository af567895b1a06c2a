"""What people ask the warehouse by hand, and how Snowflake names the columns of the answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def snowflake_names(statement: str, names: Sequence[str]) -> list[str]:
    """`names` of a query's columns, with those that have no alias named by their text, as Snowflake does.

    Every other database names `count(*)` in its own way; Snowflake writes the expression in upper case. Where the
    columns can't be told apart (`*`, SHOW) they stay as they are.
    """
    import sqlglot
    from sqlglot import exp

    parsed = sqlglot.parse_one(statement, read="snowflake")
    columns = parsed.selects if isinstance(parsed, exp.Query) else []
    if len(columns) != len(names) or any(column.is_star for column in columns):
        return list(names)
    return [
        name if column.alias or isinstance(column, exp.Column) else column.sql("snowflake").upper()
        for name, column in zip(names, columns, strict=True)
    ]
