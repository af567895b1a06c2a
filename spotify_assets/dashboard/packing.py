"""The page's songs and histories, packed a month at a time: a day costs packing the month it is in.

A month long past is packed once. Months are packed in order, each going on where the one before ended: songs keep their
numbers, and a song or an artist that looks different since is told again with the month packed next. So a month needs
the names only of what was seen since it began. Pure; where packs are kept is `parts`' business, what is read `data`'s.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from spotify_assets.dashboard.encoding import Encoder
from spotify_assets.dashboard.rows import Song

SONG, LOCAL, OTHER, MISSING, NOT_READ = range(5)
"""Kinds of entries, as `web/blocks.js` knows them."""

MISSING_KEY, NOT_READ_KEY = "", "?"
"""Keys of an entry that Spotify removed, and of a place that was not read."""

_KINDS = {MISSING_KEY: MISSING, NOT_READ_KEY: NOT_READ}


@dataclass(slots=True)
class Snapshot:
    """One snapshot of a playlist: `songs` are numbers of keys, in order."""

    day: dt.date
    item_count: int
    is_complete: bool
    counts: list[int]
    songs: list[int]


class End(NamedTuple):
    """Where a stretch of a playlist's snapshots ends: how many entries the last one has, what an `Encoder` needs to go
    on, and the last two snapshots that were read whole."""

    size: int = 0
    before: list[int] | None = None
    expected: int = 0
    whole: Sequence[list[int]] = ()


@dataclass(slots=True)
class Track:
    """One playlist's snapshots of a stretch of time, packed.

    `days` count from 1970-01-01; `counts` is, for each thing counted, its number on each of them; `partial` is
    Spotify's total on the days that were not read whole; `operations` and `news` are an `Encoder`'s. `end` is text:
    only the last stretch's is looked at.
    """

    days: list[int] = field(default_factory=list)
    counts: list[list[int]] = field(default_factory=list)
    partial: dict[int, int] = field(default_factory=dict)
    operations: bytearray = field(default_factory=bytearray)
    news: bytearray = field(default_factory=bytearray)
    end: str = ""

    def ended(self) -> End:
        return End(*json.loads(self.end)) if self.end else End()

    def add(self, snapshots: Iterable[Snapshot]) -> None:
        """Go on with these."""
        size, before, expected, whole = self.ended()
        encoder = Encoder(before, expected, self.operations, self.news)
        for one in snapshots:
            self.days.append(days_of(one.day))
            self._count([[number] for number in one.counts])
            size = len(one.songs)
            encoder.add(one.songs)
            if one.is_complete:
                whole = [*whole[-1:], one.songs]
            else:
                self.partial[self.days[-1]] = one.item_count
        self.end = _json(End(size, encoder.before, encoder.expected, whole))

    def extend(self, other: Track) -> None:
        """Go on with the next stretch."""
        self.days += other.days
        self._count(other.counts)
        self.partial |= other.partial
        self.operations += other.operations
        self.news += other.news
        self.end = other.end

    def _count(self, counts: Sequence[Sequence[int]]) -> None:
        self.counts = self.counts or [[] for _ in counts]
        for column, numbers in zip(self.counts, counts, strict=True):
            column.extend(numbers)

    def to_json(self) -> list[object]:
        streams = (base64.b64encode(stream).decode() for stream in (self.operations, self.news))
        return [self.days, self.counts, [*self.partial.items()], *streams, self.end]

    @classmethod
    def from_json(cls, content: Sequence[Any]) -> Track:
        """Raises ValueError or TypeError when it is no track."""
        days, counts, partial, operations, news, end = content
        operations, news = (bytearray(base64.b64decode(stream)) for stream in (operations, news))
        return cls(days, counts, dict(partial), operations, news, end)


class Described(NamedTuple):
    """What the page says of a key. `artists` are ids, `released` counts from 1970-01-01 and is 0 when unknown."""

    name: str
    artists: list[str]
    released: int
    kind: int
    isrc: str

    def digest(self) -> int:
        """Differs when the description does."""
        return zlib.crc32(repr(tuple(self)).encode("utf-8", "surrogatepass"))


class Points(NamedTuple):
    """The popularity of `size` songs on one date; as text, since most dates of a long history are not shown."""

    size: int
    text: str

    @classmethod
    def of(cls, values: Mapping[int, int]) -> Points:
        """The popularity by the songs' numbers."""
        return cls(len(values), _json([[*values], [*values.values()]]))

    def by_song(self) -> dict[int, int]:
        """The popularity by the songs' numbers."""
        return dict(zip(*json.loads(self.text), strict=True))


@dataclass
class Month:
    """What is packed: the snapshots by playlist, the keys that no month before had, and the popularity that is shown
    of a month long past, by ISO date."""

    snapshots: Mapping[str, Sequence[Snapshot]] = field(default_factory=dict)
    keys: Sequence[str] = ()
    popularity: Mapping[str, Points] = field(default_factory=dict)


@dataclass
class Names:
    """What the warehouse says of keys and artists: of all, or at least of those seen since the month packed began.

    `others` are (type, name) of entries that are no songs.
    """

    songs: Mapping[str, Song]
    others: Mapping[str, tuple[str, str]]
    artists: Mapping[str, str]

    def of(self, key: str) -> Described | None:
        """What is said of the key; None where nothing is."""
        song = self.songs.get(key)
        if song is not None:
            artists = song.artist_ids.split(" ") if song.artist_ids else []
            released = days_of(song.release_date) if song.release_date else 0
            return Described(song.name, artists, released, LOCAL if song.is_local else SONG, song.isrc or "")
        if key in _KINDS:
            return Described("", [], 0, _KINDS[key], "")
        if key in self.others:
            kind, name = self.others[key]
            return Described(name or kind, [], 0, OTHER, "")
        return None


@dataclass
class Pack:
    """A month, packed. The songs told are the new ones, then those that look different now, whose numbers are `again`;
    `digests` and `isrcs` are theirs. `artists` are told too: the new ones, then the renamed. `block` is the page's."""

    keys: list[str]
    again: list[int]
    digests: list[int]
    isrcs: list[str]
    artists: dict[str, str]
    block: str
    tracks: dict[str, Track]
    popularity: dict[str, Points]

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"tracks": {playlist_id: track.to_json() for playlist_id, track in self.tracks.items()}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Pack:
        """Raises TypeError, ValueError or KeyError when it is no pack."""
        tracks = {playlist_id: Track.from_json(track) for playlist_id, track in content["tracks"].items()}
        popularity = {day: Points(*points) for day, points in content["popularity"].items()}
        return cls(**{**content, "tracks": tracks, "popularity": popularity})


@dataclass
class Packed:
    """The months packed so far. `keys` are those of all songs by number, `digests` and `isrcs` what was last said;
    `artists` are ids and names, in the order of their numbers."""

    keys: list[str] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    isrcs: list[str] = field(default_factory=list)
    artists: dict[str, str] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    tracks: dict[str, Track] = field(default_factory=dict)
    popularity: dict[str, Points] = field(default_factory=dict)

    def pack(self, month: Month, names: Names) -> Pack:
        """The month that follows; nothing here is changed."""
        again, described = self._told(month.keys, names)
        credited = dict.fromkeys(artist for one in described for artist in one.artists)
        artists = {artist: names.artists.get(artist, "") for artist in credited if artist not in self.artists}
        renamed = {
            artist: name
            for artist, name in names.artists.items()
            if artist in self.artists and self.artists[artist] != name
        }
        tracks = {}
        for playlist_id, snapshots in month.snapshots.items():
            before = self.tracks.get(playlist_id)
            tracks[playlist_id] = Track(end=before.end) if before else Track()
            tracks[playlist_id].add(snapshots)
        return Pack(
            keys=list(month.keys),
            again=again,
            digests=[one.digest() for one in described],
            isrcs=[one.isrc for one in described],
            artists=artists | renamed,
            block=self._block(month.keys, again, described, artists, renamed),
            tracks=tracks,
            popularity=dict(month.popularity),
        )

    def _told(self, keys: Sequence[str], names: Names) -> tuple[list[int], list[Described]]:
        """What is told: of the new keys, then of the known songs that look different now, whose numbers come first."""
        described = [names.of(key) or Described("missing", [], 0, OTHER, "") for key in keys]
        number = {key: place for place, key in enumerate(self.keys)}
        again = []
        for key in (*names.songs, *names.others):
            place, one = number.get(key), names.of(key)
            if place is not None and one is not None and one.digest() != self.digests[place]:
                again.append(place)
                described.append(one)
        return again, described

    def _block(
        self,
        keys: Sequence[str],
        again: Sequence[int],
        described: Sequence[Described],
        artists: Mapping[str, str],
        renamed: Mapping[str, str],
    ) -> str:
        """Columns of the songs told: ids of the new ones, numbers of those told `again`; then for all, in this order,
        names, artists (by number), release days and kinds other than a plain song. Behind them the artists that no
        month before had, and by number the names of those `renamed`."""
        number = {artist: place for place, artist in enumerate((*self.artists, *artists))}
        return json_block(
            {
                "ids": " ".join(keys),
                "again": list(again),
                "names": [one.name for one in described],
                "credits": [[number[artist] for artist in one.artists] for one in described],
                "released": [one.released for one in described],
                "kinds": {row: one.kind for row, one in enumerate(described) if one.kind != SONG},
                "artist_ids": " ".join(artists),
                "artist_names": list(artists.values()),
                "renamed": {number[artist]: name for artist, name in renamed.items()},
            }
        )

    def append(self, pack: Pack) -> None:
        """Go on with a month."""
        new = len(pack.keys)
        self.keys += pack.keys
        self.digests += pack.digests[:new]
        self.isrcs += pack.isrcs[:new]
        for place, digest, isrc in zip(pack.again, pack.digests[new:], pack.isrcs[new:], strict=True):
            self.digests[place], self.isrcs[place] = digest, isrc
        self.artists |= pack.artists
        self.popularity |= pack.popularity
        self.blocks.append(pack.block)
        for playlist_id, track in pack.tracks.items():
            self.tracks.setdefault(playlist_id, Track()).extend(track)

    def followed_by(self, pack: Pack) -> Packed:
        """These months and one more; nothing here is changed."""
        whole = Packed(
            keys=self.keys.copy(),
            digests=self.digests.copy(),
            isrcs=self.isrcs.copy(),
            artists=self.artists.copy(),
            blocks=self.blocks.copy(),
            popularity=self.popularity.copy(),
        )
        for playlist_id, track in self.tracks.items():
            whole.tracks.setdefault(playlist_id, Track()).extend(track)
        whole.append(pack)
        return whole


def days_of(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return (day - dt.date(1970, 1, 1)).days


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def json_block(value: object) -> str:
    """A block of the page: base64 of gzip of JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return block(text.encode("utf-8", "replace"))


def block(content: bytes) -> str:
    """A block of the page: base64 of gzip."""
    return base64.b64encode(gzip.compress(content, 5, mtime=0)).decode("ascii")
