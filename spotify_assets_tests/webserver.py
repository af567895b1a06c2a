"""Dagster's webserver with this code location loaded in the same process: what the UI asks it, and what it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget

Ask = Callable[..., Any]
"""GraphQL and its variables to the answer's `data`."""


@contextmanager
def webserver(instance: dg.DagsterInstance, location: str = "spotify_assets") -> Iterator[Ask]:
    """The webserver over `instance`, as its pages ask it."""
    from dagster_webserver.webserver import DagsterWebserver
    from starlette.testclient import TestClient

    target = LoadableTargetOrigin(
        executable_path=sys.executable, module_name="spotify_assets.definitions", attribute="defs"
    )
    origin = InProcessCodeLocationOrigin(target, location_name=location)
    with WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget([origin])) as context:
        client = TestClient(DagsterWebserver(context).create_asgi_app())

        def ask(query: str, **variables: object) -> Any:
            answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
            assert "errors" not in answer, answer
            return answer["data"]

        yield ask
