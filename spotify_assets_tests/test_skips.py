"""On CI a skip is either on the list or fails the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from spotify_assets_tests.skips import ALLOWED

ROOT = Path(__file__).parents[1]
CONFTEST = "from spotify_assets_tests import skips\n\ndef pytest_configure(config):\n    skips.hold(config)\n"
LISTED = f"import pytest\n\ndef test_a():\n    pytest.skip({next(iter(ALLOWED))!r} + ': more')\n"
LOST = "import pytest\n\n@pytest.mark.skipif(True, reason='no time')\ndef test_b():\n    pass\n"
LOST_MODULE = "import pytest\n\npytest.importorskip('no_such_module_at_all')\n"


def run(folder: Path, ci: str, *tests: str, workers: int = 0) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    for number, text in enumerate(tests):
        (folder / f"test_{number}.py").write_text(text + "\n\ndef test_one():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(workers), "."]
    environment = {"PYTHONPATH": str(ROOT), "CI": ci, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_skip_that_is_not_listed_fails_a_run_on_ci(tmp_path: Path) -> None:
    """Whether a test, a module, or both; in a worker, whose reports the controller hears."""
    ran = run(tmp_path, "true", LISTED, LOST, LOST_MODULE, workers=1)

    assert ran.returncode == 1, ran.stdout
    assert "test_1.py::test_b: no time" in ran.stdout
    assert "test_2.py: could not import 'no_such_module_at_all'" in ran.stdout
    assert "test_0.py::test_a" not in ran.stdout


def test_a_listed_skip_does_not(tmp_path: Path) -> None:
    ran = run(tmp_path, "true", LISTED)

    assert ran.returncode == 0, ran.stdout
