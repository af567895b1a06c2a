"""Thousands of damaged payloads through landing and the engine: none stops a run, and every entry is accounted for."""

from __future__ import annotations

import copy
import datetime as dt
import gzip
import json
import logging
import random
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.engines.duckdb_engine import DuckDBEngine
from spotify_assets.lake import layout
from spotify_assets.spotify import snapshot
from spotify_assets.spotify.landing import MOST_OBJECTS, adopt_waiting
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.entries import album, artist, entry, local_file, spotify_id, track
from spotify_assets_tests.lakes import day_sources

FIRST = dt.date(2024, 1, 1)
DAYS = 40
TODAY = dt.datetime.now(dt.UTC).date()

STRANGE: list[object] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**18,
    10**30,
    -(10**40),
    "",
    " ",
    "\x00",
    "\ud800",
    "🎵" * 50,
    "x" * 70_000,
    "0000",
    "2024-13-45",
    "9999-12-31",
    "spotify:track:",
    "../../etc/passwd",
    "'; drop table songs; --",
    "\r\n",
    "NaN",
    [],
    {},
    [None],
    [[]],
    [{}],
    {"": None},
    {"track": {"track": {}}},
    {"id": {}},
    ["a"] * 200,
    {"items": {"items": {}}},
]


def base(number: int, chance: random.Random) -> object:
    """A sound payload in one of the shapes that land."""
    playlist = spotify_id(f"fuzz{number}")
    items = [entry(track(f"t{chance.randrange(30)}"), chance.choice(["track", "item"])) for _ in range(3)]
    items += [entry(local_file()), entry(None), entry({"type": "episode", "id": "e", "name": "talk", "uri": "u"})]
    paging = {
        "href": f"https://api.spotify.com/v1/playlists/{playlist}/tracks?offset=0&limit=50",
        "items": items,
        "limit": 50,
        "offset": 0,
        "total": len(items),
        "next": None,
        "previous": None,
    }
    bare = {"id": playlist, "name": "P", "type": "playlist", "owner": {"id": "o"}, "snapshot_id": "s"}
    whole = {**bare, "tracks": paging}
    return chance.choice([paging, whole, [whole], {**bare, "tracks": items}, {**bare, "items": paging, "tracks": None}])


def nodes(value: object) -> list[tuple[object, object]]:
    """Every (container, key) in a JSON value."""
    found: list[tuple[object, object]] = []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found.append((value, key))
        found += nodes(child)
    return found


def mutate_value(value: object, chance: random.Random) -> object:
    value = copy.deepcopy(value)
    for _ in range(chance.randrange(1, 5)):
        places = nodes(value)
        if not places:
            break
        container, key = chance.choice(places)
        what = chance.randrange(4)
        if what == 0 and isinstance(container, dict):
            del container[key]
        elif what == 1 and isinstance(container, dict):
            container[chance.choice(["track", "item", "items", "id", "artists", "album", "type", "\ud800"])] = (
                container.pop(key)
            )
        elif what == 2 and isinstance(container, list):
            container.insert(chance.randrange(len(container) + 1), copy.deepcopy(chance.choice(STRANGE)))
        else:
            container[key] = copy.deepcopy(  # pyright: ignore[reportIndexIssue]
                chance.choice([*STRANGE, artist("A"), album("B"), track("C")])
            )
    return value


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    what: list[Callable[[], bytes]] = [
        lambda: data[: chance.randrange(len(data))],
        lambda: data.replace(b'"', b"'", 1),
        lambda: data.replace(b":", b": NaN,", 1),
        lambda: gzip.compress(data)[: chance.randrange(10, 200)],
        lambda: gzip.compress(data),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: data.decode().encode("utf-16"),
        lambda: data[:50] + chance.randbytes(20) + data[50:],
        lambda: data * 2,
        lambda: data.replace(b"{", b"{" * 60, 1),
    ]
    return chance.choice(what)()


def payload(number: int, chance: random.Random) -> bytes:
    value = base(number, chance)
    if chance.random() < 0.85:
        value = mutate_value(value, chance)
    data = json.dumps(value).encode()
    return mutate_bytes(data, chance) if chance.random() < 0.15 else data


def run(store: ObjectStore, seed: int, count: int) -> tuple[int, int]:
    """Land and build `count` payloads, checking all there is to check; (adopted, rejected) objects."""
    chance = random.Random(seed)
    adopted = rejected = 0
    for start in range(0, count, MOST_OBJECTS):
        for number in range(start, min(count, start + MOST_OBJECTS)):
            day = FIRST + dt.timedelta(days=number % DAYS)
            name = f"{layout.LANDING_INBOX_PREFIX}spotify_raw_{day}_{number:06d}.json"
            store.put(name, payload(number, chance))
        landed = adopt_waiting(store, TODAY)
        assert list(store.list(layout.LANDING_INBOX_PREFIX)) == []
        for outcome in landed.outcomes:
            assert outcome.moved_to
            assert (outcome.rejected is None) == bool(outcome.adopted) or outcome.rejected, outcome
            if outcome.rejected:
                assert store.get(f"{outcome.moved_to}.reason.json")
        rejected += len(landed.rejected)
        adopted += len(landed.outcomes) - len(landed.rejected)
    assert adopted + rejected == count
    _build(store)
    return adopted, rejected


def _build(store: ObjectStore) -> None:
    """Every date builds, and every entry of its current snapshots is a row or is quarantined."""
    work = [day_sources(store, FIRST + dt.timedelta(days=count)) for count in range(DAYS)]
    context = dg.build_asset_context()
    context.log.setLevel(logging.CRITICAL)
    work = [day for day in work if day.sources]
    built = {each.day: each for each in DuckDBEngine().build(context, store, "run", work)}
    assert built
    for day in work:
        entries = sum(snapshot.read(store, source.key).entries for source in day.sources)
        done = built[day.day]
        assert done.entries == entries, day.day
        assert done.tables["playlist_items"].rows + done.quarantined == entries, day.day


def test_no_mutated_payload_stops_a_run(store: ObjectStore) -> None:
    adopted, rejected = run(store, seed=20261121, count=400)
    assert adopted > 100
    assert rejected > 20


@pytest.mark.soak
def test_no_mutated_payload_of_ten_thousand_stops_a_run(tmp_path: Path) -> None:
    adopted, rejected = run(ObjectStore.open(tmp_path.as_uri()), seed=7, count=10_000)
    assert adopted > 2_500
    assert rejected > 500
