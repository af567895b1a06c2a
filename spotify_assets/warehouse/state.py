"""What is loaded and what was computed from it, by which code: the state that says what needs doing.

The comparison is made by the warehouse (`sql/state`), so that only what differs travels; here is what is asked and
what is remembered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spotify_assets.warehouse.schema import APPLIED, LOADS
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import chunks, insert_rows, placeholders, qualified, render, statement


@dataclass(frozen=True)
class Pending:
    """Dates whose run differs from the one a table was computed from, each ascending, and the code that made it.

    `new` was never applied, `changed` was applied from another run, `gone` was applied and is no longer loaded. `runs`
    are those of the dates to read. `outdated` says that other code made rows of the table: then every date is in it.
    """

    new: tuple[dt.date, ...] = ()
    changed: tuple[dt.date, ...] = ()
    gone: tuple[dt.date, ...] = ()
    runs: Mapping[dt.date, str] = field(default_factory=dict)
    outdated: bool = False

    @property
    def present(self) -> tuple[dt.date, ...]:
        """The dates to read: new and changed."""
        return tuple(sorted((*self.new, *self.changed)))

    @property
    def superseded(self) -> tuple[dt.date, ...]:
        """The dates whose old rows no longer hold: changed and gone."""
        return tuple(sorted((*self.changed, *self.gone)))

    @property
    def all(self) -> tuple[dt.date, ...]:
        """Every date of any kind."""
        return tuple(sorted((*self.new, *self.changed, *self.gone)))

    def without(self, days: Collection[dt.date]) -> Pending:
        """The other dates."""

        def others(dates: Iterable[dt.date]) -> tuple[dt.date, ...]:
            return tuple(day for day in dates if day not in days)

        runs = {day: run for day, run in self.runs.items() if day not in days}
        return replace(self, new=others(self.new), changed=others(self.changed), gone=others(self.gone), runs=runs)

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone or self.outdated)


def pending_statement(layer: str, tables: int) -> str:
    """What `pending` asks; binds the lake tables' names, the table's, and the code."""
    return render("state/pending", agreed=_agreed(tables), applied=qualified(layer, APPLIED.name))


def _agreed(tables: int) -> str:
    """The dates of which so many lake tables, whose names are bound, hold the same run, and that run."""
    return render("state/agreed", tables=placeholders(tables), count=str(tables))


def pending(session: Session, layer: str, table: str, lake: Sequence[str], code: str | None) -> Pending:
    """The dates on which what is loaded of the `lake` tables differs from what `table` was computed from.

    With other code than `code` every date counts, and so it does without one.
    """
    rows = session.execute(pending_statement(layer, len(lake)), [*lake, table, code or ""])
    new, changed, gone, runs, codes = [], [], [], {}, set()
    for day, loaded, applied, made_by in rows:
        if not isinstance(day, dt.date):
            continue
        kind = new if applied is None else gone if loaded is None else changed
        kind.append(day)
        if loaded is not None:
            runs[day] = str(loaded)
        if applied is not None:
            codes.add(made_by)
    return Pending(new=tuple(new), changed=tuple(changed), gone=tuple(gone), runs=runs, outdated=bool(codes - {code}))


def made_by(session: Session, layer: str, table: str, code: str) -> bool:
    """Whether anything of a table is recorded as made by `code`."""
    applied = qualified(layer, APPLIED.name)
    return session.count(f"SELECT COUNT(*) FROM {applied} WHERE table_name = ? AND code = ?", [table, code]) > 0


def is_applied(session: Session, layer: str, table: str) -> bool:
    """Whether a table was ever computed from anything."""
    applied = qualified(layer, APPLIED.name)
    return session.count(f"SELECT COUNT(*) FROM {applied} WHERE table_name = ?", [table]) > 0


_VIEW_DAY = dt.date(1, 1, 1)


def record_view(session: Session, table: str, code: str) -> None:
    """Remember the code of a view that nothing is computed for."""
    record_applied(session, "analytics", table, Pending(new=(_VIEW_DAY,), runs={_VIEW_DAY: ""}), code)


def loaded_runs(session: Session, table: str) -> dict[dt.date, str]:
    """The run that `LAKE.<table>` holds, by date."""
    rows = session.execute(
        f"SELECT snapshot_date, run_id FROM {qualified('lake', LOADS.name)} WHERE table_name = ?", [table]
    )
    return {day: str(run) for day, run in rows if isinstance(day, dt.date)}


def agreed_runs(session: Session, tables: Sequence[str]) -> dict[dt.date, str]:
    """The run that all of these tables of `LAKE` hold, by date, without dates of which they hold different ones."""
    rows = session.execute(_agreed(len(tables)), list(tables))
    return {day: str(run) for day, run in rows if isinstance(day, dt.date)}


def record_loads(
    session: Session, table: str, runs: Mapping[dt.date, tuple[str, int]], code: str | None = None
) -> None:
    """Remember the run and row count of each date of `LAKE.<table>`, and the code that loaded it (None: a pipe)."""
    now = _now()
    _forget(session, qualified("lake", LOADS.name), table, sorted(runs))
    for part in chunks(sorted(runs.items())):
        values = [value for day, (run, rows) in part for value in (table, day, run, rows, now, code)]
        session.execute(insert_rows("lake", LOADS, len(part)), values)


def record_applied(session: Session, layer: str, table: str, todo: Pending, code: str) -> None:
    """Remember the run of each date that a table was computed from, and the code; forget the dates that are gone."""
    now = _now()
    _forget(session, qualified(layer, APPLIED.name), table, todo.all)
    for part in chunks(todo.present):
        values = [value for day in part for value in (table, day, todo.runs[day], now, code)]
        session.execute(insert_rows(layer, APPLIED, len(part)), values)


def snapshots_statement(present: int, dates: int) -> str:
    """What `compare_snapshots` asks; binds the dates to read twice, the mart, the dates of any kind, and the mart."""
    return render(
        "state/pending_snapshots", present=placeholders(present) if present else "NULL", dates=placeholders(dates)
    )


def compare_snapshots(session: Session, mart: str, todo: Pending) -> None:
    """List the snapshots on the dates of `todo` that differ from what `mart` was computed from, and take them over."""
    present, dates = list(todo.present), list(todo.all)
    session.execute(snapshots_statement(len(present), len(dates)), [*present, *present, mart, *dates, mart])
    session.execute(statement("state/forget_snapshots"), [mart, mart])
    session.execute(statement("state/apply_snapshots"), [mart])


def forget_pending_snapshots(session: Session, mart: str) -> None:
    """Once its rows are computed: nothing is pending."""
    session.execute("DELETE FROM FACTS.PENDING_SNAPSHOTS WHERE table_name = ?", [mart])


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def _forget(session: Session, target: str, table: str, days: Iterable[dt.date]) -> None:
    for part in chunks(list(days)):
        session.execute(
            f"DELETE FROM {target} WHERE table_name = ? AND snapshot_date IN ({placeholders(len(part))})",
            [table, *part],
        )
