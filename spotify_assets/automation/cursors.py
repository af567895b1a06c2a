"""The sensors' cursors: small versioned JSON. A cursor only saves work: one that can't be read is started over."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from spotify_assets.automation import planning
from spotify_assets.warehouse.loaded_watch import Month

VERSION = 1

_Cursor = TypeVar("_Cursor")


@dataclass(frozen=True)
class FilesCursor:
    """Where the look for lost files goes on, when (UTC) it was taken last, and the dates whose files were lost then."""

    next: dt.date | None = None
    at: dt.datetime | None = None
    lost: frozenset[dt.date] = frozenset()


@dataclass(frozen=True)
class StaleCursor:
    """Where the sweep goes on, and the look for lost files; `note` says why a stored cursor was not used.

    `known` has the mark of each date that was up to date when it was looked at last.
    """

    sweep: dt.date | None = None
    files: FilesCursor = FilesCursor()
    known: Mapping[dt.date, str] = field(default_factory=dict)
    note: str = ""

    @classmethod
    def parse(cls, text: str | None) -> StaleCursor:
        """The stored cursor, or one that starts over."""

        def build(stored: Mapping[str, object]) -> StaleCursor:
            known = planning.decode_contents(str(stored.get("known", "")))
            at, lost = stored.get("files_at"), _texts(stored.get("files_lost", []))
            files = FilesCursor(
                next=_date(stored.get("verify")),
                at=dt.datetime.fromisoformat(str(at)).astimezone(dt.UTC) if at else None,
                lost=frozenset(dt.date.fromisoformat(day) for day in lost),
            )
            return cls(_date(stored["sweep"]), files, known)

        return _parsed(text, build, lambda note: cls(note=note))

    def dump(self) -> str:
        return _dumped(
            {
                "sweep": self.sweep.isoformat() if self.sweep else None,
                "verify": self.files.next.isoformat() if self.files.next else None,
                "files_at": self.files.at.isoformat(timespec="seconds") if self.files.at else None,
                "files_lost": sorted(day.isoformat() for day in self.files.lost),
                "known": planning.encode_contents(self.known),
            }
        )


@dataclass(frozen=True)
class EventsCursor:
    """The dates that events named and that are not up to date yet, and the messages that this tick acted on.

    `landed` says that objects waited in landing at the last look.
    """

    pending: frozenset[dt.date] = frozenset()
    receipts: tuple[str, ...] = ()
    landed: bool = False
    note: str = ""

    @classmethod
    def parse(cls, text: str | None) -> EventsCursor:
        """The stored cursor, or one that starts over; SQS then delivers again what was not deleted."""

        def build(stored: Mapping[str, object]) -> EventsCursor:
            pending = frozenset(dt.date.fromisoformat(day) for day in _texts(stored["pending"]))
            return cls(pending, tuple(_texts(stored["receipts"])), stored["landed"] is True)

        return _parsed(text, build, lambda note: cls(note=note))

    def dump(self) -> str:
        pending = sorted(day.isoformat() for day in self.pending)
        return _dumped({"pending": pending, "receipts": list(self.receipts), "landed": self.landed})


@dataclass(frozen=True)
class LandingCursor:
    """Digests of the objects that waited at the last look: one that looks the same twice is complete."""

    seen: frozenset[str] = frozenset()
    note: str = ""

    @classmethod
    def parse(cls, text: str | None) -> LandingCursor:
        """The stored cursor, or one that starts over."""
        return _parsed(text, lambda stored: cls(seen=frozenset(_texts(stored["seen"]))), lambda note: cls(note=note))

    def dump(self) -> str:
        return _dumped({"seen": sorted(self.seen)})


@dataclass(frozen=True)
class LoadedCursor:
    """What is known of each month, and where the sweep through older months goes on."""

    months: Mapping[dt.date, Month] = field(default_factory=dict)
    sweep: dt.date | None = None
    note: str = ""

    @classmethod
    def parse(cls, text: str | None) -> LoadedCursor:
        """The stored cursor, or one that starts over; the warehouse is then asked about every month once."""

        def build(stored: Mapping[str, object]) -> LoadedCursor:
            stored_months = stored["months"]
            if not isinstance(stored_months, dict):
                raise TypeError("months")
            months = {}
            for first, (fingerprint, unloaded, stuck) in stored_months.items():
                runs = {dt.date.fromisoformat(day): str(run) for day, run in unloaded.items()}
                month = dt.date.fromisoformat(first)
                stuck_days = frozenset(dt.date.fromisoformat(day) for day in stuck)
                months[month] = Month(month, str(fingerprint), runs, stuck_days)
            return cls(months, _date(stored["sweep"]))

        return _parsed(text, build, lambda note: cls(note=note))

    def dump(self) -> str:
        months = {
            first.isoformat(): [
                month.fingerprint,
                {day.isoformat(): run for day, run in sorted(month.unloaded.items())},
                sorted(day.isoformat() for day in month.stuck),
            ]
            for first, month in sorted(self.months.items())
        }
        return _dumped({"months": months, "sweep": self.sweep.isoformat() if self.sweep else None})


def _parsed(
    text: str | None, build: Callable[[Mapping[str, object]], _Cursor], anew: Callable[[str], _Cursor]
) -> _Cursor:
    if not text:
        return anew("")
    try:
        stored = json.loads(text)
        if not isinstance(stored, dict) or stored.get("version") != VERSION:
            raise ValueError("another version's")
        return build(stored)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return anew(f"The cursor {text[:60]!r} is not this sensor's: starting over. ")


def _dumped(fields: Mapping[str, object]) -> str:
    return json.dumps({"version": VERSION, **fields})


def _texts(value: object) -> Iterable[str]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise TypeError("not a list of texts")
    return value


def _date(value: object) -> dt.date | None:
    return None if value is None else dt.date.fromisoformat(str(value))
