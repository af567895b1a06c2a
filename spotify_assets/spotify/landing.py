"""Adopting what stands in `landing/to_be_processed/`: each object becomes raw snapshots, or is rejected with a reason.

The order makes a crash harmless at every point: raw snapshots are written first (write-once, under keys that follow
from the content), then the object is moved. Whoever adopts it again writes nothing and moves it. What a payload means
belongs in `spotify.payloads`, whether it is new in `spotify.adoption`, storage without trust in `foreign_objects`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout
from spotify_assets.spotify.adoption import Adopted, adopt, joined
from spotify_assets.spotify.archives.containers import Refusal, as_file
from spotify_assets.spotify.decoding import PayloadError
from spotify_assets.spotify.payloads import Origin, Payload, read_file
from spotify_assets.spotify.snapshot import SnapshotError
from spotify_assets.storage.foreign_objects import Changed, ForeignFolder, ForeignObject, foreign_folder
from spotify_assets.storage.object_store import ObjectStore

MAX_OBJECT_BYTES = 64 * 1024 * 1024
"""Larger objects are rejected unread: the largest playlist there can be, 11,000 entries, has some 40 MB of JSON."""

MOST_OBJECTS = 500
"""Adopted in one go; the rest is for the next."""

_UNUSABLE = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""What reading or storing a value of an unforeseen kind raises. The storage's own failures are none of these."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._=-]")
_SEGMENT_LENGTH = 80
_SEGMENTS = 4


@dataclass(frozen=True)
class Outcome:
    """What became of one object: the snapshots it held (new or known), or why it was rejected, or neither.

    `moved_to` is where it stands now; None when it was gone or had changed, so that the next look deals with it, or
    when it `waits`, and why. `refused` says what in it was not taken in.
    """

    name: str
    adopted: tuple[Adopted, ...] = ()
    rejected: str | None = None
    moved_to: str | None = None
    waits: str | None = None
    refused: tuple[str, ...] = ()

    def describe(self) -> str:
        """One line for the log."""
        if self.rejected is not None:
            return f"rejected: {self.rejected}"
        if self.waits is not None:
            return f"{self.name} waits: {self.waits}"
        if self.moved_to is None:
            return f"{self.name} is gone or has changed; the next look deals with it"
        new = sum(each.written for each in self.adopted)
        entries = sum(each.entries for each in self.adopted)
        refused = f"; {len(self.refused)} parts refused, such as {self.refused[0]}" if self.refused else ""
        return f"{self.name}: {len(self.adopted)} playlists, {new} of them new, {entries} entries{refused}"


@dataclass
class Landed:
    """What became of the objects of one go."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def snapshots(self) -> list[Adopted]:
        """Every snapshot that was newly written."""
        return [each for outcome in self.outcomes for each in outcome.adopted if each.written]

    @property
    def rejected(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.rejected is not None]

    @property
    def left(self) -> list[Outcome]:
        """What was gone or changed while it was being looked at."""
        return [outcome for outcome in self.outcomes if outcome.moved_to is None]


def waiting(store: ObjectStore, most: int = MOST_OBJECTS) -> list[ForeignObject]:
    """The objects that wait to be adopted, at most `most`; not those that somebody has to make readable first."""
    objects = foreign_folder(store, layout.LANDING_INBOX_PREFIX).list(most)
    return [each for each in objects if not each.stays]


def adopt_waiting(
    store: ObjectStore,
    today: dt.date,
    *,
    only: Collection[str] | None = None,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> Landed:
    """Adopt what waits, the smallest objects first: should one be more than this machine can bear, it is the last.

    `only` limits it to objects of those digests. `today` is the date in UTC. Raises the storage's failures only:
    whatever an object holds ends in its adoption or rejection.
    """
    folder = foreign_folder(store, layout.LANDING_INBOX_PREFIX)
    landed = Landed()
    objects = [each for each in folder.list(MOST_OBJECTS) if only is None or each.stays or each.digest in only]
    for each in sorted(objects, key=lambda each: (each.stored.size, each.stored.key)):
        outcome = adopt_object(store, folder, each, today)
        landed.outcomes.append(outcome)
        on_outcome(outcome)
    return landed


def adopt_object(store: ObjectStore, folder: ForeignFolder, dropped: ForeignObject, today: dt.date) -> Outcome:
    """Adopt one object and move it to `landing/processed/`, or to `landing/rejected/` with the reason beside it.

    An object that holds playlists and other things is processed, with what was refused beside it.
    """
    if dropped.stays:
        return Outcome(dropped.name, waits=dropped.problem)
    adopted: list[Adopted] = []
    try:
        _require_readable(dropped)
        data = _read(folder, dropped)
        refused = _adopt_contents(store, dropped, data, today, adopted)
    except Changed:
        return Outcome(dropped.name)
    except _Unreadable as trouble:
        return Outcome(dropped.name, waits=str(trouble))
    except PermissionError:
        return _reject(store, folder, dropped, (), f"{dropped.name} can't be read: make it readable and drop it again.")
    except (PayloadError, SnapshotError) as error:
        return _reject(store, folder, dropped, tuple(adopted), str(error))
    except _UNUSABLE as error:
        reason = f"{dropped.name} holds something that no playlist holds ({type(error).__name__}: {str(error)[:200]})."
        return _reject(store, folder, dropped, tuple(adopted), reason)
    target = f"{layout.LANDING_PROCESSED_PREFIX}{target_name(dropped)}"
    if refused:
        _record(store, f"{target}.refused.json", dropped, adopted, refused)
    return _moved(
        folder, dropped, target, Outcome(dropped.name, tuple(adopted), moved_to=target, refused=tuple(refused))
    )


class _Unreadable(Exception):
    """The object may not be read, for a reason that somebody has to change first."""


def _read(folder: ForeignFolder, dropped: ForeignObject) -> bytes:
    try:
        return folder.read(dropped)
    except PermanentError as error:
        raise _Unreadable(str(error)) from error


def _adopt_contents(
    store: ObjectStore, dropped: ForeignObject, data: bytes, today: dt.date, adopted: list[Adopted]
) -> list[str]:
    """Adopt every playlist in `data`, adding to `adopted`; why the rest was refused. Raises PayloadError when nothing
    in it can be adopted."""
    refused: list[str] = []
    payloads: list[Payload] = []
    for part in read_file(as_file(data), dropped.name, Origin(uploaded=dropped.stored.last_modified)):
        if isinstance(part, Payload):
            payloads.append(part)
        else:
            refused.append(
                part.reason if isinstance(part, Refusal) else f"{part.name} was not looked at ({part.kind})."
            )
    for payload in joined(payloads):
        try:
            adopted.append(adopt(store, payload, source="landing", today=today, keep_older=True))
        except (PayloadError, SnapshotError) as error:
            refused.append(str(error))
    if not adopted:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise PayloadError(f"{refused[0].rstrip('.')}{more}" if refused else f"{dropped.name} holds no playlist.")
    return refused


def _require_readable(dropped: ForeignObject) -> None:
    if dropped.problem is not None:
        raise PayloadError(f"{dropped.name} was not opened: {dropped.problem}.")
    if dropped.stored.size > MAX_OBJECT_BYTES:
        raise PayloadError(
            f"{dropped.name} was not read: it has {dropped.stored.size} bytes, more than the {MAX_OBJECT_BYTES} that "
            "any playlist has; split it or compress it."
        )


def _reject(
    store: ObjectStore, folder: ForeignFolder, dropped: ForeignObject, adopted: tuple[Adopted, ...], reason: str
) -> Outcome:
    target = f"{layout.LANDING_REJECTED_PREFIX}{target_name(dropped)}"
    _record(store, f"{target}.reason.json", dropped, adopted, [reason])
    return _moved(folder, dropped, target, Outcome(dropped.name, adopted, rejected=_utf8(reason), moved_to=target))


def _record(
    store: ObjectStore, key: str, dropped: ForeignObject, adopted: Sequence[Adopted], refused: list[str]
) -> None:
    """Say beside an object what was not taken in, and why."""
    record = {
        "object": dropped.name,
        "bytes": dropped.stored.size,
        "etag": dropped.stored.etag,
        "last_modified": dropped.stored.last_modified.isoformat(),
        "reason": _utf8(refused[0]),
        "refused": [_utf8(reason) for reason in refused],
        "adopted": [each.key for each in adopted],
    }
    store.put(key, json.dumps(record, indent=1).encode())


def _moved(folder: ForeignFolder, dropped: ForeignObject, target: str, outcome: Outcome) -> Outcome:
    try:
        folder.move(dropped, target)
    except Changed:
        return Outcome(dropped.name, outcome.adopted)
    except PermissionError as error:
        return Outcome(dropped.name, outcome.adopted, waits=f"it can't be moved ({error.strerror}): allow it")
    return outcome


def target_name(dropped: ForeignObject) -> str:
    """Where an object goes below `processed/` or `rejected/`: its name made harmless, with its digest.

    The same object always goes to the same place, and two different ones never to one.
    """
    segments = [_UNSAFE.sub("_", segment)[:_SEGMENT_LENGTH] for segment in dropped.name.split("/")]
    kept = [segment for segment in segments if segment.strip(".")][-_SEGMENTS:] or ["object"]
    last = PurePosixPath(kept[-1])
    return "/".join([*kept[:-1], f"{last.stem}.{dropped.digest}{last.suffix}"])


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
