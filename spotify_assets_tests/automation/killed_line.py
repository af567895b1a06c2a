"""The work that the kill drill kills: everything a day's automation does, in a process of its own."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
import warnings
from pathlib import Path

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.engine import DaySources
from spotify_assets.lake import layout, state
from spotify_assets.settings import Settings, load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.entries import entry, local_file, spotify_id, track

FIRST = dt.date(2026, 3, 1)
NEW_DATES = 3


def settings_of(home: Path) -> Settings:
    return load_settings({"SPOTIFY_ASSETS_HOME": str(home), "PARTITIONS_START": FIRST.isoformat()})


def drop(home: Path, number: int) -> None:
    """What lands before the `number`th round: new dates, a later version of an old one, and junk."""
    store = ObjectStore.open(settings_of(home).lake)
    for each in range(NEW_DATES):
        day = FIRST + dt.timedelta(days=NEW_DATES * number + each)
        _put(store, f"spotify_raw_{day}_060000.json", _page(f"{number}{each}", 4))
    again = FIRST + dt.timedelta(days=max(0, number * NEW_DATES - 2))
    _put(store, f"spotify_raw_{again}_{70000 + number:06d}.json", _page(f"again{number}", 5))
    _put(store, f"junk_{number}.json", b"{")


def work(home: str, whole: bool) -> None:
    """Adopt, build, commit, load, and vacuum as if a week had passed; `whole`: through Dagster, with the marts."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    from spotify_assets.lake.vacuum import vacuum
    from spotify_assets.spotify.landing import adopt_waiting

    settings = settings_of(Path(home))
    store = ObjectStore.open(settings.lake)
    now = dt.datetime.now(dt.UTC)
    adopt_waiting(store, now.date())
    if whole:
        _through_dagster(settings)
    else:
        _by_hand(settings, store)
    vacuum(store, now + dt.timedelta(days=8))


def _through_dagster(settings: Settings) -> None:
    from spotify_assets.local.runs import open_line
    from spotify_assets.local.updating import bring_up_to_date

    with open_line(settings) as line:
        bring_up_to_date(line, settings).raise_failures()


def _by_hand(settings: Settings, store: ObjectStore) -> None:
    """What the assets of the lake and of the schema LAKE do, without Dagster around it."""
    import dagster as dg

    from spotify_assets.engines.duckdb_engine import DuckDBEngine
    from spotify_assets.resources.embedded_connection import TRANSLATIONS
    from spotify_assets.resources.root import warehouse_resource
    from spotify_assets.warehouse import loads

    days = state.raw_days(store)
    sources = state.read_current_sources(store, days)
    stale = state.stale_days(sources, state.read_commits(store, days))
    run_id = uuid.uuid4().hex
    plan = [DaySources(day, sources[day]) for day in stale]
    for built in DuckDBEngine().build(dg.build_asset_context(), store, run_id, plan):
        commit = built.commit(
            engine="duckdb", code="", sources=sources[built.day], committed_at=dt.datetime.now(dt.UTC)
        )
        store.put(layout.commit_key(built.day), commit.to_json())
    commits = state.read_commits(store, days)
    TRANSLATIONS.read(settings.home.parent)  # as a run of Dagster does: else half of each process's time goes there
    with warehouse_resource(settings).session() as session:
        for table in LAKE_TABLES:
            loads.load_table(session, store, table, commits)
    TRANSLATIONS.write(settings.home.parent)


def _put(store: ObjectStore, name: str, content: bytes) -> None:
    store.put(f"{layout.LANDING_INBOX_PREFIX}{name}", content)


def _page(seed: str, count: int) -> bytes:
    items = [entry(track(f"{seed[-1]}{index}")) for index in range(count)] + [entry(local_file()), entry(None), "odd"]
    href = f"https://api.spotify.com/v1/playlists/{spotify_id('drill')}/tracks"
    return json.dumps({"href": href, "items": items, "total": len(items), "offset": 0, "limit": 50}).encode()
