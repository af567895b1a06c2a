"""What a listing shows of an object, and which keys are keys at all; shared by both kinds of storage."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

_UNADDRESSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|(?:^|/)(?:\.\.?)?(?:/|$)")


class StoredObject(NamedTuple):
    """An object as a listing shows it: key relative to the root, size in bytes, `etag` as the store gave it."""

    key: str
    etag: str
    size: int
    last_modified: dt.datetime


def is_addressable(key: str) -> bool:
    """Whether obstore can address `key`: no empty, `.` or `..` segment, no control character, real Unicode."""
    return not _UNADDRESSABLE.search(key)
