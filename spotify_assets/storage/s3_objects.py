"""What the lake's storage needs of S3 beside obstore: opening it with AWS's credentials, and listing by boto3.

obstore refuses to list a prefix that holds one key it can't express, and anybody may write such a key; boto3 lists them
all. Used by `object_store` and `foreign_objects` only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from obstore.store import S3Store

from spotify_assets.storage import aws
from spotify_assets.storage.aws import ATTEMPTS, SIGN_IN, AwsDenied, aws_failures
from spotify_assets.storage.stored_object import StoredObject, is_addressable

if TYPE_CHECKING:
    from obstore import ObjectMeta

REGION_OF_NO_REGION = "us-east-1"


class S3Client(Protocol):
    """The part of boto3's S3 client used here; boto3 makes its methods at run time and gives them no types."""

    def get_paginator(self, operation_name: str) -> Any: ...
    def get_object(self, **request: str) -> Mapping[str, Any]: ...
    def delete_object(self, **request: str) -> Mapping[str, Any]: ...
    def copy(self, CopySource: Mapping[str, str], Bucket: str, Key: str, ExtraArgs: Mapping[str, str]) -> None: ...


@dataclass(frozen=True)
class S3Place:
    """A prefix of a bucket (empty, or ending in `/`), at another endpoint than AWS's where one is named."""

    bucket: str
    prefix: str
    endpoint_url: str | None = None

    def client(self) -> S3Client:
        """The boto3 client for what obstore can't do."""
        return cast("S3Client", aws.client("s3", self.endpoint_url))


def listing(place: S3Place, prefix: str, after: str | None) -> Iterator[StoredObject]:
    """Every object under `prefix` that obstore can address, in the order of keys, those after `after` only."""
    for entry in raw_listing(place, prefix, after):
        key = str(entry["Key"]).removeprefix(place.prefix)
        if is_addressable(key):
            yield StoredObject(key, entry["ETag"], entry["Size"], entry["LastModified"])


def raw_listing(place: S3Place, prefix: str, after: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Every object under `prefix` as S3 describes it, whatever its key."""
    for page in _pages(place, prefix, {"StartAfter": f"{place.prefix}{after}"} if after else {}):
        yield from page.get("Contents", ())


def folders(place: S3Place, prefix: str) -> list[str]:
    """The names of the folders directly under `prefix`, sorted."""
    pages = _pages(place, prefix, {"Delimiter": "/"})
    names = (str(part["Prefix"]) for page in pages for part in page.get("CommonPrefixes", ()))
    return sorted(name.rstrip("/").rsplit("/", 1)[-1] for name in names)


def _pages(place: S3Place, prefix: str, options: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    with aws_failures(f"Listing s3://{place.bucket}/{place.prefix}{prefix}"):
        pages = place.client().get_paginator("list_objects_v2")
        yield from pages.paginate(Bucket=place.bucket, Prefix=f"{place.prefix}{prefix}", **options)


def stored(meta: ObjectMeta) -> StoredObject:
    """An object as obstore describes it."""
    return StoredObject(meta["path"], meta["e_tag"] or "", meta["size"], meta["last_modified"])


def backend(bucket: str, prefix: str, endpoint_url: str | None) -> S3Store:
    """obstore's storage for a prefix of a bucket. Raises AwsDenied when there are no credentials."""
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = aws.session()
    if session.get_credentials() is None:
        raise AwsDenied(f"No AWS credentials for s3://{bucket}", remedy=SIGN_IN, code="NoCredentials")
    options: dict[str, object] = {"region": session.region_name or REGION_OF_NO_REGION}
    if endpoint_url:
        options["endpoint"] = endpoint_url
        options["client_options"] = {"allow_http": endpoint_url.startswith("http://")}
    return S3Store(
        bucket,
        prefix=prefix or None,
        credential_provider=Boto3CredentialProvider(session),
        retry_config={"max_retries": ATTEMPTS - 1, "retry_timeout": dt.timedelta(minutes=2)},
        **options,  # pyright: ignore[reportArgumentType]
    )
