"""Reading one playlist whole, in at most two readings. Which playlists are read belongs in `extract`.

Neither the version id (it moves on every request of some playlists, spotify/web-api#858) nor the total (some never add
up) nor the pages' borders are trusted: where they disagree the whole is read once more, and two readings with equal
entries are the truth. Whatever was read is returned, with what is wrong with it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from spotify_assets.spotify.allowance import Allowance
from spotify_assets.spotify.client import ResourceError, SpotifyClient
from spotify_assets.spotify.errors import PlaylistUnreadableError
from spotify_assets.spotify.responses import Meaning
from spotify_assets.spotify.snapshot import Json, JsonObject, Page

_WAVE = 4
_REMEDIES = {
    Meaning.GONE: (
        "it was deleted, it is private, or it is one of Spotify's own editorial lists, which apps can't read since "
        "2024",
        "check the id, or track a copy of the list that the account owns",
    ),
    Meaning.FORBIDDEN: (
        "it is neither owned by nor shared with the account, the account is not on the app's allow-list, or there is "
        "no user behind the credentials",
        "track a playlist the account owns, or add the account to the app's users",
    ),
    Meaning.REFUSED: ("the request itself was refused", "check the id"),
}


@dataclass(frozen=True, kw_only=True)
class PlaylistRead:
    """A playlist's metadata and pages; `reads` is how many readings that took.

    `complete` is None where the pages add up, else what was found out by reading twice; `mismatch` says what does not
    add up.
    """

    playlist: JsonObject
    pages: tuple[Page, ...]
    total: int
    reads: int
    complete: bool | None = None
    mismatch: str = ""

    @property
    def entries(self) -> int:
        """How many entries the pages hold."""
        return sum(len(page.items) for page in self.pages)


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """All pages, once. `fault` says why they are not a whole playlist; `ended`: nothing came behind the last one."""

    pages: tuple[Page, ...]
    total: int
    fault: str = ""
    overlap: bool = False
    ended: bool = True

    @property
    def content(self) -> list[object]:
        return [identity(item) for page in self.pages for item in page.items]


@dataclass(frozen=True)
class PlaylistCalls:
    """The calls of one playlist, paid for from its allowance. Raises PlaylistUnreadableError with the likely causes."""

    client: SpotifyClient
    playlist_id: str
    allowance: Allowance | None = None

    def metadata(self) -> JsonObject:
        """The playlist object."""
        try:
            return self.client.playlist(self.playlist_id, self.allowance)
        except ResourceError as error:
            raise unreadable(self.playlist_id, error, "playlist") from None

    def version(self) -> str | None:
        """Its version id now."""
        try:
            return self.client.snapshot_id(self.playlist_id, self.allowance)
        except ResourceError as error:
            raise unreadable(self.playlist_id, error, "playlist") from None

    def page(self, offset: int) -> Page:
        """Up to 50 entries from `offset`."""
        try:
            return Page(offset, self.client.items(self.playlist_id, offset, self.allowance))
        except ResourceError as error:
            raise unreadable(self.playlist_id, error, "items") from None

    def may_spend(self, more: int) -> bool:
        """Whether `more` calls, beside those made, leave the other playlists what they need."""
        return self.allowance is None or self.allowance.want(more)


def unreadable(playlist_id: str, error: ResourceError, where: str) -> PlaylistUnreadableError:
    """The failure of one playlist in plain words."""
    cause, remedy = _REMEDIES[error.verdict.meaning]
    return PlaylistUnreadableError(
        f"Playlist {playlist_id} can't be read, Spotify answers {error.verdict.said}: {cause}",
        remedy=remedy,
        refused=True,
        where=where,
    )


def read_playlist(
    calls: PlaylistCalls,
    pool: Executor,
    before: JsonObject,
    *,
    first_page: Page | None = None,
    known: int | None = None,
) -> PlaylistRead:
    """All pages of the playlist whose object `before` was just read; pages after the first are fetched through `pool`.

    Offset paging shifts under edits, so the version id is read again afterwards; when it moved, or the pages don't add
    up, all is read once more. `known` is how many entries it had when last stored. Raises PlaylistUnreadableError, and
    what the client raises.
    """
    first = _read(calls, pool, first_page)
    version = calls.version()
    if not first.fault and version == before.get("snapshot_id"):
        return PlaylistRead(playlist=before, pages=first.pages, total=first.total, reads=1)
    before = before if version is None else {**before, "snapshot_id": version}
    second = _read_along(calls, first) if first.overlap else _read(calls, pool)
    return _settled(before, first, second, known)


def _settled(before: JsonObject, first: _Reading, second: _Reading, known: int | None) -> PlaylistRead:
    """What two readings come to."""

    def read(reading: _Reading, mismatch: str, *, complete: bool | None) -> PlaylistRead:
        return PlaylistRead(
            playlist=before,
            pages=reading.pages,
            total=reading.total,
            reads=2,
            complete=complete,
            mismatch=mismatch,
        )

    if first.content == second.content and not second.overlap:
        shrunk = known is not None and len(second.content) < min(known, second.total)
        return read(second, second.fault, complete=second.ended and not shrunk)
    if not second.fault:
        return read(second, "" if first.fault else "it was edited while it was read", complete=None)
    if not first.fault:
        return read(first, "it was edited while it was read", complete=None)
    if first.overlap and len(first.content) == first.total:
        # Reading along the entries instead of by offset found no more: they do stand there twice.
        return read(first, first.fault, complete=True)
    best = max(second, first, key=lambda reading: len(set(map(repr, reading.content))))
    return read(best, best.fault, complete=False)


def _read(calls: PlaylistCalls, pool: Executor, first: Page | None = None) -> _Reading:
    """All pages by offset."""
    first = first or calls.page(0)
    total = _total(first)
    step = len(first.items)
    if total is None or step > total:
        return _until_the_last(calls, first, total)
    if step == total and not first.body.get("next"):
        return _Reading(pages=(first,), total=total, fault=_mismatch((first,), total))
    if step == 0:
        return _Reading(
            pages=(first,), total=total, fault=f"a page was empty although there are {total} entries", ended=False
        )
    needed = math.ceil(total / step)
    if not (calls.may_spend(2 * needed + 6) or calls.may_spend(needed + 4)):
        return _beyond_the_budget(calls, pool, first, total, needed)
    pages = [first, *_all([pool.submit(calls.page, offset) for offset in range(step, total, step)])]
    while pages[-1].items and pages[-1].body.get("next"):  # the total may be too small
        pages.append(calls.page(pages[-1].offset + len(pages[-1].items)))
    return _reading(tuple(pages), total)


def _beyond_the_budget(calls: PlaylistCalls, pool: Executor, first: Page, total: int, needed: int) -> _Reading:
    """A playlist that says it has more entries than may be read. It is believed when its last page has entries."""
    step = len(first.items)
    if calls.page(total - 1).items:
        limit = calls.allowance.shared.limit if calls.allowance else None
        raise PlaylistUnreadableError(
            f"Playlist {calls.playlist_id} says it has {total} entries and gives {step} a page: {needed} calls, more "
            f"than the day's budget of {limit} leaves beside the other playlists",
            remedy=f"set SPOTIFY_DAILY_CALL_BUDGET to {(limit or 0) + needed} if the account's quota allows that, or "
            "no longer track it",
            where="items",
        )
    pages = [first]
    offsets = range(step, total, step)
    for start in range(0, len(offsets), _WAVE):
        wave = _all([pool.submit(calls.page, offset) for offset in offsets[start : start + _WAVE]])
        pages += [page for page in wave if page.items]
        if not all(page.items for page in wave):
            break
    return _reading(tuple(pages), total, ended=True)


def _all(futures: Sequence[Future[Page]]) -> list[Page]:
    """Every result; the first failure cancels what has not started."""
    try:
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _until_the_last(calls: PlaylistCalls, first: Page, total: int | None) -> _Reading:
    """Pages one after another where Spotify does not say how many entries there are (seen on generated playlists)."""
    pages = [first]
    count = len(first.items)
    while pages[-1].items and pages[-1].body.get("next"):
        page = calls.page(count)
        if page.items and _content(page) == _content(pages[-1]) and any(_content(page)):
            return _Reading(
                pages=tuple(pages), total=count, fault="its pages repeat themselves without end", ended=False
            )
        pages.append(page)
        count += len(page.items)
    fault = "" if total is None else f"its pages hold {count} entries of {total}"
    return _Reading(pages=tuple(pages), total=count if total is None else total, fault=fault)


def _read_along(calls: PlaylistCalls, known: _Reading) -> _Reading:
    """All pages one after another, each asked for behind the entries that came, whatever offset that takes."""
    pages = [calls.page(0)]
    total = _total(pages[0]) or known.total
    count, shift = len(pages[0].items), 0
    while count < total:
        page = calls.page(count + shift)
        repeated = _overlap(pages[-1], page)
        if repeated and repeated < len(page.items):
            shift += repeated
            page = calls.page(count + shift)
        if not page.items or _overlap(pages[-1], page):
            break
        pages.append(Page(count, page.body))
        count += len(page.items)
    fault = "" if count == total else f"its pages hold {count} entries of {total}"
    return _Reading(pages=tuple(pages), total=total, fault=fault, overlap=bool(fault))


def _reading(pages: tuple[Page, ...], total: int, *, ended: bool | None = None) -> _Reading:
    overlap = next((k for a, b in itertools.pairwise(pages) if (k := _overlap(a, b))), 0)
    fault = f"a page begins with the last {overlap} entries of the page before" if overlap else _mismatch(pages, total)
    filled = [len(page.items) for page in pages]
    while len(filled) > 1 and not filled[-1]:
        filled.pop()  # pages behind the end
    unbroken = all(count == filled[0] for count in filled[:-1])
    at_end = unbroken and not pages[-1].body.get("next") if ended is None else ended
    return _Reading(pages=_in_place(pages), total=total, fault=fault, overlap=bool(overlap), ended=at_end)


def _in_place(pages: Sequence[Page]) -> tuple[Page, ...]:
    """The pages, none at an offset that the one before reaches into."""
    placed: list[Page] = []
    end = 0
    for page in pages:
        placed.append(replace(page, offset=max(page.offset, end)))
        end = placed[-1].offset + len(page.items)
    return tuple(placed)


def _total(page: Page) -> int | None:
    total = page.body.get("total")
    return total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None


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


def _overlap(before: Page, page: Page) -> int:
    """How many entries at the start of `page` are the last ones of the page `before`."""
    end, start = _content(before), _content(page)
    for count in range(min(len(end), len(start)), 0, -1):
        if end[-count:] == start[:count] and any(start[:count]):
            return count
    return 0


def _content(page: Page) -> list[object]:
    return [identity(item) for item in page.items]


def identity(item: Json) -> object:
    """What makes an entry this entry: when and by whom what was added. None for a hole.

    The rest (popularity, markets, addresses of images) differs between two answers of the same second.
    """
    if not isinstance(item, dict):
        return None if item is None else repr(item)
    what = item.get("item") or item.get("track")
    known = [what.get(name) for name in ("uri", "id", "name", "type")] if isinstance(what, dict) else [repr(what)]
    by = item.get("added_by")
    return repr((item.get("added_at"), by.get("id") if isinstance(by, dict) else None, *known))
