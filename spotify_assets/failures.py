"""The failure taxonomy: what may be tried again and what may not.

Plain exceptions, free of Dagster, so that the extraction library and the resources can raise them; the one place
that translates them for Dagster's retries is `spotify_assets.retries`.
"""

from __future__ import annotations

import datetime as dt


class PlatformError(Exception):
    """A failure with one sentence that names the thing, the value and the remedy. Raise a subclass."""


class PermanentError(PlatformError):
    """Trying again cannot help: somebody has to change something first."""


class TransientError(PlatformError):
    """Trying again may help; not before `retry_at` (UTC) when that is known."""

    def __init__(self, message: str, *, retry_at: dt.datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at
