"""What other tools take from the environment and from nowhere else, set for this process and those it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def java_home() -> Path | None:
    """JAVA_HOME, where Spark looks for its Java first; None when it is not set."""
    value = os.environ.get("JAVA_HOME", "").strip()
    return Path(value) if value else None


def export_java_home(home: Path) -> None:
    """Make `home` the Java of PySpark."""
    os.environ["JAVA_HOME"] = str(home)


def export_event_batch_size(events: int) -> None:
    """Make Dagster hand up to `events` events at once to its storage, unless the environment says how many."""
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(events))


def configured_dagster_home() -> Path | None:
    """DAGSTER_HOME, where an instance is configured that is not the home's own; None when it is not set."""
    value = os.environ.get("DAGSTER_HOME", "").strip()
    return Path(value).expanduser().absolute() if value else None


@contextmanager
def exported_dagster_home(home: Path) -> Iterator[None]:
    """Make `home` the DAGSTER_HOME meanwhile."""
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DAGSTER_HOME"]
        else:
            os.environ["DAGSTER_HOME"] = before
