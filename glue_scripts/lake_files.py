"""The lake's small files and raw objects, read and written without Spark: a folder, or S3 through boto3.

Spark's workers read raw objects through this (thousands of small gzip files, each checked against the etag the manifest
names) and the driver writes quarantine files and commit records. Parquet is Spark's own business. boto3 is there on
Glue; on a laptop nobody needs it.
"""

from __future__ import annotations

import errno
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from glue_scripts.spans import slices

if TYPE_CHECKING:
    S3Client = Any


PARALLEL_READS = 16
"""Objects that are read at once; the client keeps as many connections."""

_DELETED_AT_ONCE = 1000
"""What S3's DeleteObjects takes."""


@dataclass(frozen=True)
class LakeFiles:
    """A lake root: `file:///folder` or `s3://bucket/prefix`. Travels to Spark's workers."""

    url: str

    @property
    def _folder(self) -> Path | None:
        """The root as a folder, or None when it is on S3."""
        parts = urlsplit(self.url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    def spark_path(self, key: str) -> str:
        """The path under which Spark knows `key`."""
        folder = self._folder
        return f"{self.url.rstrip('/')}/{key}" if folder is None else f"file://{folder}/{key}"

    def local_path(self, key: str) -> Path | None:
        """Where the object `key` is a file on this machine; None on S3."""
        folder = self._folder
        return None if folder is None else folder / key

    def read(self, key: str, etag: str | None = None) -> bytes:
        """The bytes at `key`. On S3, with `etag`, only while the object is still that one.

        Raises FileNotFoundError naming the object that is gone or was replaced, PermissionError one that is refused.
        """
        folder = self._folder
        if folder is not None:
            try:
                return (folder / key).read_bytes()
            except FileNotFoundError:
                raise FileNotFoundError(f"{folder / key} is no longer there: build the date again") from None
        bucket, full_key = self._s3(key)
        condition = {"IfMatch": etag} if etag else {}
        try:
            return s3_client().get_object(Bucket=bucket, Key=full_key, **condition)["Body"].read()
        except _s3_error() as error:
            status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode")
            url = f"s3://{bucket}/{full_key}"
            if status == HTTPStatus.FORBIDDEN:
                raise PermissionError(errno.EACCES, "S3 refuses it to this role", url) from None
            if status not in (HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED):
                raise
            raise FileNotFoundError(
                f"{url} is no longer the object this run was asked to read: build the date again"
            ) from None

    def write(self, key: str, data: bytes) -> None:
        """Put `data` at `key` in one piece: a reader sees the old object or the new one."""
        folder = self._folder
        if folder is None:
            bucket, full_key = self._s3(key)
            s3_client().put_object(Bucket=bucket, Key=full_key, Body=data)
            return
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            file.write(data)
        os.replace(file.name, path)  # noqa: PTH105 - one atomic rename, said plainly

    def delete(self, prefix: str) -> None:
        """Remove every object under `prefix`, a folder ending in `/`.

        Nothing there is no error, and neither is an object that the storage keeps: the vacuum will find it.
        """
        folder = self._folder
        if folder is not None:
            shutil.rmtree(folder / prefix, ignore_errors=True)
            return
        bucket, _ = self._s3(prefix)
        for some in slices(self.list(prefix), _DELETED_AT_ONCE):
            objects = [{"Key": self._s3(key)[1]} for key, _ in some]
            s3_client().delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """(key, size in bytes) of every object under `prefix`, a folder ending in `/`."""
        folder = self._folder
        if folder is not None:
            for path in (folder / prefix).rglob("*"):
                if path.is_file():
                    yield path.relative_to(folder).as_posix(), path.stat().st_size
            return
        bucket, full_prefix = self._s3(prefix)
        root = full_prefix.removesuffix(prefix)
        for page in s3_client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=full_prefix):
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(root), entry["Size"]

    def _s3(self, key: str) -> tuple[str, str]:
        parts = urlsplit(self.url)
        if parts.scheme != "s3" or not parts.netloc:
            raise ValueError(f"the lake is at {self.url!r}: use file:///folder or s3://bucket/prefix")
        prefix = parts.path.strip("/")
        return parts.netloc, f"{prefix}/{key}" if prefix else key


@functools.cache
def s3_client() -> S3Client:
    """One client per process; credentials and region the standard way, the job's role on Glue."""
    import boto3
    from botocore.config import Config

    retries = Config(retries={"max_attempts": 10, "mode": "standard"}, max_pool_connections=PARALLEL_READS)
    return boto3.client("s3", config=retries)


def _s3_error() -> type[Exception]:
    from botocore.exceptions import ClientError

    return ClientError
