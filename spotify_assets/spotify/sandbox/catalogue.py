"""The sandbox's music: invented artists, albums and songs, each a pure function of (seed, key).

What a song *is* belongs here; which playlist it stands in on which day belongs in `playlists`, and how
Spotify would send it in `wire`. Nothing here is real: a likeness to a living artist is an accident.
"""

# ruff: noqa: SIM905 - word lists read better as words
from __future__ import annotations

import datetime as dt
import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ARTISTS = 320
_NEW_ARTISTS = 90

_FIRST = """
    Mara Odile Juno Ines Theo Kaspar Lior Anouk Bastian Wren Soraya Emeka Tuva Rafael Nadia Oskar Imani Pilar Yuki
    Henrik Zola Marek Aisling Dario Noor Elif Sunniva Caio Petra Ravi Linnea Tomas Adaeze Fleur Goran Hana
""".split()
_LAST = """
    Vale Lindqvist Okafor Marchetti Sorel Hallström Nakajima Brandt Castellanos Whitlock Idrissi Novák Ferreira
    Aldous Kettle Amari Thorne Desrosiers Bergman Quill Santoro Mbeki Ravn Larkspur Dusk Oyelaran Pemberton
""".split()
_ADJECTIVES = """
    Velvet Paper Electric Hollow Golden Midnight Silver Quiet Neon Crooked Northern Burning Glass Salt Distant
    Borrowed Slow Wild Tender Broken Lucid Amber Second Empty Violet Restless Concrete Holy Blue Feral Cotton
    Weightless Summer Winter Hidden Magnetic Careless Honest Sunken Bright
""".split()
_NOUNS = """
    Harbour Static Orchard Satellites Ribbons Lanterns Tigers Motel Cathedral Weather Avenue Ghosts Parade Machines
    Rivers Kites Windows Mirrors Foxes Thunder Letters Islands Wolves Carousel Gardens Headlights Echoes Matches
    Balconies Elevators Postcards Rooftops Mountains Trains Moths Bicycles Telephones Oceans Fireworks Shadows
    Kingdoms Cinemas Staircases Umbrellas Swimmers Astronauts Strangers Suburbs Sirens Piers
""".split()
_VERBS = ("Dancing Waiting Falling Running Driving Waking Swimming Burning Calling Leaving Dreaming Whispering").split()
_PLACES = """
    Lisbon Tromsø Osaka Marseille Brooklyn Oaxaca Valparaíso Glasgow Tbilisi Naples Reykjavík Dakar Trieste Kyoto
    Havana Leipzig Porto Galway Zanzibar Antwerp
""".split()
_SPECIAL_ARTISTS = (
    "夜明けの電車",
    "Сонячні Коти",
    "Müller, Meier & Söhne",
    'The "Almost" Orchestra',
    "Niño del Faro",
    "밤의 정원",
    "P!XELHEART",
    "Årets Sommar",
    "& Then We Slept",
    "DJ Öresund",
)
_SPECIAL_TITLES = (
    "Tomorrow, Maybe",
    'The Song Called "Nothing"',
    "海まで歩こう",
    "Ça Va, Ça Vient",
    "100% Daylight",
    "Don’t Wait Up",
    "(Interlude)",
    "Was bleibt?",
    "¿Dónde Estabas?",
    "Hey / Ho",
    "Ṡtardust",
    "Rain, Rain, Rain",
)
_GENRES = [
    "indie pop",
    "dream pop",
    "house",
    "hip hop",
    "folk",
    "synthwave",
    "r&b",
    "ambient",
    "latin pop",
    "afrobeats",
]


@dataclass(frozen=True)
class Artist:
    artist_id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Album:
    """`release_date` is as Spotify would send it: `2004`, `2004-05` or `2004-05-17`, as the precision says."""

    album_id: str
    name: str
    album_type: str
    release_date: str
    release_date_precision: str
    total_tracks: int
    artists: tuple[Artist, ...]


@dataclass(frozen=True)
class Song:
    """`appeal` (0 to 1) is how far up a chart it can get; `popularity` (0 to 100) where it starts out."""

    key: str
    song_id: str
    name: str
    artists: tuple[Artist, ...]
    album: Album
    duration_ms: int
    is_explicit: bool
    isrc: str
    disc_number: int
    track_number: int
    popularity: int
    appeal: float


def spotify_id(seed: int, kind: str, key: object) -> str:
    """A 22-character base-62 id that looks like Spotify's, always the same for the same arguments."""
    number = int.from_bytes(hashlib.sha256(f"{seed}:{kind}:{key}".encode()).digest()[:16])
    digits = []
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(digits)


@lru_cache(maxsize=4096)
def artist(seed: int, number: int) -> Artist:
    """The artist with this number."""
    random = Random(f"{seed}:artist:{number}")
    special = number % 29 == 7
    name = _SPECIAL_ARTISTS[number // 29 % len(_SPECIAL_ARTISTS)] if special else _artist_name(random)
    return Artist(spotify_id(seed, "artist", number), name)


def _artist_name(random: Random) -> str:
    patterns = (
        lambda: f"{random.choice(_FIRST)} {random.choice(_LAST)}",
        lambda: f"{random.choice(_FIRST)} {random.choice(_LAST)}",
        lambda: f"The {random.choice(_ADJECTIVES)} {random.choice(_NOUNS)}",
        lambda: f"{random.choice(_ADJECTIVES)} {random.choice(_NOUNS)}",
        lambda: f"{random.choice(_FIRST)} & the {random.choice(_NOUNS)}",
        lambda: random.choice(_FIRST).upper(),
        lambda: f"{random.choice(_NOUNS)} of {random.choice(_PLACES)}",
        lambda: f"{random.choice(_LAST)} / {random.choice(_LAST)}",
    )
    return random.choice(patterns)()


@lru_cache(maxsize=32768)
def song(seed: int, key: str, released: dt.date | None = None) -> Song:
    """The song with this key. `released` dates a new release; without it the song comes out of the back catalogue."""
    random = Random(f"{seed}:song:{key}")
    lead = _pick_artist(random, new=released is not None)
    guests = tuple(_pick_artist(random, new=False) for _ in range(random.choices((0, 1, 2), (78, 18, 4))[0]))
    credits = tuple(dict.fromkeys(artist(seed, number) for number in (lead, *guests)))
    title = _title(random)
    album = _album(seed, lead, random, released, title)
    return Song(
        key=key,
        song_id=spotify_id(seed, "track", key),
        name=f"{title} (feat. {credits[1].name})" if len(credits) > 1 and random.random() < 0.6 else title,
        artists=credits,
        album=album,
        duration_ms=int(min(max(random.gauss(208_000, 42_000), 71_000), 612_000)),
        is_explicit=random.random() < 0.16,
        isrc=f"QZ{random.choice('ABCDEFGH')}{random.choice('KLMNPQ')}{random.randrange(600_000, 2_700_000):07d}",
        disc_number=1,
        track_number=1 if album.album_type == "single" else random.randint(1, album.total_tracks),
        popularity=int(min(max(random.gauss(46, 17), 0), 92)),
        appeal=min(0.12 + random.paretovariate(1.9) * 0.16, 1.0),
    )


def _pick_artist(random: Random, *, new: bool) -> int:
    """An artist's number; few artists have many songs, as in life. New releases come from a smaller circle."""
    circle = _NEW_ARTISTS if new else _ARTISTS
    return min(int(circle * math.pow(random.random(), 2.2)), circle - 1)


def _title(random: Random) -> str:
    if random.random() < 0.02:
        return random.choice(_SPECIAL_TITLES)
    patterns = (
        lambda: f"{random.choice(_ADJECTIVES)} {random.choice(_NOUNS)}",
        lambda: random.choice(_NOUNS),
        lambda: f"{random.choice(_VERBS)} in {random.choice(_PLACES)}",
        lambda: f"{random.choice(_VERBS)} with {random.choice(_NOUNS)}",
        lambda: f"{random.choice(_NOUNS)} & {random.choice(_NOUNS)}",
        lambda: f"No More {random.choice(_NOUNS)}",
        lambda: f"{random.choice(_PLACES)}, {random.randint(1, 12)} AM",
        lambda: f"All the {random.choice(_ADJECTIVES)} {random.choice(_NOUNS)}",
        lambda: f"Like {random.choice(_NOUNS)}",
        lambda: f"{random.choice(_FIRST)}",
    )
    return random.choice(patterns)()


def _album(seed: int, lead: int, random: Random, released: dt.date | None, title: str) -> Album:
    if released is not None:
        single = random.random() < 0.7
        key = f"{lead}:{released.isoformat()}:{title if single else ''}"
        inner = Random(f"{seed}:album:{key}")
        name = title if single else f"{inner.choice(_ADJECTIVES)} {inner.choice(_NOUNS)}"
        return Album(
            album_id=spotify_id(seed, "album", key),
            name=name,
            album_type="single" if single else "album",
            release_date=released.isoformat(),
            release_date_precision="day",
            total_tracks=1 if single else inner.randint(8, 14),
            artists=(artist(seed, lead),),
        )
    if random.random() < 0.06:
        return _compilation(seed, random.randrange(24))
    key = f"{lead}:{random.randrange(5)}"
    inner = Random(f"{seed}:album:{key}")
    day = dt.date(1964, 1, 1) + dt.timedelta(days=int(22_200 * math.pow(inner.random(), 0.45)))
    precision = inner.choices(("day", "month", "year"), (93, 2, 5))[0]
    text = day.isoformat()[: {"day": 10, "month": 7, "year": 4}[precision]]
    pattern = inner.choice(
        (
            f"{inner.choice(_ADJECTIVES)} {inner.choice(_NOUNS)}",
            inner.choice(_NOUNS),
            f"Live in {inner.choice(_PLACES)}",
            f"{inner.choice(_VERBS)} {inner.choice(_NOUNS)}",
        )
    )
    return Album(
        album_id=spotify_id(seed, "album", key),
        name=pattern,
        album_type="album",
        release_date=text,
        release_date_precision=precision,
        total_tracks=inner.randint(8, 18),
        artists=(artist(seed, lead),),
    )


def _compilation(seed: int, number: int) -> Album:
    random = Random(f"{seed}:compilation:{number}")
    name = f"{random.choice(_GENRES).title()} from {random.choice(_PLACES)}, Vol. {random.randint(1, 9)}"
    various = Artist(spotify_id(seed, "artist", "various"), "Various Artists")
    year = str(random.randint(1978, 2023))
    return Album(
        album_id=spotify_id(seed, "album", f"compilation:{number}"),
        name=name,
        album_type="compilation",
        release_date=year,
        release_date_precision="year",
        total_tracks=random.randint(18, 40),
        artists=(various,),
    )
