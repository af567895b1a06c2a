"""Taking what people have into the lake: files and folders, and the histories of git repositories.

What became of everything is counted in one `ImportReport`. What a file holds belongs in `payloads`, whether it is new
in `adoption`, what is printed in `commands.import_command`.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from spotify_assets.failures import PermanentError
from spotify_assets.spotify.adoption import Adopted, adopt, joined
from spotify_assets.spotify.archives.containers import Ignored, Refusal, as_file, kind_of_name, looks_like_json
from spotify_assets.spotify.archives.git_history import Blobs, Version
from spotify_assets.spotify.decoding import MAX_BYTES
from spotify_assets.spotify.payloads import Origin, Payload, read_file
from spotify_assets.storage.object_store import ObjectStore

_BATCH = 64
_WRITERS = 8
_DEEPEST = 60
"""Folders inside folders that are still entered; no archive of people is deeper."""

_FEW_VERSIONS = 300
"""So few are read in this process: others take a second to start."""
_VERSIONS_A_TASK = 250


@dataclass
class ImportReport:
    """What became of everything that was given: snapshots (written or known), refusals with reasons, and the rest by
    kind, with a few names."""

    files: int = 0
    adopted: list[Adopted] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    @property
    def new(self) -> list[Adopted]:
        return [each for each in self.adopted if each.written]

    def add(self, other: ImportReport) -> None:
        """Take in what became of another part."""
        self.files += other.files
        self.adopted += other.adopted
        self.refused += other.refused
        self.ignored += other.ignored


@dataclass(frozen=True)
class Rules:
    """How an import takes things in. `today` is the UTC day."""

    today: dt.date
    playlist_id: str | None = None
    day: dt.date | None = None
    force: bool = False


# --- files ----------------------------------------------------------------------------------------------------------


def import_files(
    store: ObjectStore, given: Sequence[Path], rules: Rules, on_files: Callable[[int], None] = lambda files: None
) -> ImportReport:
    """Take files in, and everything in folders; `on_files` is told how many files are done, now and then."""
    report = ImportReport()
    waiting: list[Payload] = []
    for part in _contents(given, rules, report):
        if isinstance(part, Payload):
            waiting.append(part)
        elif isinstance(part, Refusal):
            report.refused.append(part)
        else:
            report.ignored[part.kind] += 1
        if len(waiting) >= _BATCH:
            _take_all(store, waiting, rules, report)
            waiting = []
            on_files(report.files)
    _take_all(store, waiting, rules, report)
    on_files(report.files)
    return report


def _contents(given: Sequence[Path], rules: Rules, report: ImportReport) -> Iterator[Payload | Refusal | Ignored]:
    origin = Origin(rules.playlist_id, rules.day)
    for path in _expanded(given):
        if not isinstance(path, Path):
            yield path
            continue
        report.files += 1
        name = str(path)
        try:
            # A pipe would wait for a writer, and a device never end: only files are opened.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    yield Refusal(name, f"{name} is no regular file: it was not read.")
                    continue
                yield from read_file(file, name, origin)
        except OSError as error:
            yield Refusal(name, f"{name} can't be read: {error.strerror or error}.")


def _expanded(given: Sequence[Path]) -> Iterator[Path | Refusal | Ignored]:
    """The files themselves, and those in folders that may hold playlists, in a fixed order; links are not followed."""
    for path in given:
        if path.is_dir():
            yield from _folder(path)
        elif path.is_file():
            yield path
        else:
            yield Refusal(str(path), f"{path} is no regular file: it was not read.")


def _folder(top: Path) -> Iterator[Path | Refusal | Ignored]:
    folders = [top]
    while folders:
        folder = folders.pop()
        if len(folder.parts) - len(top.parts) > _DEEPEST:
            yield Refusal(str(folder), f"{folder} was not entered: it is nested deeper than {_DEEPEST} folders.")
            continue
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Refusal(str(folder), f"{folder} can't be read: {error.strerror or error}.")
            continue
        folders += [folder / entry.name for entry in reversed(ordered) if entry.is_dir(follow_symlinks=False)]
        for entry in ordered:
            if not entry.is_dir(follow_symlinks=False):
                yield _looked_at(folder / entry.name, entry)


def _looked_at(path: Path, entry: os.DirEntry[str]) -> Path | Ignored:
    if entry.is_symlink():
        return Ignored(str(path), "links")
    if not entry.is_file(follow_symlinks=False):
        return Ignored(str(path), "pipes, sockets and devices")
    kind = kind_of_name(entry.name)
    if kind is None or (kind == "no suffix" and looks_like_json(path)):
        return path
    return Ignored(str(path), kind)


# --- git ------------------------------------------------------------------------------------------------------------


def import_versions(
    store: ObjectStore,
    reopen: Callable[[], ObjectStore],
    repository: Path,
    versions: Sequence[Version],
    rules: Rules,
    on_files: Callable[[int], None] = lambda files: None,
) -> ImportReport:
    """Take versions of a repository's files in, on all cores when they are many. `reopen` opens the store in another
    process and must be picklable."""
    report = ImportReport()
    looked_at = [version for version in versions if kind_of_name(version.path) is None]
    for path in {version.path for version in versions} - {version.path for version in looked_at}:
        report.ignored[kind_of_name(path) or ""] += 1
    tasks = list(_tasks(looked_at))
    if len(looked_at) <= _FEW_VERSIONS:
        for task in tasks:
            report.add(_take_versions(store, repository, task, rules))
            on_files(report.files)
        return report
    # Not forked: the storage has threads, which a fork does not take along.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(_task, [(reopen, repository, task, rules) for task in tasks]):
            report.add(part)
            on_files(report.files)
    return report


def _tasks(versions: Sequence[Version]) -> Iterator[list[Version]]:
    """Whole days together, so that what contradicts on a day is decided in one place and always alike."""
    task: list[Version] = []
    for _, of_day in groupby(versions, key=lambda version: version.day):
        task += of_day
        if len(task) >= _VERSIONS_A_TASK:
            yield task
            task = []
    if task:
        yield task


def _task(work: tuple[Callable[[], ObjectStore], Path, list[Version], Rules]) -> ImportReport:
    reopen, repository, versions, rules = work
    return _take_versions(reopen(), repository, versions, rules)


def _take_versions(store: ObjectStore, repository: Path, versions: Iterable[Version], rules: Rules) -> ImportReport:
    report = ImportReport()
    with Blobs(repository, MAX_BYTES) as blobs:
        for version in versions:
            report.files += 1
            label = f"{version.path} ({version.day})"
            try:
                data = blobs.read(version.blob)
            except PermanentError as error:
                report.refused.append(Refusal(label, f"{label} was not read. {error}"))
                continue
            payloads: list[Payload] = []
            for part in read_file(as_file(data), version.path, _origin(version, rules)):
                if isinstance(part, Payload):
                    payloads.append(
                        replace(part, notes={"unchanged_since": version.committed_at.date().isoformat()})
                        if version.unchanged
                        else part
                    )
                elif isinstance(part, Refusal):
                    report.refused.append(Refusal(part.name, f"{part.reason} (version of {version.day})"))
                else:
                    report.ignored[part.kind] += 1
            for payload in joined(payloads):
                _add(report, _take(store, payload, rules))
    return report


def _origin(version: Version, rules: Rules) -> Origin:
    if not version.unchanged:
        return Origin(rules.playlist_id, rules.day, commit=version.committed_at)
    return Origin(rules.playlist_id, rules.day, commit=dt.datetime.combine(version.day, dt.time(), dt.UTC))


# --- taking in ------------------------------------------------------------------------------------------------------


def _take_all(store: ObjectStore, payloads: Sequence[Payload], rules: Rules, report: ImportReport) -> None:
    """Take payloads in, those of one playlist and day one after the other, the others side by side."""
    groups: dict[tuple[str, dt.date], list[Payload]] = defaultdict(list)
    for payload in joined(payloads):
        groups[payload.playlist_id, payload.day].append(payload)
    with ThreadPoolExecutor(_WRITERS) as pool:
        for outcomes in pool.map(lambda group: [_take(store, each, rules) for each in group], groups.values()):
            for outcome in outcomes:
                _add(report, outcome)


def _take(store: ObjectStore, payload: Payload, rules: Rules) -> Adopted | Refusal:
    try:
        return adopt(store, payload, source="import", today=rules.today, force=rules.force)
    except PermanentError as error:
        return Refusal(payload.name, str(error))


def _add(report: ImportReport, outcome: Adopted | Refusal) -> None:
    if isinstance(outcome, Adopted):
        report.adopted.append(outcome)
    else:
        report.refused.append(outcome)
