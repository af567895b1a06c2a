"""The lake's storage: one small class over obstore for `file://` and `s3://`.

Free of Dagster, so that the extraction library, the Lambda and the command line use the same code. What is stored
where is `lake_layout`'s business; nothing outside this module knows which kind of storage it is talking to.
"""

from __future__ import annotations

import datetime as dt
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, unquote, urlsplit

import obstore
from filelock import FileLock
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import LocalStore, S3Store

from spotify_assets.failures import PermanentError, TransientError

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore as Backend

_PARALLEL = 16
_CAS_ATTEMPTS = 30


@dataclass(frozen=True, order=True)
class StoredObject:
    """An object as a listing shows it: key relative to the root, size in bytes, `etag` as the store gave it."""

    key: str
    etag: str
    size: int
    last_modified: dt.datetime


class AwsSession(Protocol):
    """The part of `boto3.Session` used here."""

    region_name: str | None

    def get_credentials(self) -> object: ...


class ObjectStore:
    """A lake root on a local folder or an S3 prefix.

    Every write is atomic: a reader sees the old object or the new one. Errors from the storage surface as
    `FileNotFoundError` (no such key) or the failures of `spotify_assets.failures`.
    """

    def __init__(self, backend: Backend, url: str, root: Path | None) -> None:
        self._backend = backend
        self._url = url.rstrip("/")
        self._root = root

    @classmethod
    def open(
        cls, url: str, *, session: Callable[[], AwsSession] | None = None, endpoint_url: str | None = None
    ) -> ObjectStore:
        """Open `file:///folder` (made when missing) or `s3://bucket/prefix`.

        `session` makes the boto3 session whose credentials are used for S3 (boto3's own default when None);
        `endpoint_url` replaces AWS's S3 endpoint. Raises PermanentError for any other kind of URL.
        """
        parts = urlsplit(url)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            root = Path(unquote(parts.path))
            root.mkdir(parents=True, exist_ok=True)
            return cls(LocalStore(root), url, root)
        if parts.scheme == "s3" and parts.netloc:
            return cls(_s3_backend(parts.netloc, parts.path.strip("/"), session, endpoint_url), url, None)
        raise PermanentError(f"LAKE_URL is {url!r}: use file:///folder or s3://bucket/prefix.")

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
        if self._root is not None:
            yield from self._list_folder(prefix, after)
            return
        for batch in obstore.list(self._backend, prefix, offset=after):
            for meta in batch:
                yield _stored(meta)

    def _list_folder(self, prefix: str, after: str | None) -> Iterator[StoredObject]:
        """The local form of `list`: folder by folder, so that keys come in S3's order and old folders are skipped."""
        found = obstore.list_with_delimiter(self._backend, prefix)
        entries: list[tuple[str, StoredObject | None]] = [
            *((meta["path"], _stored(meta)) for meta in found["objects"]),
            *((f"{path.rstrip('/')}/", None) for path in found["common_prefixes"]),
        ]
        for key, stored in sorted(entries, key=lambda entry: entry[0]):
            if stored is not None:
                if after is None or key > after:
                    yield stored
            elif after is None or key > after or after.startswith(key):
                yield from self._list_folder(key, after)

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders directly under `prefix`, sorted; one delimited listing."""
        found = obstore.list_with_delimiter(self._backend, prefix)["common_prefixes"]
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in found)

    def head(self, key: str) -> StoredObject | None:
        """The object at `key`, or None."""
        try:
            meta = obstore.head(self._backend, key)
        except FileNotFoundError:
            return None
        return _stored(meta)

    def get(self, key: str) -> bytes:
        """The bytes at `key`. Raises FileNotFoundError."""
        return bytes(obstore.get(self._backend, key).bytes())

    def get_or_none(self, key: str) -> bytes | None:
        """The bytes at `key`, or None when there is no such object."""
        try:
            return self.get(key)
        except FileNotFoundError:
            return None

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        """The bytes of many keys, read in parallel; None for a key that does not exist."""
        keys = list(keys)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return dict(zip(keys, pool.map(self.get_or_none, keys), strict=True))

    def put(self, key: str, data: bytes) -> None:
        """Write `data` to `key`, replacing what was there."""
        obstore.put(self._backend, key, data)

    def create(self, key: str, data: bytes) -> bool:
        """Write `data` to `key` unless it exists; whether it was written. Of two racing writers one wins."""
        try:
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
            lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(lock):
                data = change(self.get_or_none(key))
                self.put(key, data)
                return data
        for attempt in range(_CAS_ATTEMPTS):
            try:
                found = obstore.get(self._backend, key)
                etag, old = found.meta["e_tag"], bytes(found.bytes())
                data = change(old)
                obstore.put(self._backend, key, data, mode={"e_tag": etag})
                return data
            except FileNotFoundError:
                data = change(None)
                if self.create(key, data):
                    return data
            except PreconditionError:
                pass  # another writer was faster: read what it wrote and try again
            time.sleep(min(1.0, 0.02 * 2 ** min(attempt, 6)) * (0.5 + random.random()))
        raise TransientError(f"{self.url(key)} kept changing for {_CAS_ATTEMPTS} attempts to update it; try again.")

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store, without moving its bytes through this machine."""
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
            obstore.delete(self._backend, keys)

    @contextmanager
    def local_files(self, keys: Iterable[str]) -> Iterator[Mapping[str, Path]]:
        """Read-only files on this machine with the content of `keys`: the objects themselves, or parallel downloads.

        Raises FileNotFoundError when a key is gone. Downloads are removed on leaving.
        """
        keys = list(keys)
        if self._root is not None:
            root = self._root
            yield {key: root / key for key in keys}
            return
        folder = Path(tempfile.mkdtemp(prefix="spotify_assets_"))
        try:
            files = {key: folder / f"{number:06d}_{key.rsplit('/', 1)[-1]}" for number, key in enumerate(keys)}
            with ThreadPoolExecutor(_PARALLEL) as pool:
                list(pool.map(lambda item: self._download(*item), files.items()))
            yield files
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _download(self, key: str, path: Path) -> None:
        with path.open("wb") as file:
            for chunk in obstore.get(self._backend, key).stream():
                file.write(chunk)

    def upload(self, path: Path, key: str) -> int:
        """Store the file at `path` as `key` (multipart when large); its size in bytes."""
        with path.open("rb") as file:
            obstore.put(self._backend, key, file)
        return path.stat().st_size

    def upload_many(self, files: Mapping[str, Path]) -> dict[str, int]:
        """Store many files in parallel, key to path; key to size in bytes."""
        with ThreadPoolExecutor(_PARALLEL) as pool:
            sizes = pool.map(lambda item: self.upload(item[1], item[0]), files.items())
            return dict(zip(files, sizes, strict=True))


def _stored(meta: ObjectMeta) -> StoredObject:
    return StoredObject(meta["path"], meta["e_tag"] or "", meta["size"], meta["last_modified"])


def _s3_backend(
    bucket: str, prefix: str, session: Callable[[], AwsSession] | None, endpoint_url: str | None
) -> S3Store:
    import boto3
    from obstore.auth.boto3 import Boto3CredentialProvider

    aws = session() if session else boto3.Session()
    if aws.get_credentials() is None:
        raise PermanentError(
            f"No AWS credentials for s3://{bucket}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "or run where a role is attached."
        )
    options: dict[str, object] = {"region": aws.region_name or "us-east-1"}
    if endpoint_url:
        options["endpoint"] = endpoint_url
        options["client_options"] = {"allow_http": endpoint_url.startswith("http://")}
    return S3Store(
        bucket,
        prefix=prefix or None,
        credential_provider=Boto3CredentialProvider(aws),  # pyright: ignore[reportArgumentType]
        retry_config={"max_retries": 8, "retry_timeout": dt.timedelta(minutes=2)},
        **options,  # pyright: ignore[reportArgumentType]
    )
