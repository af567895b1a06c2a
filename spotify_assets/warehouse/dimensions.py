"""Dimensions: one row per key, merged from the loads that a dimension has not seen yet.

A merge works from state (`state.pending`), so it may run at any time, in any order of dates, any number of times. The
result always equals `rebuild`, which computes the dimension from nothing but LAKE.
"""

from __future__ import annotations

from dataclasses import dataclass

from glue_scripts.contract import DIMENSIONS, Table
from spotify_assets.warehouse import quality, schema, state
from spotify_assets.warehouse.fingerprint import fingerprint
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import column_list, on_key, placeholders, qualified, render
from spotify_assets.warehouse.state import Pending

_SEEN = ("first_seen_on", "last_seen_on")


@dataclass(frozen=True)
class Merged:
    """What a merge or rebuild did: the dates it brought in, the rows the table has now, and how many were checked."""

    pending: Pending
    rows: int
    checked: int


def merge_statement(table: Table, days: int) -> str:
    """The MERGE of a number of dates; binds them once."""
    return render(
        "dimension_merge",
        **_names(table),
        dates=placeholders(days),
        on_key=on_key(table.key, "s", "t"),
        assignments=_assignments(table),
        values=column_list(table.column_names, "s"),
    )


def recompute_statement(table: Table, days: int) -> str:
    """The MERGE that computes anew the keys a number of superseded dates may have changed; binds them four times."""
    attributes = _attributes(table)
    rest = tuple(name for name in attributes if name not in table.key)
    return render(
        "dimension_recompute",
        **_names(table),
        dates=placeholders(days),
        on_key=on_key(table.key, "s", "t"),
        dimension_key=column_list(table.key, "d"),
        on_first=on_key(table.key, "f", "d"),
        on_last=on_key(table.key, "e", "d"),
        on_touched=on_key(table.key, "l", "touched"),
        on_latest=on_key(table.key, "latest", "touched"),
        source_attributes=column_list(attributes, "l"),
        source_key=column_list(table.key, "l"),
        touched_key=column_list(table.key, "touched"),
        latest_rest=column_list(rest, "latest"),
        assignments=_assignments(table),
    )


def rebuild_statement(table: Table) -> str:
    """The INSERT that fills an empty dimension from all of LAKE."""
    return render("dimension_rebuild", **_names(table))


def code(name: str) -> str:
    """The fingerprint of what makes a dimension's rows."""
    table = DIMENSIONS[name]
    return fingerprint(table, merge_statement(table, 1), recompute_statement(table, 1), rebuild_statement(table))


def merge(session: Session, name: str) -> Merged:
    """Bring a dimension up to what `LAKE.<name>` holds now; computed anew where other code made it or it was gone.

    What it brought in is checked before it becomes visible: raises quality.RulesBroken with the dimension as it was.
    """
    table = DIMENSIONS[name]
    gone = not schema.exists(session, "spotify", name)
    _prepare(session, table)
    current = code(name)
    todo = state.pending(session, "spotify", name, [name], current)
    if todo.outdated or (gone and state.is_applied(session, "spotify", name)):
        return _rebuild(session, table, current)
    checked = 0
    if todo:
        with session.transaction():
            if todo.superseded:
                session.execute(recompute_statement(table, len(todo.superseded)), todo.superseded * 4)
            if todo.present:
                session.execute(merge_statement(table, len(todo.present)), todo.present)
                checked = quality.require(session, "spotify", table, "last_seen_on >= ?", [todo.present[0]])
            state.record_applied(session, "spotify", name, todo, current)
    return Merged(todo, _rows(session, table), checked)


def rebuild(session: Session, name: str) -> Merged:
    """Compute a dimension from all of LAKE, whatever it held; readers see the old rows until it is done."""
    table = DIMENSIONS[name]
    _prepare(session, table)
    return _rebuild(session, table, code(name))


def _rebuild(session: Session, table: Table, current: str) -> Merged:
    everything = state.pending(session, "spotify", table.name, [table.name], code=None)
    todo = Pending(new=everything.present, gone=everything.gone, runs=everything.runs, outdated=True)
    with session.transaction():
        session.execute(f"DELETE FROM {qualified('spotify', table.name)}")
        session.execute(rebuild_statement(table))
        checked = quality.require(session, "spotify", table)
        state.record_applied(session, "spotify", table.name, todo, current)
    return Merged(todo, _rows(session, table), checked)


def _prepare(session: Session, table: Table) -> None:
    lake = schema.TABLES["lake"]
    schema.prepare(
        session,
        [("lake", lake[table.name]), ("lake", schema.LOADS), ("spotify", table), ("spotify", schema.APPLIED)],
    )


def _rows(session: Session, table: Table) -> int:
    return session.count(f"SELECT COUNT(*) FROM {qualified('spotify', table.name)}")


def _names(table: Table) -> dict[str, str]:
    return {
        "target": qualified("spotify", table.name),
        "source": qualified("lake", table.name),
        "columns": column_list(table.column_names),
        "attributes": column_list(_attributes(table)),
        "key": column_list(table.key),
    }


def _attributes(table: Table) -> tuple[str, ...]:
    return tuple(name for name in table.column_names if name not in _SEEN)


def _assignments(table: Table) -> str:
    return ",\n  ".join(f"{name} = s.{name}" for name in _attributes(table) if name not in table.key)
