"""Fixtures every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from spotify_assets.object_store import ObjectStore
from spotify_assets_tests.moto_aws import aws, s3_lake  # noqa: F401


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """An empty lake in a folder with a space in its name."""
    return ObjectStore.open((tmp_path / "a lake").as_uri())
