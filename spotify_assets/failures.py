"""The failure taxonomy: what may be tried again and what may not, and the facts a failure carries.

Plain exceptions, free of Dagster, so that the extraction library and the resources can raise them; the one place
that translates them for Dagster's retries is `spotify_assets.retries`. Whoever needs a fact of a failure asks for the
attribute; nobody reads its sentence back.
"""

from __future__ import annotations

import datetime as dt


class PlatformError(Exception):
    """A failure of the platform. Raise a subclass.

    `what` names the thing and the value that is wrong, `remedy` what to do about it (empty where nothing helps but
    time), `code` the other side's own name of it (`AccessDenied`, `003167`), empty where it has none. The text is both
    in one sentence.
    """

    def __init__(self, what: str, *, remedy: str = "", code: str = "") -> None:
        super().__init__(what, remedy, code)
        self.what = what.rstrip(".")
        self.remedy = remedy.rstrip(".")
        self.code = code
        self.parts: tuple[PlatformError, ...] = (self,)
        """The failures this one is made of, where several are told at once; else itself."""

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}." if self.remedy else f"{self.what}."


class PermanentError(PlatformError):
    """Trying again cannot help: somebody has to change something first."""


class TransientError(PlatformError):
    """Trying again may help; not before `retry_at` (UTC) when that is known."""

    def __init__(self, what: str, *, remedy: str = "", code: str = "", retry_at: dt.datetime | None = None) -> None:
        super().__init__(what, remedy=remedy, code=code)
        self.retry_at = retry_at
