"""Marts: what changed, computed from LAKE and the dimensions by the SELECTs of `sql/marts`.

A mart is replaced in one transaction: whole, or only the dates whose inputs changed where each day stands for itself.
Which of the two, and why, is said in the mart's SQL; `PER_DAY` lists the latter with the lake tables they read.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from glue_scripts.contract import MARTS, Table
from spotify_assets.warehouse import schema, state
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import column_list, delete_dates, placeholders, qualified, render, statement
from spotify_assets.warehouse.state import Pending

READS: dict[str, tuple[str, ...]] = {
    "playlist_changes": ("lake/playlists", "lake/playlist_items", "spotify/songs", "spotify/artists"),
    "song_runs": ("lake/playlists", "lake/playlist_items", "spotify/songs", "spotify/artists"),
    "artist_share": ("lake/playlist_items", "lake/song_artists", "spotify/artists"),
    "release_profile": ("lake/playlist_items", "lake/songs", "lake/albums"),
    "playlist_overlap": ("lake/playlist_items",),
    "song_popularity": ("lake/songs", "spotify/songs", "spotify/artists"),
}
"""The tables each mart reads, as `layer/table`."""

PER_DAY = ("artist_share", "release_profile", "playlist_overlap")
"""Marts whose rows of a day depend on that day's lake rows only."""

REFRESH_NAMES = {"artist_share": "marts/artist_share_names"}
"""Statements that bring names up to date on rows that are kept."""


@dataclass(frozen=True)
class Built:
    """What was computed: the dates (None: all of them) and the rows the mart has now."""

    pending: Pending | None
    rows: int


def select_statement(name: str, days: int) -> str:
    """The mart's SELECT; a mart of `PER_DAY` binds a number of dates, once."""
    if name not in PER_DAY:
        return statement(f"marts/{name}")
    return render(f"marts/{name}", dates=placeholders(days))


def insert_statement(table: Table, days: int = 0) -> str:
    """The INSERT of the mart's rows; a mart of `PER_DAY` binds a number of dates, once."""
    columns = column_list(table.column_names)
    select = select_statement(table.name, days)
    target = qualified("analytics", table.name)
    return f"INSERT INTO {target} ({columns})\nSELECT {columns}\nFROM (\n{select}\n) AS rows_now"


def build(session: Session, name: str) -> Built:
    """Bring a mart up to what LAKE and the dimensions hold now."""
    if name not in PER_DAY:
        return rebuild(session, name)
    _prepare(session, name)
    loaded = _loaded(session, name)
    todo = state.pending(loaded, state.applied_runs(session, "analytics", name))
    with session.transaction():
        _replace_days(session, MARTS[name], todo)
        state.record_applied(session, "analytics", name, {day: loaded[day] for day in todo.present}, todo.gone)
        if name in REFRESH_NAMES:
            session.execute(statement(REFRESH_NAMES[name]))
    return Built(todo, _rows(session, name))


def rebuild(session: Session, name: str) -> Built:
    """Compute a mart from scratch, whatever it held; readers see the old rows until it is done."""
    table = MARTS[name]
    _prepare(session, name)
    if name not in PER_DAY:
        with session.transaction():
            session.execute(f"DELETE FROM {qualified('analytics', name)}")
            session.execute(insert_statement(table))
        return Built(None, _rows(session, name))
    loaded = _loaded(session, name)
    applied = state.applied_runs(session, "analytics", name)
    todo = Pending(new=tuple(sorted(loaded)), gone=tuple(sorted(day for day in applied if day not in loaded)))
    with session.transaction():
        session.execute(f"DELETE FROM {qualified('analytics', name)}")
        _replace_days(session, table, todo)
        state.record_applied(session, "analytics", name, loaded, todo.gone)
    return Built(None, _rows(session, name))


def _replace_days(session: Session, table: Table, todo: Pending) -> None:
    days = todo.all
    if days:
        session.execute(delete_dates(qualified("analytics", table.name), len(days)), days)
    if todo.present:
        session.execute(insert_statement(table, len(todo.present)), todo.present)


def _prepare(session: Session, name: str) -> None:
    tables = [tuple(path.split("/")) for path in READS[name]]
    schema.prepare(
        session,
        [
            *((layer, schema.TABLES[layer][table]) for layer, table in tables),
            ("lake", schema.LOADS),
            ("analytics", MARTS[name]),
            ("analytics", schema.APPLIED),
        ],
    )


def _loaded(session: Session, name: str) -> dict[dt.date, str]:
    """The run of each date that the mart's lake tables agree on; a date they don't agree on is left out."""
    tables = [path.removeprefix("lake/") for path in READS[name] if path.startswith("lake/")]
    return state.agreed({table: state.loaded_runs(session, table) for table in tables})


def _rows(session: Session, name: str) -> int:
    return int(str(session.execute(f"SELECT COUNT(*) FROM {qualified('analytics', name)}")[0][0]))
