"""The page's songs and histories, packed a stretch of time after the other: a day costs packing the week it is in.

What is over is packed once. Stretches are packed in order, each going on where the one before ended: songs keep their
numbers, and a song or an artist that looks different since is told again with the stretch packed next. So a stretch
needs the names only of what was seen since it began. Pure; where packs are kept and how long a stretch is, is `parts`'
business, what is read `data`'s.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import hashlib
import json
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import NamedTuple

from spotify_assets.dashboard.encoding import Deflated, Encoder, encoded, framed, steps, unframed
from spotify_assets.dashboard.rows import Song

BUDGET = 3_700_000
"""Most characters all the page's blocks may have together; with plotly and its own script it stays under 6 MB."""

SONG_CHARACTERS = 20
"""What a song takes of them at least: its id, 22 characters of base 62, are 131 bits that nothing compresses."""

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
    on, the last two snapshots that were read whole, and the last bytes of the stretch (as Latin-1)."""

    size: int = 0
    before: list[int] | None = None
    expected: int = 0
    whole: Sequence[list[int]] = ()
    tail: str = ""


_TAIL = 4096
"""Bytes of a stretch that the next one's are compressed with: a twentieth less, of a short list a quarter."""


@dataclass(slots=True)
class Track:
    """One playlist's snapshots of a stretch of time, packed.

    `days` count from 1970-01-01, `partial` is how many of them were not read whole. `stretches` are the page's
    (`encoding`). `end` is gzipped: only the last stretch's is looked at.
    """

    days: list[int] = field(default_factory=list)
    partial: int = 0
    stretches: list[Deflated] = field(default_factory=list)
    end: bytes = b""

    def ended(self) -> End:
        return End(*json.loads(gzip.decompress(self.end))) if self.end else End()

    def followed_by(self, snapshots: Iterable[Snapshot]) -> Track:
        """The stretch of these, behind this one."""
        size, before, expected, whole, tail = self.ended()
        encoder = Encoder(before, expected)
        days: list[int] = []
        counts: list[list[int]] = []
        partial: dict[int, int] = {}
        for place, one in enumerate(snapshots):
            days.append(days_of(one.day))
            counts.append(one.counts)
            size = len(one.songs)
            encoder.add(one.songs)
            if one.is_complete:
                whole = [*whole[-1:], one.songs]
            else:
                partial[place] = one.item_count
        header = [steps(days), partial, *map(steps, zip(*counts, strict=True))]
        content = encoded(header, encoder.operations, encoder.news)
        stretch = Deflated.of(content, tail.encode("latin-1"))
        end = End(size, encoder.before, encoder.expected, whole, content[-_TAIL:].decode("latin-1"))
        return Track(days, len(partial), [stretch], gzip.compress(_json(end).encode(), 1, mtime=0))

    def extend(self, other: Track) -> None:
        """Go on with the next stretch."""
        self.days += other.days
        self.partial += other.partial
        self.stretches += other.stretches
        self.end = other.end


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

    def recording(self) -> int:
        """The same for songs of one ISRC, differs for those of another; 0 without one."""
        code = self.isrc.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(code, digest_size=8).digest(), "little") if code else 0


class Points(NamedTuple):
    """The popularity of `size` songs on one date, as the page's text: for one song after the other the step to its
    number, and its popularity. Most dates of a long history are not shown, and none is read here again."""

    size: int
    text: str

    @classmethod
    def of(cls, values: Mapping[int, int]) -> Points:
        """The popularity by the songs' numbers."""
        songs = sorted(values)
        pairs = zip(steps(songs), map(values.__getitem__, songs), strict=True)
        return cls(len(songs), _json([*chain.from_iterable(pairs)]))

    def by_song(self) -> dict[int, int]:
        """The popularity by the songs' numbers."""
        numbers = json.loads(self.text)
        return dict(zip(accumulate(numbers[::2]), numbers[1::2], strict=True))


@dataclass
class Stretch:
    """What is packed: the snapshots by playlist, the keys that none before had, and the popularity by ISO date.

    `popularity` is shown however long past it is, `lately` of what is just past only.
    """

    snapshots: Mapping[str, Sequence[Snapshot]] = field(default_factory=dict)
    keys: Sequence[str] = ()
    popularity: Mapping[str, Points] = field(default_factory=dict)
    lately: Mapping[str, Points] = field(default_factory=dict)


@dataclass
class Names:
    """What the warehouse says of keys and artists: of all, or at least of those seen since what is packed began.

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
    """A stretch, packed. The songs told are the new ones, then those that look different now, whose numbers are
    `again`; `digests` and `recordings` are theirs (`Described`), `twins` the recordings that were told before.
    `artists` are told too: the new ones, then the renamed. `block` is the page's, `popularity` and `lately` are a
    `Stretch`'s. Each of `tracks` has one stretch."""

    keys: list[str]
    again: list[int]
    digests: array[int]
    recordings: array[int]
    twins: list[int]
    artists: dict[str, str]
    block: str
    tracks: dict[str, Track]
    popularity: dict[str, Points]
    lately: dict[str, Points]

    def to_bytes(self) -> bytes:
        """What is compressed already, and what does not get smaller, stays as it is."""
        tracks = self.tracks.values()
        header = {
            "again": self.again,
            "twins": self.twins,
            "artists": self.artists,
            "tracks": [
                (playlist_id, track.days, track.partial, *track.stretches[0][1:])
                for playlist_id, track in self.tracks.items()
            ],
        }
        return framed(
            _gzipped(header),
            _gzipped(self.popularity),
            _gzipped(self.lately),
            " ".join(self.keys).encode("utf-8", "surrogatepass"),
            self.digests.tobytes(),
            self.recordings.tobytes(),
            self.block.encode("ascii"),
            *(track.stretches[0].blocks for track in tracks),
            *(track.end for track in tracks),
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, lately: bool) -> Pack:
        """What `to_bytes` gave; `lately` only where it is wanted. Raises ValueError for what is not whole."""
        header, popularity, recent, keys, digests, recordings, block, *streams = unframed(data)
        told = json.loads(gzip.decompress(header))
        digest = array("I", digests)
        ends = streams[len(told["tracks"]) :]
        tracks = {
            playlist_id: Track(days, partial, [Deflated(blocks, size, check)], end)
            for (playlist_id, days, partial, size, check), blocks, end in zip(
                told["tracks"], streams, ends, strict=False
            )
        }
        return cls(
            keys=keys.decode("utf-8", "surrogatepass").split(" ") if len(digest) > len(told["again"]) else [],
            again=told["again"],
            digests=digest,
            recordings=array("Q", recordings),
            twins=told["twins"],
            artists=told["artists"],
            block=block.decode("ascii"),
            tracks=tracks,
            popularity=_points(popularity),
            lately=_points(recent) if lately else {},
        )


def _points(data: bytes) -> dict[str, Points]:
    return {day: Points(*points) for day, points in json.loads(gzip.decompress(data)).items()}


@dataclass
class Packed:
    """What is packed so far. `numbers` are those of all songs by key, in order; `digests` and `recordings` what was
    last said of each; `twins` all recordings of two songs, and maybe more; `artists` are ids and names, in the order of
    their numbers."""

    numbers: dict[str, int] = field(default_factory=dict)
    digests: array[int] = field(default_factory=lambda: array("I"))
    recordings: array[int] = field(default_factory=lambda: array("Q"))
    twins: set[int] = field(default_factory=set)
    artists: dict[str, str] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    tracks: dict[str, Track] = field(default_factory=dict)
    popularity: dict[str, Points] = field(default_factory=dict)

    def pack(self, stretch: Stretch, names: Names) -> Pack:
        """The stretch that follows; nothing here is changed."""
        again, described = self._told(stretch.keys, names)
        recordings = array("Q", [one.recording() for one in described])
        credited = dict.fromkeys(artist for one in described for artist in one.artists)
        artists = {artist: names.artists.get(artist, "") for artist in credited if artist not in self.artists}
        renamed = {
            artist: name
            for artist, name in names.artists.items()
            if artist in self.artists and self.artists[artist] != name
        }
        return Pack(
            keys=list(stretch.keys),
            again=again,
            digests=array("I", [one.digest() for one in described]),
            recordings=recordings,
            twins=sorted(self._twins(recordings)),
            artists=artists | renamed,
            block=self._block(stretch.keys, again, described, artists, renamed),
            tracks={
                playlist_id: self.tracks.get(playlist_id, Track()).followed_by(snapshots)
                for playlist_id, snapshots in stretch.snapshots.items()
            },
            popularity=dict(stretch.popularity),
            lately=dict(stretch.lately),
        )

    def _told(self, keys: Sequence[str], names: Names) -> tuple[list[int], list[Described]]:
        """What is told: of the new keys, then of the known songs that look different now, whose numbers come first."""
        described = [names.of(key) or Described("missing", [], 0, OTHER, "") for key in keys]
        again = []
        for key in (*names.songs, *names.others):
            place = self.numbers.get(key)
            one = names.of(key) if place is not None else None
            if place is not None and one is not None and one.digest() != self.digests[place]:
                again.append(place)
                described.append(one)
        return again, described

    def _twins(self, recordings: Iterable[int]) -> set[int]:
        """Those that were told before, or are here of several songs."""
        told = Counter(recordings)
        return ({one for one, songs in told.items() if songs > 1} | {*told}.intersection(self.recordings)) - {0}

    def _block(
        self,
        keys: Sequence[str],
        again: Sequence[int],
        described: Sequence[Described],
        artists: Mapping[str, str],
        renamed: Mapping[str, str],
    ) -> str:
        """Columns of the songs told: ids of the new ones, numbers of those told `again`; then for all, in this order,
        names, artists (by number), release days and kinds other than a plain song. Behind them the new
        artists, and by number the names of those `renamed`."""
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
        """Go on with a stretch."""
        new, known = len(pack.keys), len(self.numbers)
        self.numbers |= zip(pack.keys, range(known, known + new), strict=True)
        self.digests += pack.digests[:new]
        self.recordings += pack.recordings[:new]
        self.twins |= set(pack.twins)
        for place, digest, recording in zip(pack.again, pack.digests[new:], pack.recordings[new:], strict=True):
            self.digests[place], self.recordings[place] = digest, recording
        self.artists |= pack.artists
        self.popularity |= {**pack.popularity, **pack.lately}
        self.blocks.append(pack.block)
        for playlist_id, track in pack.tracks.items():
            self.tracks.setdefault(playlist_id, Track()).extend(track)

    def followed_by(self, pack: Pack) -> Packed:
        """All this and one more stretch; nothing here is changed."""
        whole = Packed(
            numbers=self.numbers.copy(),
            digests=self.digests[:],
            recordings=self.recordings[:],
            twins=self.twins.copy(),
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


def _gzipped(value: object) -> bytes:
    return gzip.compress(_json(value).encode(), 6, mtime=0)


def json_block(value: object) -> str:
    """A block of the page: base64 of gzip of JSON."""
    return block(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def block(text: str, level: int = 5) -> str:
    """A block of the page: base64 of gzip of this JSON."""
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), level, mtime=0)).decode("ascii")
