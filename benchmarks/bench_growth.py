"""A day costs a day: one more day of 20 playlists × 100 entries after 30, 300 and 1,000 days of 3 changes a day each.

One home grows through the product, a range of dates a run, and each added day is built by a process of its own. Its
start-up (imports, definitions, opening the instance) is measured in it and subtracted. CPU seconds of user and system,
which a busy machine stretches less than the clock's: of three days in a row the one that took least. Memory is the
process's peak. A long history is measured in turn with a short one made anew, for a machine is not as fast in one hour
as in the next.

`python -m benchmarks.bench_growth HOME 30 300` keeps its home and goes on from where an earlier one ended.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.raw_lakes import make_id, make_track
from spotify_assets.lake.layout import RawKey

PLAYLISTS, ENTRIES, CHANGES = 20, 100, 3
RANGE, ADDED = 90, 3
HISTORIES = (30, 300, 1_000)
_FIRST = dt.date(2023, 1, 1)

_BUILD = """
import json, resource, sys, time
from spotify_assets.local.runs import open_line
from spotify_assets.local.updating import bring_up_to_date
from spotify_assets.settings import load_settings

def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime

settings = load_settings({}, {"SPOTIFY_ASSETS_HOME": sys.argv[1], "PARTITIONS_START": "2023-01-01"})
import fakesnow.instance, duckdb
with open_line(settings) as line:
    before, clock = cpu(), time.monotonic()
    bring_up_to_date(line, settings).raise_failures()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([cpu() - before, time.monotonic() - clock, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Day:
    """What a build took: CPU and wall seconds without start-up, and the peak of memory in MiB."""

    cpu: float
    wall: float
    peak_mib: float


def main(histories: Sequence[int] = HISTORIES, home: Path | None = None) -> None:
    """Print the added day after each history, and its ratio to the shortest."""
    with tempfile.TemporaryDirectory() as folder:
        _grow(home or Path(folder), histories)


def _grow(home: Path, histories: Sequence[int]) -> None:
    days = sum(1 for _ in (home / "lake" / "raw").glob("snapshot_date=*"))
    for history in histories:
        days = _grown(home, days, history)
        with tempfile.TemporaryDirectory() as folder:
            short = Path(folder)
            beside = _grown(short, 0, histories[0], quiet=True) if history != histories[0] else None
            added, others = [], []
            for number in range(ADDED):
                added.append(_one_more(home, days + number))
                if beside is not None:
                    others.append(_one_more(short, beside + number))
            days += ADDED
        best = min(added, key=lambda day: day.cpu)
        other = min(others, key=lambda day: day.cpu) if others else best
        if others:
            print(f"    {f'beside it, after {histories[0]} days':<40}{other.cpu:8.2f} s CPU  {other.peak_mib:5.0f} MiB")
        print(
            f"  {f'a day after {history} days':<42}{best.cpu:8.2f} s CPU  {best.wall:6.2f} s  {best.peak_mib:5.0f} MiB"
            f"  ratio {best.cpu / other.cpu:.2f}, memory {best.peak_mib / other.peak_mib:.2f}",
            flush=True,
        )


def _grown(home: Path, days: int, history: int, *, quiet: bool = False) -> int:
    """Let a home of so many days grow to a history; how many it has then."""
    while days < history:
        until = min(days + RANGE, history)
        write_days(home / "lake", days, until)
        whole = build(home)
        if not quiet:
            days_made = f"days {days + 1} to {until} in one run"
            print(f"    {days_made:<40}{whole.cpu:8.2f} s CPU  {whole.peak_mib:5.0f} MiB")
        days = until
    return days


def _one_more(home: Path, days: int) -> Day:
    write_days(home / "lake", days, days + 1)
    return build(home)


def build(home: Path) -> Day:
    """`spotify-assets build` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _BUILD, str(home)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return Day(*json.loads(done.stdout.splitlines()[-1]))


def write_days(root: Path, start: int, stop: int) -> None:
    """The raw objects of days `start` to `stop` (exclusive); the same every time."""
    random_ = random.Random(11)
    ids = [make_id(random_) for _ in range(PLAYLISTS)]
    lists = [[_small(random_) for _ in range(ENTRIES)] for _ in ids]
    for number in range(stop):
        for playlist_id, entries in zip(ids, lists, strict=True):
            if number:
                for place in random_.sample(range(ENTRIES), CHANGES):
                    entries[place] = _small(random_)
            if number >= start:
                _write(root, _FIRST + dt.timedelta(days=number), playlist_id, entries)


def _small(random_: random.Random) -> dict:
    """An entry without its lists of markets, which the tables do not hold."""
    track = make_track(random_)
    track.pop("available_markets")
    track["album"].pop("available_markets")
    return {"added_at": "2025-06-01T10:20:30Z", "is_local": False, "added_by": {"id": "listener"}, "track": track}


def _write(root: Path, day: dt.date, playlist_id: str, items: list[dict]) -> None:
    lines = [
        json.dumps(
            {
                "snapshot_date": day.isoformat(),
                "extracted_at": f"{day}T06:00:00Z",
                "run_id": "bench",
                "source": "sandbox",
                "playlist": {"id": playlist_id, "name": "Playlist"},
                "offset": offset,
                "total": len(items),
                "page": {"offset": offset, "limit": 50, "total": len(items), "items": items[offset : offset + 50]},
            }
        )
        for offset in range(0, len(items), 50)
    ]
    path = root / str(RawKey(day, playlist_id, dt.datetime.combine(day, dt.time(6), dt.UTC), "bench"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(lines).encode(), 1))


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[2:]] or HISTORIES, Path(sys.argv[1]))
