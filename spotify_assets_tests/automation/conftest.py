"""A world for sensor tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spotify_assets.resources.lake import LakeResource
from spotify_assets_tests.automation.world import World, world_on


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty lake in a folder, and an instance without runs."""
    with world_on(LakeResource(url=(tmp_path / "lake").as_uri())) as found:
        yield found
