"""Fixtures every test may use."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import memory, skips
from spotify_assets_tests.moto_aws import aws, s3_lake  # noqa: F401
from spotify_assets_tests.quick_dagster import quick_dagster
from spotify_assets_tests.quick_warehouse import quick_warehouse
from spotify_assets_tests.waiting import QuickClock
from spotify_assets_tests.warehouse.fixtures import new_warehouse, prepared_folder, warehouse  # noqa: F401

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


hypothesis.settings.register_profile("under load", deadline=None)  # how long an example takes is the machine's business
hypothesis.settings.load_profile("under load")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, Spark's before all, so that all workers end at the same time."""

    def marked(name: str) -> set[Path]:
        return {item.path for item in items if item.get_closest_marker(name)}

    spark, slow = marked("spark"), marked("slow")
    items.sort(key=lambda item: 0 if item.path in spark else 1 if item.path in slow else 2)


class _OneSpark(LoadFileScheduling):
    """A worker takes a file; the files that share a Spark session go to one worker, which alone starts it."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "spark" if file.removeprefix("spotify_assets_tests/") in SHARE_SPARK else file


SHARE_SPARK = {
    "commands/test_glue.py",
    "engines/test_attempts.py",
    "engines/test_glue_engine.py",
    "engines/test_oddities.py",
    "engines/test_spark_engine.py",
    "engines/test_spark_java.py",
    "engines/test_unread_days.py",
    "spotify/test_cases.py",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """For `--dist loadfile` alone: whoever asks for another way gets it."""
    return _OneSpark(config, log) if config.getoption("dist") == "loadfile" else None


FOLDER = pytest.StashKey[str]()
"""The folder in memory that this process made; xdist's workers use their controller's."""


SELDOM = 10_000, 20, 20
"""The garbage collector's thresholds: half of what it takes by default, a twentieth of a run, is for nothing."""


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(*SELDOM)
    if "TMPDIR" not in os.environ and (folder := memory.new_folder()):
        config.stash[FOLDER] = folder
        memory.use(folder)
    skips.hold(config)


AFTER_ITS_OWN_FOLDER = -200
"""multiprocessing removes its folder, which is inside, at -100."""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Give the memory back. What a run with failures left stays to be looked at."""
    folder = session.config.stash.get(FOLDER, None)
    if folder and exitstatus == pytest.ExitCode.OK:
        memory.use(None)
        Finalize(None, shutil.rmtree, (folder, True), exitpriority=AFTER_ITS_OWN_FOLDER)


REMOVABLE = (
    "tables/",
    "quarantine/",
    "staging/",
    "dagster-pipes/",
    "state/",
    "reports/",
    "landing/to_be_processed/",
    "athena-results/",
    "branch/",
)
"""Where DagsterPolicy lets the product delete; what it deletes anywhere else, in any test, fails the test."""


@pytest.fixture(autouse=True, scope="session")
def watched_deletions() -> Iterator[None]:
    """The product's deletions are held to the policy; a test's own are its own business."""
    delete = ObjectStore.delete

    def watched(self: ObjectStore, keys: Iterable[str]) -> None:
        keys = list(keys)
        if "spotify_assets_tests" not in sys._getframe(1).f_code.co_filename:
            assert all(key.startswith(REMOVABLE) for key in keys), f"DagsterPolicy may not delete {keys}"
        delete(self, keys)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ObjectStore, "delete", watched)
        yield


@pytest.fixture(autouse=True, scope="session")
def nothing_anew() -> Iterator[None]:
    with quick_dagster(), quick_warehouse():
        yield


@pytest.fixture(autouse=True)
def no_pauses_between_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step's tries follow each other at once; whoever wants to know of the pauses sets a clock of their own."""
    monkeypatch.setattr("spotify_assets.retries.CLOCK", QuickClock())


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """An empty lake in a folder with a space in its name."""
    return ObjectStore.open((tmp_path / "a lake").as_uri())


SPARKS_TOOLS = ("bash", "dirname", "env", "chmod")
"""What PySpark's launcher calls beside Java, and Hadoop for what it writes."""


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One small Spark for all tests of a process, started as where no Java is installed."""
    from spotify_assets.engines.spark_engine import SparkEngine

    folder, tools = tmp_path_factory.mktemp("spark"), tmp_path_factory.mktemp("tools")
    for tool in SPARKS_TOOLS:
        place = shutil.which(tool, path=os.defpath)
        assert place, f"PySpark needs {tool}"
        (tools / tool).symlink_to(place)
    properties = {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "warehouse")}
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("JAVA_HOME", raising=False)
        environment.setenv("PATH", str(tools))
        session = SparkEngine(cores="2", driver_memory="1g", spark_config=properties).session()
    yield session
    session.stop()
