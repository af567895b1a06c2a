"""Spotify playlist history: daily snapshots, tables in a lake and a warehouse, and what changed."""
