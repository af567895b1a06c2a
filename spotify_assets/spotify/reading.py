"""Reading one playlist whole: all pages, from one version of it. Which playlists are read belongs in `extract`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from spotify_assets.spotify.client import PAGE_LIMIT, ResourceError, SpotifyClient
from spotify_assets.spotify.errors import PlaylistUnreadableError, PlaylistUnsettledError
from spotify_assets.spotify.responses import Meaning
from spotify_assets.spotify.snapshot import JsonObject, Page

MOST_READS = 5
_MOST_PAGES = 1000
_CAUSES = {
    Meaning.GONE: "it was deleted, it is private, or it is one of Spotify's own editorial lists, which apps can't read "
    "since 2024: check the id, or track a copy of the list that the account owns",
    Meaning.FORBIDDEN: "it is neither owned by nor shared with the account, the account is not on the app's "
    "allow-list, or there is no user behind the credentials: track a playlist the account owns, or add the account to "
    "the app's users",
    Meaning.REFUSED: "the request itself was refused: check the id",
}


@dataclass(frozen=True)
class PlaylistRead:
    """A playlist's metadata and pages, all of one version; `reads` is how many tries that took."""

    playlist: JsonObject
    pages: tuple[Page, ...]
    total: int
    reads: int


def metadata(client: SpotifyClient, playlist_id: str) -> JsonObject:
    """The playlist object. Raises PlaylistUnreadableError with the likely causes."""
    try:
        return client.playlist(playlist_id)
    except ResourceError as error:
        raise unreadable(playlist_id, error) from None


def unreadable(playlist_id: str, error: ResourceError) -> PlaylistUnreadableError:
    """The failure of one playlist in plain words."""
    return PlaylistUnreadableError(
        f"Playlist {playlist_id} can't be read, Spotify answers {error.verdict.said}: {_CAUSES[error.verdict.meaning]}."
    )


def read_playlist(client: SpotifyClient, pool: Executor, playlist_id: str, before: JsonObject) -> PlaylistRead:
    """All pages of the playlist whose object `before` was just read; pages after the first are fetched through `pool`.

    Offset paging shifts under edits, so the version id is read again afterwards, and the whole is read anew when it
    moved or the entries don't add up to the total (which counts null entries). Raises PlaylistUnsettledError after
    five tries, PlaylistUnreadableError, and what the client raises.
    """
    reason = ""
    for reads in range(1, MOST_READS + 1):
        try:
            pages, total, reason = _pages(client, pool, playlist_id)
            version = client.snapshot_id(playlist_id)
        except ResourceError as error:
            raise unreadable(playlist_id, error) from None
        if version != before.get("snapshot_id"):
            reason = "it was edited while it was read"
        if not reason:
            return PlaylistRead(before, pages, total, reads)
        if reads < MOST_READS and version != before.get("snapshot_id"):
            before = metadata(client, playlist_id)
    raise PlaylistUnsettledError(
        f"Playlist {playlist_id} could not be read whole in {MOST_READS} tries ({reason}): it is left out of this "
        "snapshot; run the partition again when nobody is editing it."
    )


def _pages(client: SpotifyClient, pool: Executor, playlist_id: str) -> tuple[tuple[Page, ...], int, str]:
    """(pages, total, what is wrong with them); an empty reason when they add up."""
    first = Page(0, client.items(playlist_id, 0))
    total = first.body.get("total")
    if not isinstance(total, int) or isinstance(total, bool):
        return _until_the_last(client, playlist_id, first)
    step = len(first.items)
    if step >= total:
        return (first,), total, _mismatch((first,), total)
    if step == 0:
        return (first,), total, f"a page was empty although there are {total} entries"
    if total > _MOST_PAGES * PAGE_LIMIT:
        raise PlaylistUnreadableError(
            f"Playlist {playlist_id} claims {total} entries, more than the {_MOST_PAGES * PAGE_LIMIT} read here: track "
            "a smaller one."
        )
    rest = _all([pool.submit(client.items, playlist_id, offset) for offset in range(step, total, step)])
    pages = (first, *(Page(offset, body) for offset, body in zip(range(step, total, step), rest, strict=True)))
    return pages, total, _mismatch(pages, total)


def _all(futures: Sequence[Future[JsonObject]]) -> list[JsonObject]:
    """Every result; the first failure cancels what has not started."""
    try:
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _until_the_last(client: SpotifyClient, playlist_id: str, first: Page) -> tuple[tuple[Page, ...], int, str]:
    """Pages one after another where Spotify does not say how many entries there are (seen on generated playlists)."""
    pages = [first]
    count = len(first.items)
    while pages[-1].items and pages[-1].body.get("next") and len(pages) < _MOST_PAGES:
        pages.append(Page(count, client.items(playlist_id, count)))
        count += len(pages[-1].items)
    return tuple(pages), count, ""


def _mismatch(pages: Sequence[Page], total: int) -> str:
    """Why the pages are not one whole playlist; empty when they are."""
    entries = sum(len(page.items) for page in pages)
    if entries != total:
        return f"its pages hold {entries} entries of {total}"
    for page in pages:
        said = page.body.get("offset", page.offset)
        if said != page.offset:
            return f"Spotify answered with offset {said} instead of {page.offset}"
        if page.body.get("total", total) != total:
            return "its total changed between pages"
    return ""
