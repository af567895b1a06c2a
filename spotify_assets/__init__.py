"""Spotify playlist history: daily snapshots, tables in a lake and a warehouse, and what changed."""

import warnings

# Dagster repeats on every load which of its parameters are beta or preview. The version is pinned and they are used
# knowingly; a person starting the UI should see what is wrong, not this.
warnings.filterwarnings("ignore", message=".*is currently in (beta|preview).*")
