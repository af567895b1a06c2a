"""What is loaded and what was computed from it: the state that says what needs doing.

The comparison is pure (`pending`); reading and writing the two small tables is the thin shell around it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from spotify_assets.warehouse.schema import APPLIED, LOADS
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import chunks, insert_rows, placeholders, qualified


@dataclass(frozen=True)
class Pending:
    """Dates whose run differs from the one a table was computed from, each ascending.

    `new` was never applied, `changed` was applied from another run, `gone` was applied and is no longer loaded.
    """

    new: tuple[dt.date, ...] = ()
    changed: tuple[dt.date, ...] = ()
    gone: tuple[dt.date, ...] = ()

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

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def pending(loaded: Mapping[dt.date, str], applied: Mapping[dt.date, str]) -> Pending:
    """Compare the run of each date with the one last applied."""
    return Pending(
        new=tuple(sorted(day for day in loaded if day not in applied)),
        changed=tuple(sorted(day for day in loaded if day in applied and loaded[day] != applied[day])),
        gone=tuple(sorted(day for day in applied if day not in loaded)),
    )


def agreed(loads: Mapping[str, Mapping[dt.date, str]]) -> dict[dt.date, str]:
    """The run of each date on which all the given tables hold the same one; `loads` is table to date to run.

    A date whose tables come from different runs (one was loaded again, another not yet) must not be computed from.
    """
    first, *others = loads.values()
    return {day: run for day, run in first.items() if all(runs.get(day) == run for runs in others)}


def loaded_runs(session: Session, table: str) -> dict[dt.date, str]:
    """The run that `LAKE.<table>` holds, by date."""
    rows = session.execute(
        f"SELECT snapshot_date, run_id FROM {qualified('lake', LOADS.name)} WHERE table_name = ?", [table]
    )
    return {day: str(run) for day, run in rows if isinstance(day, dt.date)}


def record_loads(session: Session, table: str, runs: Mapping[dt.date, tuple[str, int]]) -> None:
    """Remember the run and row count of each date of `LAKE.<table>`."""
    now = _now()
    _forget(session, qualified("lake", LOADS.name), table, sorted(runs))
    for part in chunks(sorted(runs.items())):
        values = [value for day, (run, rows) in part for value in (table, day, run, rows, now)]
        session.execute(insert_rows("lake", LOADS, len(part)), values)


def applied_runs(session: Session, layer: str, table: str) -> dict[dt.date, str]:
    """The run that a table of `layer` was last computed from, by date."""
    rows = session.execute(
        f"SELECT snapshot_date, run_id FROM {qualified(layer, APPLIED.name)} WHERE table_name = ?", [table]
    )
    return {day: str(run) for day, run in rows if isinstance(day, dt.date)}


def record_applied(
    session: Session, layer: str, table: str, applied: Mapping[dt.date, str], gone: Iterable[dt.date]
) -> None:
    """Remember the run of each date that a table was computed from, and forget the dates that are gone."""
    now = _now()
    _forget(session, qualified(layer, APPLIED.name), table, sorted({*applied, *gone}))
    for part in chunks(sorted(applied.items())):
        values = [value for day, run in part for value in (table, day, run, now)]
        session.execute(insert_rows(layer, APPLIED, len(part)), values)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def _forget(session: Session, target: str, table: str, days: Sequence[dt.date]) -> None:
    for part in chunks(days):
        session.execute(
            f"DELETE FROM {target} WHERE table_name = ? AND snapshot_date IN ({placeholders(len(part))})",
            [table, *part],
        )
