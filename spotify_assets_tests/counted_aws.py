"""Counts what moto's server is asked, by what AWS bills: S3's PUT, GET, LIST and the like, and each call of Glue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest


@contextmanager
def counted_requests() -> Iterator[Counter[str]]:
    """The requests of the meantime, by kind: `PUT`, `GET`, `HEAD`, `LIST`, `DELETE` of S3, or Glue's operation."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    counts: Counter[str] = Counter()
    real = DomainDispatcherApplication.__call__

    def counting(self: Any, environ: dict[str, Any], start_response: Any) -> Any:
        counts[_kind(environ)] += 1
        return real(self, environ, start_response)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DomainDispatcherApplication, "__call__", counting)
        yield counts


def _kind(environ: dict[str, Any]) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target).rpartition(".")[2]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if "list-type" in query:
        return "LIST"
    return "DELETE" if "delete" in query else str(environ["REQUEST_METHOD"])
