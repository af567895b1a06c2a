"""Spotify playlist history: daily snapshots, tables in a lake and a warehouse, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spotify_assets.component import PlaylistHistory

__all__ = ["PlaylistHistory"]


def __getattr__(name: str) -> object:
    """The `dg` component, loaded when it is asked for: the Lambda and the command line need no Dagster."""
    if name == "PlaylistHistory":
        from spotify_assets.component import PlaylistHistory

        return PlaylistHistory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
