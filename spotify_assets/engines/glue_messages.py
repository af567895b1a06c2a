"""Dagster Pipes between a step and a Glue run, over objects under one prefix of the lake.

Read by the step's own polling instead of threads of their own, one reader per session: `dagster_aws`'s S3 reader keeps
its counter across sessions and then sees nothing of the second one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dagster as dg

if TYPE_CHECKING:
    from dagster import PipesMessageHandler
    from dagster_pipes import PipesContextData, PipesParams

    from spotify_assets.storage.object_store import ObjectStore


class LakeContextInjector(dg.PipesContextInjector):
    """Puts the step's context under `prefix` for the run to load, and removes it however the session ends."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._key = f"{prefix}context.json"

    @contextmanager
    def inject_context(self, context_data: PipesContextData) -> Iterator[PipesParams]:
        self._store.put(self._key, json.dumps(context_data).encode())
        try:
            bucket, key = _s3(self._store.url(self._key))
            yield {"bucket": bucket, "key": key}
        finally:
            self._store.delete([self._key])

    def no_messages_debug_text(self) -> str:
        return f"The context was put at {self._store.url(self._key)}."


class LakeMessageReader(dg.PipesMessageReader):
    """Reads the numbered message objects of one session when `drain` is called."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._next = 1
        self._handler: PipesMessageHandler | None = None

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[PipesParams]:
        self._handler = handler
        bucket, key = _s3(self._store.url(self._prefix))
        yield {"bucket": bucket, "key_prefix": key.rstrip("/")}

    def follow(self, params: PipesParams) -> None:
        """Read from where another session's run writes, from its first message on."""
        root = _s3(self._store.url())[1].strip("/")
        self._prefix = f"{params['key_prefix'].removeprefix(f'{root}/')}/"
        self._next = 1

    def has_messages(self) -> bool:
        """Whether the first message is there, to be read."""
        return self._store.head(f"{self._prefix}{self._next}.json") is not None

    def drain(self) -> None:
        """Hand every message that has arrived to Dagster."""
        assert self._handler is not None, "the session is open"
        while (chunk := self._store.get_or_none(f"{self._prefix}{self._next}.json")) is not None:
            self._next += 1
            for line in chunk.decode().splitlines():
                self._handler.handle_message(json.loads(line))

    def remove(self) -> None:
        """Delete the messages that were read."""
        self._store.delete(f"{self._prefix}{number}.json" for number in range(1, self._next))

    def no_messages_debug_text(self) -> str:
        return f"Messages are expected at {self._store.url(self._prefix)}."


def _s3(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path.lstrip("/")
