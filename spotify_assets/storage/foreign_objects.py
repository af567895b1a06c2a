"""A folder of the lake that anybody may write to: objects with any key and any content, looked at without trust.

What a key or a link says is never followed: objects are addressed only as the listing gave them, links and devices are
not opened, and what changed since it was listed is left alone. What the content means belongs in `landing`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from spotify_assets.storage import local_objects, s3_objects
from spotify_assets.storage.aws import AwsConflict, AwsNotFound, aws_failures
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.s3_objects import S3Place
from spotify_assets.storage.stored_object import StoredObject


@dataclass(frozen=True)
class ForeignObject:
    """An object that somebody dropped. Its key is relative to the folder and may be anything.

    `problem` says why it must not be opened; None for what looks like a file. What `stays` can't be moved either: a
    folder that can't be looked into.
    """

    stored: StoredObject
    problem: str | None = None
    stays: bool = False

    @property
    def name(self) -> str:
        """The key for people and logs: printable, on one line."""
        text = self.stored.key.encode("utf-8", "backslashreplace").decode()
        return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)

    @property
    def digest(self) -> str:
        """What tells this object from one of the same key with other content or from another time."""
        stored = self.stored
        text = f"{stored.key}\x00{stored.etag}\x00{stored.size}\x00{stored.last_modified.isoformat()}"
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


class Changed(Exception):
    """The object is gone or is no longer the one that was listed. Not an error: the next look sees what it is now."""


class ForeignFolder(Protocol):
    """The folder, on one kind of storage."""

    def list(self, most: int) -> list[ForeignObject]:
        """The first `most` objects in the order of keys."""
        ...

    def read(self, foreign: ForeignObject) -> bytes:
        """The content. Raises Changed, and PermissionError where it may not be read."""
        ...

    def move(self, foreign: ForeignObject, target: str) -> None:
        """Make the object the lake's object `target`, without its bytes passing through here. Raises Changed.

        A crash leaves it where it was, or in both places; moving it again is safe. Raises PermissionError where it may
        not be moved.
        """
        ...


def foreign_folder(store: ObjectStore, prefix: str) -> ForeignFolder:
    """The folder `prefix` (ending in `/`) of the lake."""
    place = store.place
    return _LocalFolder(place, prefix) if isinstance(place, Path) else _S3Folder(place, prefix)


_DEEPEST = 60
"""Folders inside folders that are still entered."""

_WRITING = dt.timedelta(minutes=1)
"""So long a file counts as being written whose name is one that obstore writes under."""


def _is_being_written(entry: os.DirEntry[str]) -> bool:
    """Whether this is obstore's staging file, and not somebody's whose name only looks like it (`list #40`)."""
    if not local_objects.STAGED.search(entry.name):
        return False
    written = dt.datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, dt.UTC)
    return dt.datetime.now(dt.UTC) - written < _WRITING


def _shut(folder: str, problem: str) -> ForeignObject:
    """A folder that is not entered, as what waits until somebody opens it."""
    epoch = dt.datetime.fromtimestamp(0, dt.UTC)
    return ForeignObject(StoredObject(folder, "", 0, epoch), problem, stays=True)


@dataclass(frozen=True)
class _LocalFolder:
    root: Path
    prefix: str

    def list(self, most: int) -> list[ForeignObject]:
        return list(islice(self._walk(), most))

    def _walk(self) -> Iterator[ForeignObject]:
        """Everything in the folder, in the order of keys within each folder; folders come after what is beside them."""
        folders = [""]
        while folders:
            name = folders.pop()
            if name.count("/") > _DEEPEST:
                yield _shut(name, f"it is nested deeper than {_DEEPEST} folders")
                continue
            try:
                with os.scandir(self.root / self.prefix / name) as entries:
                    in_order = sorted(entries, key=lambda entry: entry.name)
                folders += [
                    f"{name}{entry.name}/" for entry in reversed(in_order) if entry.is_dir(follow_symlinks=False)
                ]
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                yield _shut(name, f"it can't be looked into ({error.strerror})")
                continue
            for entry in in_order:
                try:
                    if not entry.is_dir(follow_symlinks=False) and not _is_being_written(entry):
                        yield self._described(f"{name}{entry.name}", entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue  # somebody took it away while we were looking

    def _described(self, key: str, status: os.stat_result) -> ForeignObject:
        problem = None
        if stat.S_ISLNK(status.st_mode):
            problem = "it is a link: drop the file itself"
        elif not stat.S_ISREG(status.st_mode):
            problem = "it is no regular file"
        return ForeignObject(local_objects.described(key, status), problem)

    def read(self, foreign: ForeignObject) -> bytes:
        path = self.root / self.prefix / foreign.stored.key
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except PermissionError:
            raise
        except OSError as error:
            raise Changed(foreign.name) from error
        with os.fdopen(handle, "rb") as file:
            self._require_same(foreign, os.fstat(handle))
            data = file.read(foreign.stored.size + 1)
            self._require_same(foreign, os.fstat(handle))
        return data

    def move(self, foreign: ForeignObject, target: str) -> None:
        path = self.root / self.prefix / foreign.stored.key
        try:
            self._require_same(foreign, path.lstat())
            (self.root / target).parent.mkdir(parents=True, exist_ok=True)
            path.rename(self.root / target)
        except FileNotFoundError as error:
            raise Changed(foreign.name) from error

    @staticmethod
    def _require_same(foreign: ForeignObject, now: os.stat_result) -> None:
        if local_objects.described(foreign.stored.key, now) != foreign.stored:
            raise Changed(foreign.name)


@dataclass(frozen=True)
class _S3Folder:
    place: S3Place
    prefix: str

    def list(self, most: int) -> list[ForeignObject]:
        return list(islice(self._objects(), most))

    def _objects(self) -> Iterator[ForeignObject]:
        start = f"{self.place.prefix}{self.prefix}"
        for listed in s3_objects.raw_listing(self.place, self.prefix):
            key = str(listed["Key"]).removeprefix(start)
            if (key == "" or key.endswith("/")) and not listed["Size"]:
                continue  # what the console makes for a folder
            yield ForeignObject(StoredObject(key, listed["ETag"], listed["Size"], listed["LastModified"]))

    def read(self, foreign: ForeignObject) -> bytes:
        with self._changed(foreign, f"Reading {foreign.name} from landing"):
            answer = self.place.client().get_object(
                Bucket=self.place.bucket, Key=self._key(foreign), IfMatch=foreign.stored.etag
            )
            return answer["Body"].read(foreign.stored.size + 1)

    def move(self, foreign: ForeignObject, target: str) -> None:
        client, bucket, key = self.place.client(), self.place.bucket, self._key(foreign)
        same = {"CopySourceIfMatch": foreign.stored.etag}
        with self._changed(foreign, f"Moving {foreign.name} out of landing"):
            client.copy({"Bucket": bucket, "Key": key}, bucket, f"{self.place.prefix}{target}", same)
            client.delete_object(Bucket=bucket, Key=key, IfMatch=foreign.stored.etag)

    @staticmethod
    @contextmanager
    def _changed(foreign: ForeignObject, what: str) -> Iterator[None]:
        """Failures as everywhere; Changed when the object is gone or is another by now."""
        try:
            with aws_failures(what):
                yield
        except (AwsNotFound, AwsConflict) as error:
            raise Changed(foreign.name) from error

    def _key(self, foreign: ForeignObject) -> str:
        return f"{self.place.prefix}{self.prefix}{foreign.stored.key}"
