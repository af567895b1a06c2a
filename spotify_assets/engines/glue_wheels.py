"""What the Glue script needs installed, as wheels beside the lake: a Glue without internet installs them from there.

Which packages and versions belongs in `glue_script`, when to upload in `commands/glue_command.py`.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from spotify_assets.engines.glue_script import additional_modules
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore

PREFIX = f"{layout.GLUE_PREFIX}wheels/"

_LOCK = Path("requirements.lock")
_PYTHON, _GLIBC_MINOR = "3.11", 34
"""Those of Glue 5.0 and 5.1 (Amazon Linux 2023), from "Migrating AWS Glue for Spark jobs to AWS Glue version 5"."""


def ship_wheels(store: ObjectStore) -> str:
    """Upload the wheels that are missing; the value of `--additional-python-modules` that installs them.

    A wheel's key holds the SHA-256 of its content, so one that is there is the one that is meant. Raises PermanentError
    when they can't be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="spotify_assets_") as folder:
        urls = []
        for path in fetch(Path(folder)):
            content = path.read_bytes()
            key = f"{PREFIX}{hashlib.sha256(content).hexdigest()}/{path.name}"
            store.create(key, content)
            urls.append(store.url(key))
    return ",".join(urls)


def fetch(folder: Path) -> list[Path]:
    """Download the wheels for Glue's machine into `folder`, held to requirements.lock's hashes where it lies here."""
    wanted = additional_modules().split(",")
    pins, hashes = "\n".join(wanted), False
    if _LOCK.is_file():
        lock = _LOCK.read_text(encoding="utf-8")
        locked = [re.search(rf"^{re.escape(pin)}\b.*(?:\n    --hash=.*)+", lock, re.MULTILINE) for pin in wanted]
        if all(locked):
            pins, hashes = "\n".join(match[0].rstrip(" \\") for match in locked if match), True
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{pins}\n", encoding="utf-8")
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(_GLIBC_MINOR, 16, -1)] + ["manylinux2014_x86_64"]
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version",
        _PYTHON, *(part for platform in platforms for part in ("--platform", platform)),
        *(["--require-hashes"] if hashes else []), "--dest", str(folder), "--requirement", str(requirements),
    ]  # fmt: skip
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        said = finished.stderr.strip().splitlines() or ["pip gave no reason"]
        raise PermanentError(
            f"The wheels of {' and '.join(wanted)} could not be downloaded: {said[-1]}",
            remedy="deploy from where a package index can be reached, or with --modules index, which leaves it to Glue",
        )
    return sorted(folder.glob("*.whl"))


def is_ours(value: str) -> bool:
    """Whether a job's `--additional-python-modules` was set by this project, by pins or by wheels."""
    names = [
        re.split(r"==|-", part.rsplit("/", 1)[-1].replace("dagster-pipes", "dagster_pipes"))[0]
        for part in value.split(",")
    ]
    return sorted(names) == ["dagster_pipes", "duckdb"]
