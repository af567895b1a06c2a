"""Every file that Dagster reads, against Dagster's own schemas: of an instance, a workspace, and of each class named.

A key that Dagster does not know is found when a daemon starts, in production; here it is found in every run.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.instance.config import dagster_instance_config
from dagster._core.workspace.config_schema import process_workspace_config
from dagster._serdes import ConfigurableClassData

from spotify_assets.local.instance import dagster_home
from spotify_assets.settings import load_settings

ROOT = Path(__file__).parents[2]


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def variables(config: object) -> Iterator[str]:
    """The environment variables that a file names: `{env: NAME}`."""
    if isinstance(config, dict) and isinstance(config.get("env"), str):
        yield config["env"]
    if isinstance(config, dict | list):
        for value in config.values() if isinstance(config, dict) else config:
            yield from variables(value)


def holds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder's dagster.yaml is an instance of Dagster's, and every class it names exists and takes its config."""
    config = read(folder / "dagster.yaml")
    for name in variables(config):
        monkeypatch.setenv(name, "1")
    dagster_instance_config(str(folder))
    for section, value in config.items():
        if isinstance(value, dict) and {"module", "class"} <= value.keys():
            data = ConfigurableClassData(value["module"], value["class"], yaml.safe_dump(value.get("config") or {}))
            named = getattr(importlib.import_module(data.module_name), data.class_name)
            outcome = process_config(resolve_to_config_type(named.config_type()), data.config_dict)
            assert outcome.success, (section, outcome.errors)


def test_the_instance_of_a_home_is_one_of_dagsters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds(dagster_home(load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path)})), monkeypatch)


FILES = [path for path in sorted(ROOT.glob("infra/**/dagster.yaml")) if ".venv" not in path.parts]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_instance_of_a_deployment_is_one_of_dagsters(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds(path.parent, monkeypatch)


@pytest.mark.parametrize(
    "wrong",
    ["run_monitorin: {enabled: true}", "run_launcher: {module: dagster, class: DefaultRunLauncher, config: {x: 1}}"],
    ids=["a key that does not exist", "a config that the class does not take"],
)
def test_a_mistake_is_found(tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the tests above can fail."""
    (tmp_path / "dagster.yaml").write_text(wrong)

    with pytest.raises((DagsterInvalidConfigError, AssertionError)):
        holds(tmp_path, monkeypatch)


WORKSPACES = [ROOT / "workspace.yaml", *sorted(ROOT.glob("infra/*/workspace.yaml"))]


@pytest.mark.parametrize("path", WORKSPACES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_workspace_is_one_of_dagsters(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables(read(path)):
        monkeypatch.setenv(name, "1")

    outcome = process_workspace_config(read(path))

    assert outcome.success, outcome.errors
