"""Extraction as a plain library: Spotify's semantics and nothing of Dagster."""
