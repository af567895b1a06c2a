"""Where homes made before version 0.2 look for their event log: their dagster.yaml names this module.

Nothing belongs here. It can go when a home of that age is no longer worth opening.
"""

from spotify_assets.local.event_log import BatchingSqliteEventLogStorage

__all__ = ["BatchingSqliteEventLogStorage"]
