"""The history that has been read already, kept beside the page: a day costs reading a day.

A part holds what the snapshots of one week said, and for each date the run that the warehouse held when it was read. A
date is read again when its run is another, or when the queries are: state, not time. What is over is there packed as
well, each month that is, and of the latest month each week: with the state it was packed at, the runs of all dates
there were, as any of them may have given a song its name. A part or a pack that can't be read is one that is not there.
What is read is `data`'s business, how it is packed `packing`'s.
"""

from __future__ import annotations

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
    """A week. `runs` and `popularity` are by ISO date; `others` are [type, name] of entries that are no songs."""

    week: str
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


WEEKS = ("01", "08", "15", "22")
"""The days of a month that its weeks begin on; the last goes on to the end of the month."""


def week_of(day: str) -> str:
    """The week of a month that a date belongs to, called by its first date; both are ISO dates."""
    return f"{day[:8]}{WEEKS[min((int(day[8:]) - 1) // 7, 3)]}"


def stretches(weeks: Sequence[str]) -> dict[str, list[str]]:
    """What is packed as one, by its name: the weeks of a month (`YYYY-MM`), and of the latest month each one."""
    latest = weeks[-1][:7] if weeks else ""
    packed: dict[str, list[str]] = {}
    for week in weeks:
        packed.setdefault(week if week[:7] == latest else week[:7], []).append(week)
    return packed


@dataclass
class Parts:
    """The stored parts. Without a store every part is empty and nothing is kept."""

    store: ObjectStore | None
    code: str
    _latest: str = field(default="", init=False)

    def get(self, weeks: list[str]) -> dict[str, Part]:
        """The part of each week; an empty one where none is stored, or one of other queries."""
        stored = self.store.get_many(map(report_part_key, weeks)) if self.store else {}
        return {week: self._part(week, stored.get(report_part_key(week))) for week in weeks}

    def _part(self, week: str, data: bytes | None) -> Part:
        if data is not None:
            try:
                part = Part.from_bytes(data)
            except _UNREADABLE:
                return Part(week, self.code)
            if part.code == self.code and part.week == week:
                return part
        return Part(week, self.code)

    def put(self, part: Part) -> None:
        if self.store:
            self.store.put(report_part_key(part.week), part.to_bytes())

    def packs(self, names: Sequence[str], states: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
        """The packs (`Pack.to_bytes`) of the first of these stretches, in order, by name, until one is not there, is
        damaged, was made of other runs, or behind another pack.

        `states` is, by ISO date, the digest of the runs of all dates until it (`states_of`).
        """
        stored = self.store.get_many(map(report_pack_key, names)) if self.store else {}
        for name in names:
            try:
                check, label, content = unframed(stored.pop(report_pack_key(name), None) or b"")
                made_by, as_of, state, behind = json.loads(label)
            except _UNREADABLE:
                return
            if check != _check(label, content) or (made_by, behind) != (self.code, self._latest):
                return
            if states.get(as_of) != state:
                return
            self._latest = check.hex()
            yield name, content

    def put_pack(self, name: str, pack: Pack, states: Mapping[str, str]) -> None:
        """Keep a stretch as it was packed when the last of `states` was, behind the one that was read or kept last. A
        month takes the place of its weeks."""
        if self.store:
            as_of = list(states)[-1]
            label = json.dumps([self.code, as_of, states[as_of], self._latest]).encode()
            content = pack.to_bytes()
            check = _check(label, content)
            self.store.put(report_pack_key(name), framed(check, label, content))
            if len(name) == len("YYYY-MM"):
                self.store.delete(report_pack_key(f"{name}-{week}") for week in WEEKS)
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
