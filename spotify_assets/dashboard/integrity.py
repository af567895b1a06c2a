"""Reads a finished dashboard back: is the file whole, and does it need nothing but itself?

Pure functions over the file's bytes, for the asset check and the tests. How the file is made is `page`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import zlib
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
    """Collects the scripts, the blocks, the policy and every reference to something outside the file."""

    scripts: list[str] = field(default_factory=list)
    blocks: dict[str, str] = field(default_factory=dict)
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
        if tag == "script" and attributes.get("type") == "text/plain":
            self._inside = attributes.get("id", "")
            self.blocks[self._inside] = ""
        elif tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside in self.blocks:
            self.blocks[self._inside] += data
        elif self._inside == "style" and _LOADING.search(data):
            self.outside.append("<style>")


def inspect_page(content: bytes) -> PageContents:
    """What the dashboard file holds and what is wrong with it, one sentence per problem."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return PageContents(len(content), None, 0, (f"The file is not UTF-8: {error}.",))
    is_whole = text.startswith("<!doctype html>") and text[-100:].rstrip().endswith("</html>")
    reader = _Reader()
    reader.feed(text)
    reader.close()
    del text  # as large as the file, like what the reader holds
    kept, problems = _inflated(reader.blocks)
    playlists, missing = _data_problems(reader, kept.get("block-index", b""))
    problems += missing
    problems += _script_problems(reader, kept.get("block-plotly", b""))
    if not is_whole:
        problems.append("The file does not run from <!doctype html> to </html>: it is cut off.")
    if reader.outside:
        problems.append(f"The page refers to something outside itself: {', '.join(sorted(set(reader.outside)))}.")
    return PageContents(len(content), reader.as_of or None, playlists, tuple(problems))


_KEPT = {"block-index", "block-plotly"}


def _inflated(blocks: dict[str, str]) -> tuple[dict[str, bytes], list[str]]:
    """What the blocks that are looked at hold, and which of all can't be read. Each is let go when it was read."""
    kept: dict[str, bytes] = {}
    problems: list[str] = []
    for name in blocks:
        text, blocks[name] = blocks[name], ""
        inflate = zlib.decompress if name.startswith("block-playlist-") else gzip.decompress
        try:
            content = inflate(base64.b64decode(text, validate=True))
        except (ValueError, OSError, EOFError, zlib.error) as error:
            problems.append(f"The page's {name} can't be read: {error!r}.")
        else:
            if name in _KEPT:
                kept[name] = content
    return kept, problems


def _data_problems(reader: _Reader, content: bytes) -> tuple[int, list[str]]:
    """How many playlists the page has by its index, and what of it there is not."""
    problems: list[str] = []
    try:
        index = json.loads(content)
        playlists, songs, last_on = index["playlists"], index["songs"], index["last_on"]
    except (ValueError, KeyError, TypeError) as error:
        return 0, [f"The page's data can't be read: {error!r}."]
    wanted = {"block-index", "block-recordings", "block-popularity", "block-plotly"}
    wanted |= {f"block-playlist-{place}" for place in range(len(playlists))}
    wanted |= {f"block-songs-{place}" for place in range(songs)}
    if missing := sorted(wanted - reader.blocks.keys()):
        problems.append(f"The page lacks {', '.join(missing)}.")
    if (last_on or "") != reader.as_of:
        problems.append(f"The page says it is of {reader.as_of or 'no date'}, its data of {last_on}.")
    return len(playlists), problems


def _script_problems(reader: _Reader, plotly: bytes) -> list[str]:
    """Every script must be allowed by its hash, and nothing else may run or be requested."""
    scripts = [plotly, *(script.encode("utf-8") for script in reader.scripts)]
    allowed = sorted(_HASH.findall(reader.policy))
    present = sorted(base64.b64encode(hashlib.sha256(script).digest()).decode("ascii") for script in scripts)
    problems = []
    if "default-src 'none'" not in reader.policy:
        problems.append("The page's Content-Security-Policy does not forbid requests.")
    if len(reader.scripts) != 1:
        problems.append(f"The page has {len(reader.scripts)} scripts instead of its own.")
    if present != allowed:
        problems.append("The page's scripts are not the ones its Content-Security-Policy allows.")
    return problems
