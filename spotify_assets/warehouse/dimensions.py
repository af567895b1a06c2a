"""Dimensions: one row per key, merged from the loads that a dimension has not seen yet.

A merge works from state (`state.pending`), so it may run at any time, in any order of dates, any number of times. The
result always equals `rebuild`, which computes the dimension from nothing but LAKE.
"""

from __future__ import annotations

from dataclasses import dataclass

from glue_scripts.contract import DIMENSIONS, Table
from spotify_assets.warehouse import schema, state
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import column_list, on_key, placeholders, qualified, render
from spotify_assets.warehouse.state import Pending

_SEEN = ("first_seen_on", "last_seen_on")


@dataclass(frozen=True)
class Merged:
    """What a merge or rebuild did: the dates it brought in, and the rows the table has now."""

    pending: Pending
    rows: int


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
    """The MERGE that computes anew the keys a number of superseded dates may have changed; binds them twice."""
    attributes = _attributes(table)
    rest = tuple(name for name in attributes if name not in table.key)
    return render(
        "dimension_recompute",
        **_names(table),
        dates=placeholders(days),
        on_key=on_key(table.key, "s", "t"),
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


def merge(session: Session, name: str) -> Merged:
    """Bring a dimension up to what `LAKE.<name>` holds now."""
    table = DIMENSIONS[name]
    _prepare(session, table)
    loaded = state.loaded_runs(session, name)
    todo = state.pending(loaded, state.applied_runs(session, "spotify", name))
    if todo:
        with session.transaction():
            if todo.superseded:
                session.execute(recompute_statement(table, len(todo.superseded)), todo.superseded * 2)
            if todo.present:
                session.execute(merge_statement(table, len(todo.present)), todo.present)
            state.record_applied(session, "spotify", name, {day: loaded[day] for day in todo.present}, todo.gone)
    return Merged(todo, _rows(session, table))


def rebuild(session: Session, name: str) -> Merged:
    """Compute a dimension from all of LAKE, whatever it held; readers see the old rows until it is done."""
    table = DIMENSIONS[name]
    _prepare(session, table)
    loaded = state.loaded_runs(session, name)
    applied = state.applied_runs(session, "spotify", name)
    todo = Pending(new=tuple(sorted(loaded)), gone=tuple(sorted(day for day in applied if day not in loaded)))
    with session.transaction():
        session.execute(f"DELETE FROM {qualified('spotify', name)}")
        session.execute(rebuild_statement(table))
        state.record_applied(session, "spotify", name, loaded, todo.gone)
    return Merged(todo, _rows(session, table))


def _prepare(session: Session, table: Table) -> None:
    lake = schema.TABLES["lake"]
    schema.prepare(
        session,
        [("lake", lake[table.name]), ("lake", schema.LOADS), ("spotify", table), ("spotify", schema.APPLIED)],
    )


def _rows(session: Session, table: Table) -> int:
    return int(str(session.execute(f"SELECT COUNT(*) FROM {qualified('spotify', table.name)}")[0][0]))


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
