"""The landing folder: raw Spotify JSON that other systems drop, adopted as snapshots. Free of Dagster."""
