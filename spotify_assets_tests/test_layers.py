"""The tower of layers that pyproject.toml contracts: held as it stands, and able to fall."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in ("spotify_assets", "glue_scripts"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", program, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def add_import(module: Path, line: str) -> None:
    module.write_text(f"{module.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


def test_the_tower_stands(copy: Path) -> None:
    done = lint_imports(copy)

    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_from_above_breaks_it(copy: Path) -> None:
    add_import(copy / "spotify_assets/lake/layout.py", "from spotify_assets.assets import raw")

    done = lint_imports(copy)

    assert done.returncode == 1
    assert "The tower: a layer imports only from the layers below it BROKEN" in done.stdout


def test_a_circle_breaks_it(copy: Path) -> None:
    add_import(copy / "spotify_assets/lake/layout.py", "from spotify_assets.lake import watch")

    done = lint_imports(copy)

    assert done.returncode == 1
    assert "No circles of modules BROKEN" in done.stdout


def test_dagster_in_a_plain_layer_breaks_it(copy: Path) -> None:
    add_import(copy / "spotify_assets/spotify/budget.py", "import dagster")

    done = lint_imports(copy)

    assert done.returncode == 1
    assert "know nothing of Dagster BROKEN" in done.stdout
