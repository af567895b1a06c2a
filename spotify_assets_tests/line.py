"""The whole line in a temporary home, for end-to-end tests: run jobs, and read every table of the warehouse."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from glue_scripts.contract import all_tables
from spotify_assets.local.runs import Line, open_line
from spotify_assets.local.updating import bring_up_to_date
from spotify_assets.resources.root import warehouse_resource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.settings import Settings, load_settings
from spotify_assets.spotify.sandbox.playlists import entries_of
from spotify_assets.spotify.sandbox.server import Sandbox
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import schema

START = "2026-01-01"


def small_playlists() -> str:
    """SPOTIFY_PLAYLISTS: the sandbox's, also those it refuses, without the one of 2,300 entries, which is nine tenths
    of what a day of it takes."""
    sandbox = Sandbox(dt.date.fromisoformat(START))
    sizes = {key: len(entries_of(each, sandbox.seed, sandbox.day)) for key, each in sandbox.playlists.items()}
    return ",".join(key for key, size in sizes.items() if size <= 100)


@dataclass(frozen=True)
class Home:
    """A home folder with everything on this machine."""

    settings: Settings

    @property
    def store(self) -> ObjectStore:
        return ObjectStore.open(self.settings.lake)

    @property
    def warehouse(self) -> WarehouseResource:
        return warehouse_resource(self.settings)

    @contextmanager
    def line(self) -> Iterator[Line]:
        with open_line(self.settings) as line:
            yield line

    def build(self, first: dt.date | None = None, last: dt.date | None = None) -> list[tuple[dt.date, dt.date]]:
        """What `spotify-assets build` does; the ranges that were run."""
        with self.line() as line:
            update = bring_up_to_date(line, self.settings, first, last)
        update.raise_failures()
        return update.built

    def tables(self, *, without_runs: bool = False) -> dict[str, list[tuple]]:
        """Every row of every table of the warehouse, sorted; `without_runs` leaves run_id out."""
        found = {}
        with self.warehouse.session() as session:
            for layer, table in all_tables():
                names = [name for name in table.column_names if not (without_runs and name == "run_id")]
                rows = session.execute(f"select {', '.join(names)} from {layer}.{table.name}")
                found[f"{layer}.{table.name}"] = sorted(rows, key=repr)
        return found


def new_home(folder: Path, *, bare: bool = False, **environment: str) -> Home:
    """The home in `folder`. Where nothing is yet it gets what every first run makes, which takes half of that run's
    time: Dagster's databases, and the warehouse's tables, empty. `bare` leaves that to the product.
    """
    if not bare:
        furnish(folder)
    return Home(load_settings({"SPOTIFY_ASSETS_HOME": str(folder), "PARTITIONS_START": START, **environment}))


def furnish(folder: Path, *parts: str) -> None:
    """Put what every first run makes, or these parts of it, into a new home; one that has some of it keeps its own."""
    made = [part for part in Path(_furnished().name).iterdir() if not parts or part.name in parts]
    if not any((folder / part.name).exists() for part in made):
        for part in made:
            shutil.copytree(part, folder / part.name)


@cache
def _furnished() -> tempfile.TemporaryDirectory[str]:
    """Made once by a process."""
    place = tempfile.TemporaryDirectory(prefix="furnished_")
    home = new_home(Path(place.name), bare=True)
    with home.line():  # makes Dagster's databases
        every = [(layer, table) for layer, tables in schema.TABLES.items() for table in tables.values()]
        home.warehouse.run(lambda session: schema.prepare(session, every))
    return place
