"""What can go wrong with Spotify, by who has to do something about it.

Each is a permanent or transient failure of `spotify_assets.failures`; which answer leads to which is decided in
`responses`.
"""

from __future__ import annotations

import datetime as dt

from spotify_assets.failures import PermanentError, TransientError


class PlaylistUnreadableError(PermanentError):
    """One playlist was refused, or is not to be read within the budget; the others are unaffected.

    `refused` says that it is Spotify's answer, which may be a passing one, and not a judgement of ours; `where` is the
    call that was refused: `playlist` or `items`.
    """

    def __init__(
        self, what: str, *, remedy: str = "", code: str = "", refused: bool = False, where: str = "playlist"
    ) -> None:
        super().__init__(what, remedy=remedy, code=code)
        self.refused = refused
        self.where = where


class AccountError(PermanentError):
    """The account can't be used: credentials, consent or scope. No playlist can be read."""


class AccountRefusedError(TransientError):
    """Spotify refuses everything this account asks, which may pass within hours, of itself or when somebody acts."""


class NothingStoredError(TransientError):
    """Playlists are tracked, and not one snapshot of the day is stored."""


class SpotifyUnavailableError(TransientError):
    """Spotify did not give a usable answer within the time a request or a run may take.

    `body` is the start of the last answer that could not be used, where there was one; it holds no secret.
    """

    def __init__(
        self, what: str, *, remedy: str = "", code: str = "", retry_at: dt.datetime | None = None, body: str = ""
    ) -> None:
        super().__init__(what, remedy=remedy, code=code, retry_at=retry_at)
        self.body = body


class CoolingDownError(TransientError):
    """Spotify has asked everyone to stay away until `retry_at`."""


class BudgetSpentError(TransientError):
    """The calls of the rolling 24 hours are spent; `retry_at` is when the next one is free."""


def in_utc(time: dt.datetime) -> str:
    """A time as the messages write it."""
    return time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
