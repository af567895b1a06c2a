"""Fingerprints of code: what made some data, as a short text that is equal for equal code. Standard library only.

A fingerprint is of the code's text without comments and blank lines, the same on every Python and in a zip, and of the
contract's columns without their descriptions.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from importlib import resources

from glue_scripts.contract import LAKE_TABLES, Table

LENGTH = 12
_TRANSFORMATION = ("raw_reader.py", "judging.py", "leaves.py", "tables.py")


@functools.cache
def transformation() -> str:
    """The fingerprint of what turns raw objects into the lake's tables: contract, SELECTs and reader."""
    return fingerprint("glue_scripts", _TRANSFORMATION, LAKE_TABLES.values())


def fingerprint(package: str, files: Iterable[str], tables: Iterable[Table] = ()) -> str:
    """The fingerprint of some files of a package and of the columns of some tables."""
    digest = hashlib.sha256()
    for file in files:
        text = resources.files(package).joinpath(*file.split("/")).read_text(encoding="utf-8")
        digest.update("\n".join([file, *_code(text)]).encode())
    for table in tables:
        columns = [f"{column.name} {column.type.name} {column.nullable}" for column in table.columns]
        digest.update("\n".join([table.name, *table.key, *columns]).encode())
    return digest.hexdigest()[:LENGTH]


def _code(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
