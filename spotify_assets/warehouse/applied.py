"""Which tables are behind what is loaded, by the state the warehouse keeps: LOADS against APPLIED_LOADS, and the code.

Asked by the `left_behind` sensor and by `spotify-assets build`; one statement, however many tables. What a table does
about it belongs in `dimensions` and `marts`.
"""

from __future__ import annotations

from collections.abc import Iterator

from glue_scripts.contract import DIMENSIONS, MARTS
from spotify_assets.warehouse import dimensions, marts, schema, state
from spotify_assets.warehouse.session import Session, Value


def codes() -> dict[str, str]:
    """The fingerprint of the code of each computed table, `layer/table` to fingerprint, each after what it reads."""
    return {
        **{f"spotify/{name}": dimensions.code(name) for name in DIMENSIONS},
        **{f"analytics/{name}": marts.code(name) for name in MARTS},
    }


def behind(session: Session) -> list[str]:
    """The tables, as `layer/table`, that were not yet computed from what is loaded, were computed by other code, or are
    gone."""
    schema.prepare(session, [("lake", schema.LOADS), ("spotify", schema.APPLIED), ("analytics", schema.APPLIED)])
    statements: list[str] = []
    values: list[Value] = []
    for path, current in codes().items():
        layer, table = path.split("/")
        of = _lake(layer, table)
        if of:
            statements.append(f"SELECT '{path}' AS name FROM ({state.pending_statement(layer, len(of))}) AS pending")
            values += [*of, table, current]
    rows = session.execute("SELECT DISTINCT name FROM (\n" + "\nUNION ALL\n".join(statements) + "\n) AS behind", values)
    late = {str(name) for (name,) in rows} | {*_views(session)} | {path for path in codes() if _gone(session, path)}
    return [path for path in codes() if path in late]


def _lake(layer: str, table: str) -> tuple[str, ...]:
    """The lake tables whose loads a table is computed from; none for a view."""
    if layer == "spotify":
        return (table,)
    return () if marts.DEFINITIONS[table].how == "view" else marts.DEFINITIONS[table].lake


def _gone(session: Session, path: str) -> bool:
    layer, table = path.split("/")
    places = [(layer, table)]
    if layer == "analytics":
        behind_the_view, stored = schema.stored(table)
        places.append((behind_the_view, stored.name))
    return not all(schema.exists(session, *place) for place in places)


def _views(session: Session) -> Iterator[str]:
    """The views that other code made, or nobody yet, where anything is loaded."""
    if session.count("SELECT COUNT(*) FROM LAKE.LOADS"):
        for name, mart in marts.DEFINITIONS.items():
            if mart.how == "view" and not state.made_by(session, "analytics", name, marts.code(name)):
                yield f"analytics/{name}"
