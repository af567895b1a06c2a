"""What Dagster does anew for each instance and each run, and tests of ours prove nothing by: once, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache

import pytest


@contextmanager
def quick_dagster() -> Iterator[None]:
    """In this process: an instance in a third of its time, a run without four processes beside it."""
    from alembic.script import ScriptDirectory
    from dagster._core.execution import compute_logs

    with pytest.MonkeyPatch.context() as patch:
        # Stamping a database executes every migration file there is; three databases of an instance, one of each run.
        patch.setattr(ScriptDirectory, "from_config", cache(ScriptDirectory.from_config))
        # What a step prints is kept in its log file; `tail` and a watcher would show it on the console, too.
        patch.setattr(compute_logs, "tail_to_stream", lambda path, stream: nullcontext((None, None)))
        yield
