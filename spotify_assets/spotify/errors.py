"""What can go wrong with Spotify, by who has to do something about it.

Each is a permanent or transient failure of `spotify_assets.failures`; which answer leads to which is decided in
`responses`.
"""

from __future__ import annotations

import datetime as dt

from spotify_assets.failures import PermanentError, TransientError


class PlaylistUnreadableError(PermanentError):
    """One playlist can't be read, and won't be until somebody changes something; the others are unaffected."""


class PlaylistUnsettledError(PermanentError):
    """One playlist kept changing while it was read; today it fails alone, its next snapshot may succeed."""


class AccountError(PermanentError):
    """The account can't be used: credentials, consent or scope. No playlist can be read."""


class SpotifyUnavailableError(TransientError):
    """Spotify did not give a usable answer within the time a request or a run may take."""


class CoolingDownError(TransientError):
    """Spotify has asked everyone to stay away until `retry_at`."""


class BudgetSpentError(TransientError):
    """The calls of the rolling 24 hours are spent; `retry_at` is when the next one is free."""


def in_utc(time: dt.datetime) -> str:
    """A time as the messages write it."""
    return time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
