"""What came of one day's extraction: of every playlist, of the calls, and whether a retry has something left to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from spotify_assets.failures import PlatformError, TransientError
from spotify_assets.spotify import tracking
from spotify_assets.spotify.client import CallStats
from spotify_assets.spotify.errors import NothingStoredError
from spotify_assets.spotify.listing import Listing
from spotify_assets.spotify.tracking import Tracked

NOTHING_STORED_WAIT = dt.timedelta(minutes=10)

Status = Literal["read", "carried", "kept", "unreadable", "failed", "not reached"]


@dataclass(frozen=True, kw_only=True)
class PlaylistOutcome:
    """What became of one playlist.

    `kept`: its snapshot of the day existed already. `unreadable`: refused, or not to be read within the budget.
    `failed`: a transient failure. `not reached`: extraction stopped before. `detail` says why, in words. `complete` is
    False for a snapshot known not to be whole. `refused` says that Spotify itself refused it, at the call `where`.
    """

    playlist_id: str
    status: Status
    name: str = ""
    key: str | None = None
    entries: int = 0
    bytes: int = 0
    reads: int = 0
    detail: str = ""
    complete: bool = True
    refused: bool = False
    where: str = "playlist"


@dataclass(frozen=True, kw_only=True)
class ExtractionReport:
    """One day's extraction. `seconds` of wall time; `spent` and `limit` of the rolling 24-hour budget, None without.

    `listing` is the account's list of playlists, where that is what is tracked. `tracked` is how every playlist stands
    after this run; it `remembers` that for the next, but on the sandbox. `stopped_by` ended extraction for everyone.
    """

    day: dt.date
    outcomes: tuple[PlaylistOutcome, ...]
    stats: CallStats
    seconds: float
    listing: Listing = field(default_factory=Listing)
    tracked: Mapping[str, Tracked] = field(default_factory=dict)
    remembers: bool = True
    ended_at: dt.datetime | None = None
    token_refreshes: int = 0
    most_in_flight: int = 0
    spent: int | None = None
    limit: int | None = None
    stopped_by: PlatformError | None = None

    @property
    def holes(self) -> int:
        """The null elements of the account's playlist list."""
        return self.listing.holes

    def having(self, *statuses: Status) -> list[PlaylistOutcome]:
        """The outcomes with one of the statuses."""
        return [outcome for outcome in self.outcomes if outcome.status in statuses]

    def raise_if_unfinished(self) -> None:
        """Raise what stopped extraction, or that nothing is stored, or the playlists a retry still has to read."""
        if self.stopped_by:
            raise self.stopped_by
        failed = self.having("failed", "not reached")
        if failed:
            named = ", ".join(outcome.playlist_id for outcome in failed[:5]) + (" …" if len(failed) > 5 else "")
            raise TransientError(
                f"{len(failed)} of {len(self.outcomes)} playlists of {self.day} are still missing ({named}): a retry "
                f"reads only those. First cause: {failed[0].detail}",
                code="unfinished",
                retry_at=self._retry_at(failed),
            )
        if self.outcomes and not self.having("read", "carried", "kept"):
            open_still = any(one.standing == "open" for one in self.tracked.values())
            raise NothingStoredError(
                f"Not one of {len(self.outcomes)} tracked playlists could be read on {self.day}. First cause: "
                f"{self.outcomes[0].detail}",
                remedy="where all are refused at once it is the account: look at the app's users and the owner's "
                "Premium on developer.spotify.com/dashboard"
                + ("; it is tried again through the day" if open_still else ""),
                code="nothing_stored",
                retry_at=self.ended_at + NOTHING_STORED_WAIT if self.ended_at else None,
            )

    def _retry_at(self, failed: Sequence[PlaylistOutcome]) -> dt.datetime | None:
        """When the failed ones are due again, where asking at once was tried already."""
        known = [self.tracked[one.playlist_id] for one in failed if one.playlist_id in self.tracked]
        again = [tracking.next_at(one.tried_at, one.tries, self.day) for one in known if one.tried_at and one.tries > 1]
        return min(again) if again and len(again) == len(failed) else None
