"""What a failed run comes to for people: one incident, with cause, link and remedy, and no secret. Pure.

Where an incident is sent belongs to `alerts`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from spotify_assets import redaction
from spotify_assets.settings import Settings

MAX_CAUSE = 1500
"""Characters of a cause that are sent; SNS and chat tools cut off longer ones anyway."""

_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d|\b[0-9a-f]{12,}\b|\d+")


@dataclass(frozen=True)
class Incident:
    """A failure worth a message. `key` is the same for the same failure of the same job on other dates or runs."""

    job: str
    dates: str
    causes: tuple[str, ...]
    remedy: str
    link: str
    verb: str = "failed"

    @property
    def key(self) -> str:
        text = "\n".join([self.job, *sorted(_VARYING.sub("#", cause) for cause in self.causes)])
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]

    @property
    def title(self) -> str:
        return f"{self.job} {self.verb}{f' for {self.dates}' if self.dates else ''}"

    @property
    def text(self) -> str:
        """The whole message: what failed, why, what to do, where to look."""
        return "\n".join([self.title, *self.causes, f"What to do: {self.remedy}", self.link])


def remedy(told: Iterable[str], secrets: Iterable[str], *, permanent: bool, planned: bool) -> str:
    """What somebody has to do: what the failures told, then what happens by itself.

    `planned` is whether a sensor requested the run and will do so again.
    """
    own = "; ".join(dict.fromkeys(text for text in told if text))
    after = _next(permanent=permanent, planned=planned)
    return f"{redacted(own, secrets)}. {after[0].upper()}{after[1:]}" if own else after


def _next(*, permanent: bool, planned: bool) -> str:
    if permanent:
        return "nothing tries this again by itself. Fix what the message names, then run it again from the link."
    if planned:
        return "the sensor tries again by itself a few times; look into it if this comes back."
    return "if it does not pass, fix what the message names and run it again from the link."


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of `secrets` and without anything shaped like one, at most `MAX_CAUSE` characters."""
    text = redaction.redacted(text, secrets)
    return text if len(text) <= MAX_CAUSE else f"{text[:MAX_CAUSE]} …"


def secrets_of(settings: Settings) -> list[str]:
    """Every secret in the settings, as text, and the lines of those that have several."""
    values = [getattr(settings, name) for name in type(settings).model_fields]
    texts = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    return [*texts, *(line for text in texts for line in text.splitlines())]


def causes(steps: Sequence[tuple[str, str]], run_message: str, secrets: Sequence[str]) -> tuple[str, ...]:
    """One line per failed step (name, message), or what is said of the run where no step failed."""
    lines = [f"{name}: {message.strip()}" for name, message in steps] or [run_message.strip() or "no step said why"]
    return tuple(redacted(line, secrets) for line in lines)
