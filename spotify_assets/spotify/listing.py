"""The account's list of playlists: read until it adds up, and compared with the days before.

Spotify's list loses playlists: pages that start one early (spotipy#1084), a `next` that is null too soon
(web-api#1200), a total of 0 with playlists there (web-api#382). Which of them are read belongs in `extract`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from spotify_assets.failures import PlatformError
from spotify_assets.spotify.client import ResourceError, SpotifyClient
from spotify_assets.spotify.errors import AccountError, AccountRefusedError
from spotify_assets.spotify.playlists import parse_playlist
from spotify_assets.spotify.snapshot import JsonObject
from spotify_assets.spotify.tracking import Tracked

_MOST_PAGES = 200
_STALE_PAGES = 3
_READINGS = 2
_PAUSES = (5.0, 30.0)
"""Seconds before a refused list is asked again."""

REFUSED_WAIT = dt.timedelta(minutes=55)


@dataclass(frozen=True)
class Listing:
    """The playlists by id; `holes` are null elements, `total` what Spotify says there are (None: it does not).

    `missing` were on the list of the days before and are not now.
    """

    playlists: dict[str, JsonObject] = field(default_factory=dict)
    holes: int = 0
    total: int | None = None
    missing: dict[str, Tracked] = field(default_factory=dict)

    @property
    def lacks(self) -> int:
        """How many playlists fewer came than Spotify says there are."""
        return max(0, (self.total or 0) - len(self.playlists) - self.holes)


def my_playlists(client: SpotifyClient) -> Listing:
    """The account's playlists, one call for fifty; read a second time when they don't add up."""
    best = Listing()
    for reading in range(_READINGS):
        if reading:
            client.clock.sleep(_PAUSES[0], client.stopped)
        listing = _read(client)
        together = {**best.playlists, **listing.playlists}
        best = Listing(together, max(best.holes, listing.holes), listing.total)
        if not best.lacks:
            break
    return best


def patient_list(client: SpotifyClient, *, known: bool) -> Listing:
    """`my_playlists`, where a refusal is asked again. `known` is whether the account had a list before.

    Raises AccountRefusedError (it had) or AccountError (it never had), and what the client raises.
    """
    for pause in (*_PAUSES, None):
        try:
            return my_playlists(client)
        except ResourceError as error:
            if pause is None:
                raise _refusal(client, error, known=known) from None
            client.clock.sleep(pause, client.stopped)
    raise AssertionError("the last pause is None")


def _refusal(client: SpotifyClient, error: ResourceError, *, known: bool) -> PlatformError:
    what = f"Spotify does not list the account's playlists ({error.verdict.said})"
    if known:
        return AccountRefusedError(
            what,
            remedy="it is tried again through the day; if that does not help, run `spotify-assets doctor`",
            code="list",
            retry_at=client.clock.now() + REFUSED_WAIT,
        )
    return AccountError(
        what,
        remedy="SPOTIFY_PLAYLISTS='mine' needs the consent of a user; run `spotify-assets login`, or name the "
        "playlists",
        code="list",
    )


def _read(client: SpotifyClient) -> Listing:
    playlists: dict[str, JsonObject] = {}
    holes = seen = stale = 0
    total: int | None = None
    for _ in range(_MOST_PAGES):
        page = client.my_playlists(seen)
        items = page["items"]
        if not isinstance(items, list):
            break
        said = page.get("total")
        if isinstance(said, int) and not isinstance(said, bool):
            total = max(total or 0, said)
        before = len(playlists)
        for item in items:
            playlist_id = item.get("id") if isinstance(item, dict) else None
            if isinstance(item, dict) and isinstance(playlist_id, str) and parse_playlist(playlist_id) == playlist_id:
                playlists[playlist_id] = item
            else:
                holes += 1
        seen += len(items)
        stale = 0 if len(playlists) > before else stale + 1
        # While fewer came than there are it goes on behind the end: a page that began early pushed them out.
        lacking = total is not None and len(playlists) + holes < total
        if not items or stale >= _STALE_PAGES or not (page.get("next") or lacking):
            break
    return Listing(playlists, holes, total)
