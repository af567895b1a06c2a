"""Fairness: what each playlist of an extraction may spend of the day's calls, so that none takes all.

Pure arithmetic behind a lock; nothing is called here. How large a playlist was is known from `tracking`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from spotify_assets.spotify.errors import PlaylistUnreadableError

PAGE = 50
UNKNOWN_CALLS = 50
"""Calls for a playlist that was never read and does not say how long it is: some thousand entries, read twice."""

_ROOM = 10
_EXPECTED_UNKNOWN = 4


@dataclass
class _Account:
    """One playlist's calls: `expected` are kept for it, `most` it may spend, `spent` it has."""

    expected: int
    most: int
    spent: int = 0

    @property
    def reserve(self) -> int:
        return max(0, self.expected - self.spent)


class Allowances:
    """Divides the calls that are `left` (None: as many as one likes) between playlists of known `sizes` (entries)."""

    def __init__(self, left: int | None, limit: int | None, sizes: Mapping[str, int | None]) -> None:
        self._left = left
        self.limit = limit
        self._lock = Lock()
        self._spent = 0
        self._accounts = {playlist_id: _account(size) for playlist_id, size in sizes.items()}

    def of(self, playlist_id: str) -> Allowance:
        """The purse of one playlist."""
        return Allowance(self, playlist_id)

    def spend(self, playlist_id: str) -> None:
        """Count a call. Raises PlaylistUnreadableError when the playlist has had its share."""
        with self._lock:
            account = self._accounts[playlist_id]
            if account.spent >= account.most or (account.spent >= account.expected and self._free(playlist_id) <= 0):
                raise PlaylistUnreadableError(
                    f"Playlist {playlist_id} took {account.spent} calls and did not come to an end, more than its "
                    "share of the day's budget",
                    remedy="it is tried again later; raise SPOTIFY_DAILY_CALL_BUDGET if it really is that large",
                    where="items",
                )
            account.spent += 1
            self._spent += 1

    def want(self, playlist_id: str, calls: int) -> bool:
        """Set aside `calls` for the playlist in all, if that takes nothing the others need; whether that was so."""
        with self._lock:
            account = self._accounts[playlist_id]
            if self._left is not None and calls - account.spent > self._free(playlist_id):
                return False
            account.expected = max(account.expected, calls)
            account.most = max(account.most, calls)
            return True

    def done(self, playlist_id: str) -> None:
        """The playlist needs no more."""
        with self._lock:
            account = self._accounts[playlist_id]
            account.expected = account.spent

    def again(self, playlist_id: str) -> None:
        """The playlist is asked once more: a purse as at first."""
        with self._lock:
            account = self._accounts[playlist_id]
            account.most = max(account.most, account.spent + _ROOM)

    def _free(self, playlist_id: str) -> int:
        """Calls that the playlist may have without taking what the others need, and never more than half of all."""
        if self._left is None:
            return UNKNOWN_CALLS
        left = self._left - self._spent
        others = sum(account.reserve for known, account in self._accounts.items() if known != playlist_id)
        return left - min(others, left // 2)


@dataclass(frozen=True)
class Allowance:
    """One playlist's part of `Allowances`."""

    shared: Allowances
    playlist_id: str

    def spend(self) -> None:
        """Count a call that is about to be made."""
        self.shared.spend(self.playlist_id)

    def want(self, calls: int) -> bool:
        """Set aside `calls` in all; False when others would go short."""
        return self.shared.want(self.playlist_id, calls)


def _account(size: int | None) -> _Account:
    if size is None:
        return _Account(_EXPECTED_UNKNOWN, UNKNOWN_CALLS)
    pages = max(1, math.ceil(size / PAGE))
    return _Account(pages + 3, max(2 * pages + _ROOM, UNKNOWN_CALLS if size <= PAGE * 20 else 0))
