"""Reads a finished dashboard back: is the file whole, and does it need nothing but itself?

Pure functions over the file's bytes, for the asset check and the tests. How the file is made is `page`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_FETCHING = {"action", "background", "data", "formaction", "manifest", "ping", "poster", "src", "srcset"}
_LOADING = re.compile(r"url\(|@import", re.IGNORECASE)
_HASH = re.compile(r"'sha256-([A-Za-z0-9+/=]+)'")


@dataclass(frozen=True)
class PageContents:
    """What was found in the file. `problems` is empty when the page is whole and self-contained."""

    size: int
    as_of: str | None
    playlists: int
    problems: tuple[str, ...]


@dataclass
class _Reader(HTMLParser):
    """Collects the scripts, the data, the policy and every reference to something outside the file."""

    scripts: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    policy: str = ""
    as_of: str = ""
    _inside: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.outside += [f"<{tag} {name}>" for name in attributes if name in _FETCHING or name.startswith("on")]
        if tag in ("link", "iframe", "object", "embed", "base"):
            self.outside.append(f"<{tag}>")
        if "href" in attributes and not attributes["href"].startswith("#"):
            self.outside.append(f"<{tag} href>")
        if attributes.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = attributes.get("content", "")
        if attributes.get("name") == "snapshot-date":
            self.as_of = attributes.get("content", "")
        self._inside = tag
        if tag == "script":
            kind = attributes.get("type", "")
            self._inside = "data" if kind == "application/json" else "script"
            (self.data if self._inside == "data" else self.scripts).append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside == "data":
            self.data[-1] += data
        elif self._inside == "style" and _LOADING.search(data):
            self.outside.append("<style>")


def inspect_page(content: bytes) -> PageContents:
    """What the dashboard file holds and what is wrong with it, one sentence per problem."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return PageContents(len(content), None, 0, (f"The file is not UTF-8: {error}.",))
    reader = _Reader()
    reader.feed(text)
    reader.close()
    playlists, problems = _data_problems(reader)
    problems += _script_problems(reader)
    if not text.startswith("<!doctype html>") or not text.rstrip().endswith("</html>"):
        problems.append("The file does not run from <!doctype html> to </html>: it is cut off.")
    if reader.outside:
        problems.append(f"The page refers to something outside itself: {', '.join(sorted(set(reader.outside)))}.")
    return PageContents(len(content), reader.as_of or None, playlists, tuple(problems))


def _data_problems(reader: _Reader) -> tuple[int, list[str]]:
    if len(reader.data) != 1:
        return 0, [f"The page has {len(reader.data)} data blocks instead of one."]
    try:
        data = json.loads(reader.data[0])
        playlists, last_on = data["playlists"], data["last_on"]
    except (ValueError, KeyError, TypeError) as error:
        return 0, [f"The page's data can't be read: {error!r}."]
    if (last_on or "") != reader.as_of:
        return len(playlists), [f"The page says it is of {reader.as_of or 'no date'}, its data of {last_on}."]
    return len(playlists), []


def _script_problems(reader: _Reader) -> list[str]:
    """Every script must be allowed by its hash, and nothing else may run or be requested."""
    allowed = sorted(_HASH.findall(reader.policy))
    present = sorted(
        base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") for script in reader.scripts
    )
    problems = []
    if "default-src 'none'" not in reader.policy:
        problems.append("The page's Content-Security-Policy does not forbid requests.")
    if len(present) != 2:
        problems.append(f"The page has {len(present)} scripts instead of two: plotly and its own.")
    if present != allowed:
        problems.append("The page's scripts are not the ones its Content-Security-Policy allows.")
    return problems
