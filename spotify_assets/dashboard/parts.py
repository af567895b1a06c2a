"""The months of history that have been read already, beside the page: a day costs reading a day.

A part holds what the snapshots of one month said, and for each date the run that the warehouse held when it was read.
A date is read again when its run is another, or when the queries are: state, not time. A month that is over is there
packed as well, with the state it was packed at: the runs of all dates there were, as any of them may have given a song
its name. A part or a pack that can't be read is one that is not there. What is read is `data`'s business, how it is
packed `packing`'s.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from spotify_assets.dashboard.encoding import framed, unframed
from spotify_assets.dashboard.packing import Pack
from spotify_assets.failures import PermanentError
from spotify_assets.lake.layout import report_pack_key, report_part_key
from spotify_assets.storage.object_store import ObjectStore


@dataclass(slots=True)
class StoredSnapshot:
    """One snapshot: `counts` as `COUNTS` names them, `keys` numbers into the part's; -1 is an entry not read."""

    playlist_id: str
    day: str
    item_count: int
    is_complete: bool
    counts: list[int]
    keys: list[int]


COUNTS = ("dated", "under_30_days", "under_90_days", "under_365_days", "local_files", "missing", "others", "withdrawn")
"""What is counted of each snapshot's entries, in this order everywhere."""


@dataclass
class Part:
    """A month. `runs` and `popularity` are by ISO date; `others` are [type, name] of entries that are no songs."""

    month: str
    code: str
    runs: dict[str, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    snapshots: list[StoredSnapshot] = field(default_factory=list)
    others: dict[str, tuple[str, str]] = field(default_factory=dict)
    popularity: dict[str, dict[str, int]] = field(default_factory=dict)

    def keep(self, runs: Mapping[str, str]) -> bool:
        """Forget the dates whose run is not the one given; whether there are any."""
        kept = {day for day, run in self.runs.items() if runs.get(day) == run}
        forgets = kept != self.runs.keys()
        if forgets:
            self.runs = {day: run for day, run in self.runs.items() if day in kept}
            self.snapshots = [snapshot for snapshot in self.snapshots if snapshot.day in kept]
            self.popularity = {day: values for day, values in self.popularity.items() if day in kept}
        return forgets

    def to_bytes(self) -> bytes:
        content = vars(self) | {
            "snapshots": [
                [one.playlist_id, one.day, one.item_count, one.is_complete, one.counts, one.keys]
                for one in self.snapshots
            ]
        }
        return gzip.compress(json.dumps(content, separators=(",", ":"), sort_keys=True).encode(), 6, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Part:
        """Raises one of `_UNREADABLE` when the bytes are no part."""
        content = json.loads(gzip.decompress(data))
        snapshots = [StoredSnapshot(*one) for one in content.pop("snapshots")]
        others = {uri: (kind, name) for uri, (kind, name) in content.pop("others").items()}
        return cls(**content, snapshots=snapshots, others=others)


_UNREADABLE = (ValueError, TypeError, KeyError, OSError, EOFError, zlib.error, PermanentError)


def month_of(day: dt.date) -> str:
    return day.isoformat()[:7]


@dataclass
class Parts:
    """The stored parts. Without a store every part is empty and nothing is kept."""

    store: ObjectStore | None
    code: str
    _latest: str = field(default="", init=False)

    def get(self, months: list[str]) -> dict[str, Part]:
        """The part of each month; an empty one where none is stored, or one of other queries."""
        stored = self.store.get_many(map(report_part_key, months)) if self.store else {}
        return {month: self._part(month, stored.get(report_part_key(month))) for month in months}

    def _part(self, month: str, data: bytes | None) -> Part:
        if data is not None:
            try:
                part = Part.from_bytes(data)
            except _UNREADABLE:
                return Part(month, self.code)
            if part.code == self.code and part.month == month:
                return part
        return Part(month, self.code)

    def put(self, part: Part) -> None:
        if self.store:
            self.store.put(report_part_key(part.month), part.to_bytes())

    def packs(self, months: Sequence[str], states: Mapping[str, str], recent: str) -> Iterator[Pack]:
        """The packs of the first of these months, in order, until one is not there, was made of other runs, or behind
        another pack. What is shown of months just past comes with those since the month `recent`.

        `states` is, by ISO date, the digest of the runs of all dates until it (`states_of`).
        """
        stored = self.store.get_many(map(report_pack_key, months)) if self.store else {}
        for month in months:
            try:
                check, label, content = unframed(stored.get(report_pack_key(month)) or b"")
                made_by, as_of, state, behind = json.loads(label)
                if check != _check(label, content) or (made_by, behind) != (self.code, self._latest):
                    return
                if states.get(as_of) != state:
                    return
                pack = Pack.from_bytes(content, lately=month >= recent)
            except _UNREADABLE:
                return
            self._latest = check.hex()
            yield pack

    def put_pack(self, month: str, pack: Pack, states: Mapping[str, str]) -> None:
        """Keep a month as it was packed when the last of `states` was, behind the one that was read or kept last."""
        if self.store:
            as_of = list(states)[-1]
            label = json.dumps([self.code, as_of, states[as_of], self._latest]).encode()
            content = pack.to_bytes()
            check = _check(label, content)
            self.store.put(report_pack_key(month), framed(check, label, content))
            self._latest = check.hex()


def _check(label: bytes, content: bytes) -> bytes:
    """What tells a pack from any other, and from a damaged one."""
    return zlib.crc32(content, zlib.crc32(label)).to_bytes(4, "little")


def states_of(runs: Mapping[str, str]) -> dict[str, str]:
    """ISO date to the digest of the runs of all dates until it."""
    digest = hashlib.sha256()
    states: dict[str, str] = {}
    for day, run in runs.items():
        digest.update(f"{day} {run}\n".encode())
        states[day] = digest.hexdigest()[:16]
    return states
