"""The lake's storage: one small class over obstore for `file://` and `s3://`.

Free of Dagster, so that the extraction library, the Lambda and the command line use the same code. What is stored
where is `lake.layout`'s business; nothing outside this module, `local_objects`, `s3_objects` and `foreign_objects`
knows which kind of storage it is talking to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from posixpath import commonpath
from typing import TYPE_CHECKING, Protocol, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit

import obstore
from filelock import FileLock
from obstore.exceptions import (
    AlreadyExistsError,
    GenericError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import LocalStore
from tenacity import retry_if_exception_type, wait_random_exponential

from spotify_assets.failures import PermanentError, PlatformError
from spotify_assets.storage import local_objects, s3_objects
from spotify_assets.storage.aws import AwsConflict, AwsDenied, AwsUnavailable
from spotify_assets.storage.s3_objects import S3Place
from spotify_assets.storage.scratch import scratch_folder
from spotify_assets.storage.stored_object import StoredObject
from spotify_assets.waiting import SYSTEM_CLOCK, Clock, again

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ObjectStore as Backend

__all__ = ["ObjectStore", "StoredObject", "open_lake"]

_PARALLEL = 16
_LISTED_APART = 20
"""Up to as many folders are listed one by one for the sizes of what lies in them."""
_CAS_ATTEMPTS = 30

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class ObjectStore:
    """A lake root on a local folder or an S3 prefix.

    Every write is atomic: a reader sees the old object or the new one. Errors from the storage surface as
    `FileNotFoundError` (no such key) or the failures of `spotify_assets.failures`. Keys that no part of the platform
    could have written (`..` or empty segments, control characters, names that are not Unicode) are never listed;
    `foreign_objects` deals with those.
    """

    def __init__(self, backend: Backend, url: str, place: Path | S3Place, clock: Clock = SYSTEM_CLOCK) -> None:
        self._backend = backend
        self._clock = clock
        self._url = url.rstrip("/")
        self._root = place if isinstance(place, Path) else None
        self.place = place

    @classmethod
    def open(cls, url: str, *, endpoint_url: str | None = None, clock: Clock = SYSTEM_CLOCK) -> ObjectStore:
        """Open `file:///folder` (made when missing) or `s3://bucket/prefix`; `endpoint_url` replaces AWS's for S3.

        Where settings say where it is, use `open_lake`. Raises PermanentError for any other kind of URL, for a folder
        that can't be used, and when there are no credentials.
        """
        parts = urlsplit(url)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            root = Path(unquote(parts.path))
            with _local_failures(root):
                root.mkdir(parents=True, exist_ok=True)
                return cls(LocalStore(root), url, root, clock)
        if parts.scheme == "s3" and parts.netloc:
            prefix = parts.path.strip("/")
            place = S3Place(parts.netloc, f"{prefix}/" if prefix else "", endpoint_url)
            return cls(s3_objects.backend(parts.netloc, prefix, endpoint_url), url, place, clock)
        raise PermanentError(f"LAKE_URL is {url!r}", remedy="use file:///folder or s3://bucket/prefix")

    @property
    def is_local(self) -> bool:
        return self._root is not None

    def url(self, key: str = "") -> str:
        """The absolute URL of `key` (of the root when empty)."""
        return f"{self._url}/{quote(key, safe='/=')}" if self.is_local else f"{self._url}/{key}"

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[StoredObject]:
        """Every object under `prefix` (a folder, ending in `/`) in the order of keys, those after `after` only.

        Listing is lazy: what the caller does not take is not asked for. On S3 1,000 keys are one request.
        """
        place = self.place
        if isinstance(place, Path):
            yield from local_objects.listing(place, prefix, after)
            return
        last = after
        try:
            with self._failures(prefix):
                for batch in obstore.list(self._backend, prefix, offset=after):
                    for meta in batch:
                        stored = s3_objects.stored(meta)
                        if after is None or stored.key > after:  # obstore drops a slash at the end of `after`
                            yield stored
                        last = stored.key
        except InvalidPathError:
            # One key that obstore can't express ends its listing: go on behind the last key it gave.
            yield from s3_objects.listing(place, prefix, last)

    def folder_state(self, folder: str, others: Iterable[str], before: dt.datetime) -> str | None:
        """What stands for a folder, each entry of it, and `others` (keys, or folders): it changes when one of them is
        made, removed or replaced, and with whatever is in one that is a folder. None where that can't be told:
        something has changed since `before`, or the store has no folders."""
        if self._root is None:
            return None
        return local_objects.folder_state(self._root, folder, others, before.timestamp())

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders directly under `prefix`, sorted; one delimited listing."""
        place = self.place
        if isinstance(place, Path):
            return local_objects.folders(place, prefix)
        return s3_objects.folders(place, prefix)

    def head(self, key: str) -> StoredObject | None:
        """The object at `key`, or None."""
        if self._root is not None:
            return local_objects.stat(self._root, key)
        try:
            with self._failures(key):
                return s3_objects.stored(obstore.head(self._backend, key))
        except FileNotFoundError:
            return None

    def sizes(self, keys: Iterable[str]) -> dict[str, int]:
        """The size in bytes of each of these objects that there is.

        On S3 their folders are listed: one by one, or together with whatever lies between them where they are many.
        """
        keys = list(keys)
        if isinstance(self.place, Path):
            return local_objects.sizes(self.place, keys)
        folders = sorted({f"{key.rpartition('/')[0]}/" for key in keys})
        if len(folders) > _LISTED_APART:
            folders = [f"{commonpath(folders)}/"]
        listed = {stored.key: stored.size for folder in folders for stored in self.list(folder)}
        return {key: listed[key] for key in keys if key in listed}

    def get(self, key: str) -> bytes:
        """The bytes at `key`. Raises FileNotFoundError."""
        with self._failures(key):
            return bytes(obstore.get(self._backend, key).bytes())

    def get_or_none(self, key: str) -> bytes | None:
        """The bytes at `key`, or None when there is no such object."""
        try:
            return self.get(key)
        except FileNotFoundError:
            return None

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        """The bytes of many keys; None for a key that does not exist."""
        keys = list(keys)
        return dict(zip(keys, self.at_once(self.get_or_none, keys), strict=True))

    def at_once(self, ask: Callable[[_Item], _Answer], items: Iterable[_Item]) -> list[_Answer]:
        """What `ask` answers for each item: in parallel where each waits for the network, which a folder does not."""
        if self.is_local:
            return [ask(item) for item in items]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(ask, items))

    def put(self, key: str, data: bytes) -> None:
        """Write `data` to `key`, replacing what was there."""
        with self._failures(key):
            obstore.put(self._backend, key, data)

    def create(self, key: str, data: bytes) -> bool:
        """Write `data` to `key` unless it exists; whether it was written. Of two racing writers one wins."""
        try:
            with self._failures(key):
                obstore.put(self._backend, key, data, mode="create")
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    def update(self, key: str, change: Callable[[bytes | None], bytes]) -> bytes:
        """Replace the object at `key` by `change(old)`, with no other writer in between; returns what was written.

        `change` gets None when the object does not exist and may be called again when another writer was faster.
        """
        if self._root is not None:
            lock = self._root / ".locks" / f"{quote(key, safe='')}.lock"
            with _local_failures(lock):
                lock.parent.mkdir(parents=True, exist_ok=True)
                with FileLock(lock):
                    data = change(self.get_or_none(key))
                    self.put(key, data)
                    return data
        try:
            return again(
                retry_if_exception_type(PreconditionError),
                wait=wait_random_exponential(multiplier=0.02, max=1.0),
                tries=_CAS_ATTEMPTS,
                clock=self._clock,
            )(self._update_once, key, change)
        except PreconditionError:
            raise AwsConflict(
                f"{self.url(key)} kept changing for {_CAS_ATTEMPTS} attempts to update it", remedy="try again"
            ) from None

    def _update_once(self, key: str, change: Callable[[bytes | None], bytes]) -> bytes:
        """Raises PreconditionError when another writer was faster."""
        try:
            with self._failures(key):
                current = obstore.get(self._backend, key)
                old = bytes(current.bytes())
            mode = cast("PutMode", {"e_tag": current.meta["e_tag"]})
        except FileNotFoundError:
            mode, old = "create", None
        data = change(old)
        try:
            with self._failures(key):
                obstore.put(self._backend, key, data, mode=mode)
        except (AlreadyExistsError, FileNotFoundError) as error:  # made or removed meanwhile
            raise PreconditionError(str(error)) from error
        return data

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store, without moving its bytes through this machine."""
        with self._failures(source):
            obstore.copy(self._backend, source, target)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; a key that is gone already is fine."""
        keys = list(keys)
        if not keys:
            return
        if self.is_local:
            for key in keys:
                try:
                    obstore.delete(self._backend, key)
                except FileNotFoundError:
                    continue
        else:
            with self._failures(keys[0]):
                obstore.delete(self._backend, keys)

    @contextmanager
    def local_files(
        self, keys: Iterable[str], refused: dict[str, PlatformError] | None = None
    ) -> Iterator[Mapping[str, Path]]:
        """Read-only files on this machine with the content of `keys`: the objects themselves, or parallel downloads.

        Raises FileNotFoundError when a key is gone. Downloads are removed on leaving. With `refused`, single objects
        that S3 does not give are put there with its reason, and have no file.
        """
        keys = list(keys)
        if self._root is not None:
            root = self._root
            yield {key: root / key for key in keys}
            return
        with scratch_folder("objects") as folder:
            files = {key: folder / f"{number:06d}_{key.rsplit('/', 1)[-1]}" for number, key in enumerate(keys)}
            downloads = self.at_once(lambda item: self._downloaded(*item), files.items())
            failures = dict(zip(files, downloads, strict=True))
            failed = {key: error for key, error in failures.items() if error}
            for error in failed.values():
                if refused is None or (len(failed) == len(files) and not isinstance(error, AwsDenied)):
                    raise error
            if refused is not None:
                refused.update(failed)
            yield {key: path for key, path in files.items() if key not in failed}

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        """Turn what obstore raises inside into a failure that names the key; a missing key and a lost race stay."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise AwsDenied(
                f"{self.url(key)} can't be used with these credentials: {_first_line(error)}",
                remedy="allow it in the policy, or choose other credentials",
            ) from error
        except GenericError as error:
            if self._root is not None:
                raise _no_folder(self._root / key, _first_line(error)) from error
            raise AwsUnavailable(f"{self.url(key)} could not be reached: {_first_line(error)}") from error

    def _download(self, key: str, path: Path) -> None:
        with path.open("wb") as file, self._failures(key):
            for chunk in obstore.get(self._backend, key).stream():
                file.write(chunk)

    def _downloaded(self, key: str, path: Path) -> PlatformError | None:
        """Download `key`; why S3 does not give it, if it does not. Raises FileNotFoundError when it is gone."""
        try:
            self._download(key, path)
        except PlatformError as error:
            return error
        return None

    def upload(self, path: Path, key: str) -> int:
        """Store the file at `path` as `key` (multipart when large); its size in bytes."""
        with path.open("rb") as file, self._failures(key):
            obstore.put(self._backend, key, file)
        return path.stat().st_size

    def upload_many(self, files: Mapping[str, Path]) -> dict[str, int]:
        """Store many files, key to path; key to size in bytes."""
        sizes = self.at_once(lambda item: self.upload(item[1], item[0]), files.items())
        return dict(zip(files, sizes, strict=True))


class LakeSettings(Protocol):
    """What settings say of the lake: its root, and another endpoint than AWS's, if any."""

    @property
    def lake(self) -> str: ...

    @property
    def aws_endpoint_url(self) -> str | None: ...


def open_lake(settings: LakeSettings) -> ObjectStore:
    """The lake the settings name: for everything that has settings and no Dagster resource. Raises as `open` does."""
    return ObjectStore.open(settings.lake, endpoint_url=settings.aws_endpoint_url)


@contextmanager
def _local_failures(path: Path) -> Iterator[None]:
    """Turn what the file system refuses inside into a failure that names the path."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _no_folder(path, error.strerror or str(error)) from error


def _no_folder(path: Path, why: str) -> PermanentError:
    return PermanentError(
        f"{path} can't be used: {why}",
        remedy="free or repair it, or choose another folder with SPOTIFY_ASSETS_HOME or LAKE_URL",
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
