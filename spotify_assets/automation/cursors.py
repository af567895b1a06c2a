"""The sensors' cursors: small versioned JSON. A cursor only saves work: one that can't be read is started over."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

VERSION = 1


@dataclass(frozen=True)
class StaleCursor:
    """Where the sweep goes on; `note` says why a stored cursor was not used."""

    sweep: dt.date | None = None
    note: str = ""

    @classmethod
    def parse(cls, text: str | None) -> StaleCursor:
        """The stored cursor, or one that starts the sweep over, with a note, when it isn't one of ours."""
        if not text:
            return cls()
        stored = read(text)
        try:
            return cls(sweep=dt.date.fromisoformat(str(stored["sweep"])))
        except (KeyError, ValueError):
            return cls(note=f"The cursor {text[:60]!r} is not this sensor's: starting the sweep over. ")

    def dump(self) -> str:
        """The stored form."""
        return json.dumps({"version": VERSION, "sweep": self.sweep.isoformat() if self.sweep else None})


def read(text: str) -> dict[str, object]:
    """The cursor's fields; empty for corrupt text, a foreign cursor, or another version's."""
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return stored if isinstance(stored, dict) and stored.get("version") == VERSION else {}
