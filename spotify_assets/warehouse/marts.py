"""Marts: what changed, computed from LAKE by the SELECTs of `sql/marts`, shown with names by the views of `sql/views`.

A day costs a day. How a mart takes in what is new depends on what a row of it rests on (`Mart.how`):

- `days`: on one date. The dates whose lake rows changed are replaced.
- `snapshots`: on a playlist's snapshots. Those that differ, by content, decide what is computed again.
- `weeks`: on the dates of a week and of the one before it.
- `popularity`: on a song's previous date.
- `view`: on another mart alone. Nothing is computed.

The same SELECT serves what is new and a rebuild, with identical rows. A mart that other code made is rebuilt.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from glue_scripts.contract import MARTS, Table
from spotify_assets.lake.state import shown
from spotify_assets.warehouse import quality, schema, state
from spotify_assets.warehouse.fingerprint import fingerprint
from spotify_assets.warehouse.session import Session, Value
from spotify_assets.warehouse.sql import column_list, delete_dates, on_key, placeholders, qualified, render, statement
from spotify_assets.warehouse.state import Pending

How = Literal["days", "snapshots", "weeks", "popularity", "view"]

LOOK_BACK = dt.timedelta(days=45)
"""How far back a song's previous popularity is looked for at first."""

_EVER = dt.date(1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Mart:
    """One mart: how it takes in what is new, the tables it reads (as `layer/table`), and its files of `sql/marts`."""

    how: How
    reads: tuple[str, ...]
    files: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=())
    """The dimensions that its view joins."""

    @property
    def lake(self) -> tuple[str, ...]:
        """The lake tables it reads."""
        return tuple(path.removeprefix("lake/") for path in self.reads if path.startswith("lake/"))


_SONG_NAMES = ("spotify/songs", "spotify/artists")
_SNAPSHOTS = ("lake/playlists", "lake/playlist_items")

DEFINITIONS: dict[str, Mart] = {
    "playlist_changes": Mart(
        how="snapshots",
        reads=_SNAPSHOTS,
        files=("affected_changes", "playlist_changes_clear", "playlist_changes"),
        names=_SONG_NAMES,
    ),
    "song_stays": Mart(
        how="snapshots",
        reads=_SNAPSHOTS,
        files=("song_stays_since", "song_stays_clear", "song_stays", "merge"),
        names=_SONG_NAMES,
    ),
    "song_runs": Mart(how="view", reads=("analytics/song_stays",), names=_SONG_NAMES),
    "artist_share": Mart(
        how="days",
        reads=("lake/playlist_items", "lake/song_artists"),
        files=("artist_share",),
        names=("spotify/artists",),
    ),
    "release_profile": Mart(
        how="days", reads=("lake/playlist_items", "lake/songs", "lake/albums"), files=("release_profile",)
    ),
    "playlist_overlap": Mart(how="days", reads=("lake/playlist_items",), files=("playlist_overlap",)),
    "song_popularity": Mart(
        how="popularity",
        reads=("lake/songs",),
        files=("song_popularity", "song_popularity_previous", "song_popularity_returned"),
        names=_SONG_NAMES,
    ),
    "playlist_week": Mart(
        how="snapshots",
        reads=(*_SNAPSHOTS, "analytics/song_stays"),
        files=("affected_weeks", "playlist_week_clear", "playlist_week"),
        names=_SONG_NAMES,
    ),
    "artist_momentum": Mart(
        how="weeks",
        reads=("lake/playlist_items", "lake/song_artists", "analytics/artist_share"),
        files=("artist_momentum",),
        names=("spotify/artists",),
    ),
    "playlist_health": Mart(how="days", reads=(*_SNAPSHOTS, "lake/songs"), files=("playlist_health",)),
    "playlist_freshness": Mart(
        how="days", reads=("lake/playlist_items", "lake/songs", "lake/albums"), files=("playlist_freshness",)
    ),
    "song_duplicates": Mart(
        how="days", reads=("lake/playlist_items", "lake/songs"), files=("song_duplicates",), names=_SONG_NAMES
    ),
}
"""Every mart of the contract, each after the marts it reads."""

_PARTS = {"playlist_changes": ("affected", "affected_changes"), "playlist_week": ("affected", "affected_weeks")}
_PARTS |= {"song_stays": ("since", "song_stays_since")}
"""The common beginning of a mart's statements, and its file."""


@dataclass(frozen=True)
class Built:
    """What was brought in, the rows the mart has now (None of a view, where counting would read all history), and how
    many rows the check looked at; `left` is a sentence about what was left for later, empty where nothing was."""

    pending: Pending
    rows: int | None
    checked: int = 0
    left: str = ""


def reads(name: str) -> tuple[str, ...]:
    """The tables a mart and its view read, as `layer/table`."""
    mart = DEFINITIONS[name]
    return (*mart.reads, *mart.names)


def code(name: str) -> str:
    """The fingerprint of what makes a mart's rows: its statements, its columns, and the code of the marts it reads."""
    mart = DEFINITIONS[name]
    upstream = [code(path.removeprefix("analytics/")) for path in mart.reads if path.startswith("analytics/")]
    common = ("pending_snapshots",) if mart.how == "snapshots" else ()
    return fingerprint(
        schema.stored(name)[1],
        *(statement(f"marts/{file}") for file in mart.files),
        *(statement(f"state/{file}") for file in common),
        *([schema.view_select(name)] if name in schema.VIEWS else []),
        *upstream,
    )


def select_statement(name: str, dates: int = 1) -> str:
    """The mart's SELECT; one of `days`, `weeks` or `popularity` binds a number of dates as often as it names them."""
    mart = DEFINITIONS[name]
    if name in _PARTS:
        part, file = _PARTS[name]
        return render(f"marts/{name}", **{part: statement(f"marts/{file}")})
    return render(f"marts/{name}", **{"weeks" if mart.how == "weeks" else "dates": placeholders(dates)})


def clear_statement(name: str) -> str:
    """The DELETE of what a mart of `snapshots` computes again."""
    part, file = _PARTS[name]
    return render(f"marts/{name}_clear", **{part: statement(f"marts/{file}")})


def insert_statement(name: str, dates: int = 1) -> str:
    """The INSERT of the rows of `select_statement`; of a mart that goes on with its rows, the MERGE."""
    layer, table = schema.stored(name)
    columns = column_list(table.column_names)
    select, target = select_statement(name, dates), qualified(layer, table.name)
    if "merge" not in DEFINITIONS[name].files:
        return f"INSERT INTO {target} ({columns})\nSELECT {columns}\nFROM (\n{select}\n) AS rows_now"
    rest = [column for column in table.column_names if column not in table.key]
    return render(
        "marts/merge",
        target=target,
        select=select,
        on_key=on_key(table.key, "t", "s"),
        assignments=",\n  ".join(f"{column} = s.{column}" for column in rest),
        columns=columns,
        values=column_list(table.column_names, "s"),
    )


def build(session: Session, name: str) -> Built:
    """Bring a mart up to what LAKE holds now; computed anew where other code made it or it was gone.

    Dates that a mart it reads was not yet computed from are left for later, and stay pending. What it brought in is
    checked before it becomes visible: raises quality.RulesBroken with the mart as it was.
    """
    gone = not schema.exists(session, *_target(name))
    _prepare(session, name)
    current = code(name)
    if name in schema.VIEWS and not state.made_by(session, "analytics", name, current):
        session.execute(schema.create_view(name))
    if DEFINITIONS[name].how == "view":
        return _view(session, name, current)
    todo = pending(session, name, current)
    if todo.outdated or (gone and state.is_applied(session, "analytics", name)):
        return _rebuild(session, name, current)
    todo, left = _ready(session, name, todo)
    if not todo:
        return Built(todo, _rows(session, *_target(name)), left=left)
    with session.transaction():
        checked = _bring_in(session, name, todo)
        state.record_applied(session, "analytics", name, todo, current)
    return Built(todo, _rows(session, *_target(name)), checked, left)


def rebuild(session: Session, name: str) -> Built:
    """Compute a mart from scratch, whatever it held; readers see the old rows until it is done."""
    _prepare(session, name)
    if name in schema.VIEWS:
        session.execute(schema.create_view(name))
    if DEFINITIONS[name].how == "view":
        return _view(session, name, code(name))
    return _rebuild(session, name, code(name))


def pending(session: Session, name: str, current: str) -> Pending:
    """The dates that a mart which is computed was not yet computed from, by code `current`."""
    return state.pending(session, "analytics", name, DEFINITIONS[name].lake, current)


def _ready(session: Session, name: str, todo: Pending) -> tuple[Pending, str]:
    """Without the dates that are not yet, or not as they are now, in a mart that this one reads, and a sentence about
    them: their rows would be missing, and nobody would look for them again. Another run may be about to bring them."""
    left = []
    for path in DEFINITIONS[name].reads if todo.all else ():
        upstream = path.removeprefix("analytics/")
        if upstream != path:
            waiting = {*pending(session, upstream, code(upstream)).all}.intersection(todo.all)
            todo = todo.without(waiting)
            if waiting:
                left.append(f"{path} was not computed yet from {shown(waiting)}")
    if not left:
        return todo, ""
    return todo, (
        f"analytics/{name}: left for later, because {' and '.join(left)}. Materialize that first, or run "
        "`spotify-assets build`, which keeps the order."
    )


def _view(session: Session, name: str, current: str) -> Built:
    """Nothing is computed: what it shows is its upstream's rows. The code that made it is remembered all the same."""
    if not state.made_by(session, "analytics", name, current):
        with session.transaction():
            state.record_view(session, name, current)
    return Built(Pending(), rows=None)


def any_playlist(session: Session) -> str | None:
    """The id of a playlist that songs stay in, if there is one: to look at a view of the stays without reading all."""
    ((playlist_id,),) = session.execute("SELECT MAX(playlist_id) FROM FACTS.SONG_STAYS")
    return str(playlist_id) if playlist_id else None


def _rebuild(session: Session, name: str, current: str) -> Built:
    everything = state.pending(session, "analytics", name, DEFINITIONS[name].lake, code=None)
    ready, left = _ready(session, name, everything)
    if left and not ready.all:
        return Built(ready, _rows(session, *_target(name)), left=left)  # better as it was than empty
    gone = {*everything.all} - {*ready.present}
    todo = Pending(new=ready.present, gone=tuple(sorted(gone)), runs=ready.runs, outdated=True)
    with session.transaction():
        session.execute(f"DELETE FROM {qualified(*_target(name))}")
        if DEFINITIONS[name].how == "snapshots":
            for table in (schema.APPLIED_SNAPSHOTS, schema.PENDING_SNAPSHOTS):
                session.execute(f"DELETE FROM {qualified('facts', table.name)} WHERE table_name = ?", [name])
        checked = _bring_in(session, name, todo) if todo.all else 0
        state.record_applied(session, "analytics", name, todo, current)
    return Built(todo, _rows(session, *_target(name)), checked, left)


def _bring_in(session: Session, name: str, todo: Pending) -> int:
    """Compute what `todo` concerns, and check it; the rows that were checked."""
    how = DEFINITIONS[name].how
    work = {"days": _days, "snapshots": _snapshots, "weeks": _weeks, "popularity": _popularity}[how]
    work(session, name, todo)
    since = todo.all[0] - dt.timedelta(days=6)  # of a week, its Monday
    layer, table = schema.stored(name)
    column = next(column for column in ("last_on", "week_start", "snapshot_date") if column in table.column_names)
    return quality.require(session, layer, table, f"{column} >= ?", [since])


def _days(session: Session, name: str, todo: Pending) -> None:
    session.execute(delete_dates(qualified(*_target(name)), len(todo.all)), todo.all)
    if todo.present:
        session.execute(insert_statement(name, len(todo.present)), _repeated(name, todo.present))


def _snapshots(session: Session, name: str, todo: Pending) -> None:
    state.compare_snapshots(session, name, todo)
    session.execute(clear_statement(name))
    session.execute(insert_statement(name))
    state.forget_pending_snapshots(session, name)


def _weeks(session: Session, name: str, todo: Pending) -> None:
    weeks = sorted({week for day in todo.all for week in (monday(day), monday(day) + dt.timedelta(days=7))})
    layer, table = _target(name)
    session.execute(f"DELETE FROM {qualified(layer, table)} WHERE week_start IN ({placeholders(len(weeks))})", weeks)
    bounds = [weeks[0] - dt.timedelta(days=7), weeks[-1] + dt.timedelta(days=7)]
    session.execute(insert_statement(name, len(weeks)), [*bounds, *weeks])


def _popularity(session: Session, name: str, todo: Pending) -> None:
    _days(session, name, todo)
    first = todo.all[0]
    since = first - LOOK_BACK if first.toordinal() > LOOK_BACK.days else _EVER
    session.execute(statement("marts/song_popularity_previous"), [since, first])
    session.execute(statement("marts/song_popularity_returned"), [first, since, first])


def monday(day: dt.date) -> dt.date:
    """The first day of a date's week."""
    return day - dt.timedelta(days=day.weekday())


def _repeated(name: str, dates: tuple[dt.date, ...]) -> list[Value]:
    """The dates as often as the mart's SELECT names them."""
    return [*dates] * statement(f"marts/{name}").count("{dates}")


def _target(name: str) -> tuple[str, str]:
    layer, table = schema.stored(name)
    return layer, table.name


def _prepare(session: Session, name: str) -> None:
    schema.prepare(session, _tables(name))


def _tables(name: str) -> Iterator[tuple[str, Table]]:
    for path in reads(name):
        layer, table = path.split("/")
        if layer == "analytics":
            yield from _tables(table)
        else:
            yield layer, schema.TABLES[layer][table]
    yield "lake", schema.LOADS
    yield "analytics", schema.APPLIED
    if DEFINITIONS[name].how == "snapshots":
        yield "facts", schema.APPLIED_SNAPSHOTS
        yield "facts", schema.PENDING_SNAPSHOTS
    if DEFINITIONS[name].how != "view":
        yield schema.stored(name)
    if name in schema.VIEWS:
        yield "analytics", MARTS[name]


def _rows(session: Session, layer: str, table: str) -> int:
    return session.count(f"SELECT COUNT(*) FROM {qualified(layer, table)}")


Incomplete = tuple[dt.date, str]
"""A snapshot: its date and its playlist's id."""


def left_out(session: Session, name: str, todo: Pending) -> list[Incomplete]:
    """The snapshots on the dates of `todo` that a mart could not compare, because they are known to be incomplete."""
    if DEFINITIONS[name].how != "snapshots" or not todo.present:
        return []
    rows = session.execute(
        "SELECT snapshot_date, playlist_id FROM LAKE.PLAYLISTS "
        f"WHERE NOT is_complete AND snapshot_date IN ({placeholders(len(todo.present))}) ORDER BY 1, 2",
        todo.present,
    )
    return [(day, str(playlist)) for day, playlist in rows if isinstance(day, dt.date)]
