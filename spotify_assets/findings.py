"""What a health check finds: one finding per thing looked at. Who looks, and how, belongs to each part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`subject` is in order or not (`ok`); `detail` says what was seen, `remedy` what to do (empty when in order)."""

    subject: str
    ok: bool
    detail: str
    remedy: str = ""
