"""Git-scraped archives: every version of every file in a repository's history, read through git itself.

Nothing is checked out, no hook or filter of the repository is run, and nothing is fetched. A version is of its commit's
day (committer date, UTC); of a day the last counts. Merges are no versions of their own: what they bring was committed
before. A git archive commits changes only: whether days without a commit were seen unchanged, or not seen at all, only
the archive's owner knows (`filled`).
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from spotify_assets.failures import PermanentError
from spotify_assets.spotify.archives.provenance import is_dated

_READ_ONLY = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_LOG = (
    "-c", "core.quotePath=false", "-c", "log.showSignature=false", "log", "--raw", "-z", "--no-abbrev", "--no-renames",
    "--no-ext-diff", "--no-textconv", "--no-color", "--format=%x01%ct",
)  # fmt: skip
_DELETED = "0" * 40


@dataclass(frozen=True)
class Version:
    """A file as it was committed: its path, the id of its content, when, and the day it stands for.

    `unchanged` is True for a day on which nothing was committed.
    """

    path: str
    blob: str
    committed_at: dt.datetime
    day: dt.date
    unchanged: bool = False


@dataclass(frozen=True)
class History:
    """The versions of a repository, by day, then path; `is_shallow` when older ones are not in this clone."""

    versions: tuple[Version, ...]
    is_shallow: bool


def read_history(
    repository: Path, paths: Sequence[str] = (), since: dt.date | None = None, *, fill: bool = False
) -> History:
    """Every version of the files at `paths` (all), of days from `since`. Raises PermanentError when git can't say.

    With `fill` a file counts as seen unchanged on every day up to the last commit of the repository on which it was
    not committed, as long as it was there.
    """
    is_shallow = _git(repository, "rev-parse", "--is-shallow-repository").strip() == b"true"
    changes = list(_changes(_git(repository, *_LOG, "HEAD", "--", *paths).decode("utf-8", "surrogateescape")))
    newest: dict[tuple[str, dt.date | None], Version] = {}
    for version in changes:  # the newest first
        # A file that says its own day is of that day, whenever it was committed.
        day = None if is_dated(version.path) else version.day
        newest.setdefault((version.path, day), version)
    versions = list(newest.values())
    if fill:
        versions = list(_filled(versions, _last_commit(repository).date()))
    kept = (each for each in versions if each.blob != _DELETED and (since is None or each.day >= since))
    return History(tuple(sorted(kept, key=lambda each: (each.day, each.path))), is_shallow)


def _changes(log: str) -> Iterator[Version]:
    at = dt.datetime.fromtimestamp(0, dt.UTC)
    fields = iter(log.split("\0"))
    for field in fields:
        text = field.lstrip("\n")
        if text.startswith("\x01"):
            seconds, _, rest = text[1:].partition("\n")
            at = dt.datetime.fromtimestamp(int(seconds), dt.UTC)
            text = rest.lstrip("\n")
        if text.startswith(":"):
            _, mode, _, blob, *_ = text.split(" ")
            path = next(fields)
            if mode not in ("120000", "160000"):  # links and submodules
                yield Version(path, blob, at, at.date())


def _filled(versions: Sequence[Version], last: dt.date) -> Iterator[Version]:
    """The versions, and each again for every day until the file's next version or `last`."""
    by_path: dict[str, list[Version]] = {}
    for version in sorted(versions, key=lambda each: each.day):
        by_path.setdefault(version.path, []).append(version)
    for ordered in by_path.values():
        for version, following in zip(ordered, [*ordered[1:], None], strict=True):
            yield version
            end = following.day if following else last + dt.timedelta(days=1)
            for number in range(1, (end - version.day).days if not is_dated(version.path) else 0):
                yield replace(version, day=version.day + dt.timedelta(days=number), unchanged=True)


def _last_commit(repository: Path) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(_git(repository, "log", "-1", "--format=%ct", "HEAD")), dt.UTC)


def _environment() -> dict[str, str]:
    """This process's, for a git that only reads."""
    return {**os.environ, **_READ_ONLY}


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), "--no-pager", *arguments],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
    except FileNotFoundError:
        raise PermanentError("git is not installed", remedy="install it to read a repository's history") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise PermanentError(
            f"The history of {repository} can't be read: git says '{said[0] if said else 'nothing'}'",
            remedy="give --git the folder of a repository with at least one commit",
        )
    return done.stdout


class Blobs:
    """The contents of a repository's files, by id, from one process of git. Use as a context manager."""

    def __init__(self, repository: Path, most_bytes: int) -> None:
        self._most = most_bytes
        self._process = subprocess.Popen(
            ["git", "-C", str(repository), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def read(self, blob: str) -> bytes:
        """The content. Raises PermanentError when it is not in this clone or has more than `most_bytes`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{blob}\n".encode())
        self._process.stdin.flush()
        head = self._process.stdout.readline().split()
        if len(head) != 3:
            raise PermanentError(
                f"The content {blob} is not in this clone", remedy="fetch the whole repository, without a filter"
            )
        size = int(head[2])
        kept = self._process.stdout.read(min(size, self._most))
        rest = size - len(kept)
        while rest > 0:
            rest -= len(self._process.stdout.read(min(rest, 1024 * 1024))) or rest
        self._process.stdout.read(1)
        if size > self._most:
            raise PermanentError(f"The content {blob} has {size} bytes, more than the {self._most} read")
        return kept
