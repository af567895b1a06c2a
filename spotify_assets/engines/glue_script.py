"""The Glue script as it is shipped: which files, under which version, with which arguments it is run.

The version is a hash of the content, so the code that starts a run and the script it runs always belong together, and
shipping the same content twice changes nothing. Where it is uploaded from is `commands/glue_command.py`'s business.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import glue_scripts
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore

SCRIPT = "playlist_tables.py"
ARCHIVE = "glue_scripts.zip"
_ANY_DATE = (2020, 1, 1, 0, 0, 0)


@cache
def script_files() -> dict[str, bytes]:
    """The files of one version by name: the script Glue starts, and the package it imports as a zip."""
    package = Path(glue_scripts.__file__).parent
    modules = {path.name: path.read_bytes() for path in sorted(package.glob("*.py"))}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in modules.items():
            file.writestr(zipfile.ZipInfo(f"{package.name}/{name}", _ANY_DATE), content)
    return {SCRIPT: modules[SCRIPT], ARCHIVE: archive.getvalue()}


@cache
def script_version() -> str:
    """Hash of the content and of what it needs installed: 16 hexadecimal digits."""
    digest = hashlib.sha256(additional_modules().encode())
    for name, content in sorted(script_files().items()):
        digest.update(f"{name}:{hashlib.sha256(content).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def additional_modules() -> str:
    """What Glue installs for the script: this code's side of Dagster Pipes, and its reader of raw JSON."""
    return ",".join(f"{name}=={version(name)}" for name in ("dagster-pipes", "duckdb"))


def script_key(name: str) -> str:
    """Key of a file of this version."""
    return f"{layout.glue_script_prefix(script_version())}{name}"


def script_arguments(store: ObjectStore) -> dict[str, str]:
    """The arguments that make a run use this version, whatever the job itself points at.

    What is installed for it is the job's own business, set by `glue deploy`: a run does not override it.
    """
    return {
        "--scriptLocation": store.url(script_key(SCRIPT)),
        "--extra-py-files": store.url(script_key(ARCHIVE)),
    }


def is_shipped(store: ObjectStore) -> bool:
    """Whether every file of this version is in the lake."""
    return all(store.head(script_key(name)) for name in script_files())


def ship(store: ObjectStore) -> list[str]:
    """Upload what is missing of this version; the keys that were written."""
    return [key for name, content in script_files().items() if store.create(key := script_key(name), content)]
