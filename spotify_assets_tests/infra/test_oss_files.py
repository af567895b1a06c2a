"""infra/oss agrees with itself: Compose and systemd start what `run` has, and the image has the lock's versions.

`make check` lints the files; spotify_assets_tests/production starts them.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from spotify_assets_tests.infra.template import ROOT

OSS = ROOT / "infra" / "oss"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((OSS / "compose.yaml").read_text())["services"]
PARTS = {"code", "daemon", "webserver"}


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE))


def test_the_image_has_the_versions_that_are_tested() -> None:
    locked, image = pins(ROOT / "requirements.lock"), pins(OSS / "requirements.lock")
    assert {name: version for name, version in image.items() if locked.get(name) != version} == {}
    assert {"dagster-postgres", "dagster-webserver", "psycopg2-binary", "hatchling"} <= image.keys()


def test_neither_lock_names_an_address() -> None:
    for path in (ROOT / "requirements.lock", OSS / "requirements.lock"):
        assert "://" not in path.read_text()


def test_compose_and_systemd_start_what_run_has() -> None:
    script = (OSS / "run").read_text()
    known = set(re.findall(r"^  (\w+)\)$", script, re.MULTILINE))
    assert {service["command"][0] for service in SERVICES.values() if "command" in service} == PARTS | {"prepare"}
    assert {*PARTS, "prepare", "healthy"} == known
    unit = (OSS / "spotify-assets@.service").read_text()
    assert "ExecStart=/opt/spotify_assets/infra/oss/run %i\n" in unit


def test_every_part_is_watched_and_waits_for_what_it_needs() -> None:
    for part in PARTS:
        assert SERVICES[part]["healthcheck"]["test"][-2:] == ["healthy", part]
        assert SERVICES[part]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    for part in PARTS - {"code"}:
        assert SERVICES[part]["depends_on"]["code"] == {"condition": "service_healthy"}


def test_only_the_code_server_has_the_projects_secrets() -> None:
    readers = {name for name, service in SERVICES.items() if "../../.env" in service.get("env_file", ())}
    assert readers == {"code"}


def test_every_variable_that_the_files_need_is_in_the_example() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", (OSS / ".env.example").read_text(), re.MULTILINE))
    needed = set(re.findall(r"env: (\w+)", (OSS / "dagster.yaml").read_text() + (OSS / "workspace.yaml").read_text()))
    assert needed <= example
    assert set(re.findall(r"\$\{(\w+):\?", (OSS / "compose.yaml").read_text())) <= example


def test_run_says_what_it_wants(tmp_path: Path) -> None:
    told = subprocess.run(
        [OSS / "run", "nothing"], env={"DAGSTER_HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert "prepare, code, daemon, webserver or healthy" in told.stderr
    unset = subprocess.run([OSS / "run", "code"], env={}, capture_output=True, text=True, check=False)
    assert unset.returncode != 0
    assert "set DAGSTER_HOME" in unset.stderr
