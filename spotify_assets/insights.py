"""The numbers that Dagster+ Insights adds up: their names stay, and each amount stands on one materialization alone.

Insights sums a metadata key over materializations, so what a run spent once must not stand on every table and date of
it. docs/operations.md lists the names; what an asset shows for people is beside the asset.
"""

from __future__ import annotations

SPOTIFY_CALLS = "spotify_calls"
"""Calls to Spotify's API, on each date of `raw/playlist_snapshots`."""

SPOTIFY_ENTRIES = "spotify_entries"
"""Entries of playlists that were stored, on each date of `raw/playlist_snapshots`."""

GLUE_DPU_SECONDS = "glue_dpu_seconds"
"""DPU-seconds of the Glue runs of a build, on the last date of `lake/playlists`."""

SNOWFLAKE_CREDITS = "snowflake_credits"
"""Estimated credits of a load, merge or mart: its seconds by SNOWFLAKE_CREDITS_PER_HOUR; on the last date of a load."""
