"""What a file is made of: JSON documents, JSON lines, tables, and archives (zip, tar) of these, one after the other.

Everything comes from other people, so everything is bounded: the bytes of a document, what an archive unpacks to, and
archives inside archives. What can be read is given, the rest is refused by name; what no reader is for is counted.
"""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

from spotify_assets.spotify.archives import exports
from spotify_assets.spotify.decoding import MAX_BYTES, PayloadError, inflated, parsed
from spotify_assets.spotify.snapshot import Json

MAX_UNPACKED_BYTES = 16 * 1024**3
"""The most that one archive may unpack to."""

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".txt")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_UNREADABLE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


@dataclass(frozen=True)
class Document:
    """A JSON value, and the name people know it by: the file's, with the member's or line's."""

    name: str
    value: Json


@dataclass(frozen=True)
class Table:
    """The text of a table that somebody exported."""

    name: str
    text: str


@dataclass(frozen=True)
class Refusal:
    """What was looked at and not taken: its name, and the whole sentence why."""

    name: str
    reason: str

    @property
    def group(self) -> str:
        """The same for like reasons."""
        return re.sub(r"\d+", "#", re.sub(r"'[^']*'", "'…'", self.reason.replace(self.name, "…")))


@dataclass(frozen=True)
class Ignored:
    """What was not looked at, and its kind in words."""

    name: str
    kind: str


Part: TypeAlias = Document | Table | Refusal | Ignored


def kind_of_name(name: str) -> str | None:
    """Why a file of this name is not looked at, in words; None when it may hold playlists."""
    path = PurePosixPath(name.lower())
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    if suffix.removesuffix(".gz") in SUFFIXES or suffix in _ARCHIVES or path.suffix in _ARCHIVES:
        return None
    return path.suffix or "no suffix"


def looks_like_json(path: Path) -> bool:
    """Whether a file without a suffix begins as JSON, gzip or zip does (Firehose names its objects without any)."""
    try:
        with path.open("rb") as file:
            start = file.read(64).lstrip()
    except OSError:
        return False
    return start[:1] in (b"{", b"[") or start.startswith((b"\x1f\x8b", b"PK\x03\x04"))


def parts(file: IO[bytes], name: str) -> Iterator[Part]:
    """Everything in a file called `name`. Raises nothing but what reading the file raises."""
    head = file.read(512)
    file.seek(0)
    try:
        if head.startswith(b"PK\x03\x04"):
            yield from _zip(file, name)
        elif _is_tar(head) or PurePosixPath(name.lower()).name.endswith((".tar.gz", ".tgz")):
            yield from _tar(file, name)
        else:
            yield from _single(file.read(MAX_BYTES + 1), name)
    except PayloadError as error:
        yield Refusal(name, str(error))


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _single(data: bytes, name: str) -> Iterator[Part]:
    """What one file that is no archive holds."""
    try:
        text = inflated(data, name)
        lower = name.lower().removesuffix(".gz")
        if lower.endswith((".csv", ".txt")) or text.lstrip()[:1] not in (b"{", b"["):
            table = _table(text)
            if table is not None:
                yield Table(name, table)
                return
            if lower.endswith(".txt"):
                yield Ignored(name, ".txt")
                return
        if lower.endswith((".jsonl", ".ndjson")):
            yield from _lines(text, name)
            return
        try:
            yield Document(name, parsed(text, name))
        except PayloadError:
            if not _is_lines(text):
                raise
            yield from _lines(text, name)
    except PayloadError as error:
        yield Refusal(name, str(error))


def _table(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if exports.is_csv(text) or exports.is_backup_text(text) else None


def _is_lines(text: bytes) -> bool:
    """Whether this may be JSON lines: several, the first a JSON document of its own."""
    first, _, rest = text.strip().partition(b"\n")
    if not rest.strip():
        return False
    try:
        return isinstance(parsed(first, ""), dict | list)
    except PayloadError:
        return False


def _lines(text: bytes, name: str) -> Iterator[Part]:
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        label = f"{name} line {number}"
        try:
            yield Document(label, parsed(line, label))
        except PayloadError as error:
            yield Refusal(label, str(error))


# --- archives -------------------------------------------------------------------------------------------------------


def _zip(file: IO[bytes], name: str) -> Iterator[Part]:
    try:
        with zipfile.ZipFile(file) as archive:
            budget = _Budget(name)
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                if member.is_dir():
                    continue
                label = f"{name}/{member.filename}"
                if (skipped := _not_looked_at(label)) is not None:
                    yield skipped
                    continue
                if member.flag_bits & 1:
                    yield Refusal(
                        label, f"{label} is encrypted: unpack {name} with its password and import the folder."
                    )
                    continue
                with archive.open(member) as content:
                    yield from _member(content.read(budget.limit()), label, budget)
    except _UNREADABLE as error:
        yield Refusal(name, f"{name} is damaged: reading it as zip ended with '{error}'.")


def _tar(file: IO[bytes], name: str) -> Iterator[Part]:
    try:
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            budget = _Budget(name)
            for member in archive:
                label = f"{name}/{member.name}"
                if member.isdir():
                    continue
                if not member.isreg():
                    yield Ignored(label, "links and devices in archives")
                    continue
                if (skipped := _not_looked_at(label)) is not None:
                    yield skipped
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    yield from _member(content.read(budget.limit()), label, budget)
    except _UNREADABLE as error:
        yield Refusal(name, f"{name} is damaged: reading it as tar ended with '{error}'.")


class _Budget:
    """How much an archive may still unpack to."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = MAX_UNPACKED_BYTES

    def limit(self) -> int:
        return min(self._left, MAX_BYTES) + 1

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise PayloadError(
                f"{self._name} unpacks to more than {MAX_UNPACKED_BYTES} bytes: unpack it and import the folder."
            )


def _not_looked_at(label: str) -> Ignored | None:
    hidden = any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(label).parts[1:])
    kind = "hidden files" if hidden else kind_of_name(label)
    return Ignored(label, kind) if kind else None


def _member(data: bytes, label: str, budget: _Budget) -> Iterator[Part]:
    budget.spend(len(data))
    if data.startswith(b"PK\x03\x04") or _is_tar(data[:512]) or label.lower().endswith(_ARCHIVES):
        yield Refusal(label, f"{label} is an archive inside an archive: unpack the outer one and import the folder.")
        return
    yield from _single(data, label)


def as_file(data: bytes) -> IO[bytes]:
    """Bytes as a file to read `parts` of."""
    return io.BytesIO(data)
