"""From the report to the file: one HTML document that needs nothing but itself.

Everything a playlist says is foreign text. It goes into the document as compressed blocks only, base64 in elements the
browser does not run; the page's own script writes it out as text nodes. The Content-Security-Policy lets exactly the
two scripts run (by their hashes; plotly is compressed too, and started when the first chart is drawn) and forbids every
request.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from functools import cache
from importlib.resources import files
from string import Template

from spotify_assets.dashboard.report import Report
from spotify_assets.lake.layout import report_script_key
from spotify_assets.storage.object_store import ObjectStore

SCRIPTS = (
    "format.js",
    "blocks.js",
    "history.js",
    "time.js",
    "charts.js",
    "plots.js",
    "tables.js",
    "overview.js",
    "playlist.js",
    "sides.js",
    "items.js",
    "main.js",
)
"""The page's own script, in the order its parts need each other."""


def render_page(report: Report, store: ObjectStore | None = None) -> bytes:
    """The dashboard as UTF-8 HTML: 2 MB of plotly.js and as much as the report holds. Equal reports, equal bytes.

    With a `store` plotly.js is kept there compressed, which takes longer than all the rest of the page.
    """
    script = own_script()
    plotly = _plotly()
    plotly_block = base64.b64encode(_compressed(plotly, store)).decode("ascii")
    blocks = {**report.blocks, "plotly": plotly_block}
    page = Template(_part("page.html")).substitute(
        policy=_policy(plotly, script),
        as_of=report.last_on or "",
        style=_part("style.css").strip(),
        blocks="\n".join(
            f'<script type="text/plain" class="block" id="block-{name}">{block}</script>'
            for name, block in blocks.items()
        ),
        script=script,
    )
    return page.encode("utf-8")


def own_script() -> str:
    """The page's script, its parts in one scope."""
    return '"use strict";\n(() => {\n' + "\n".join(_part(name).strip() for name in SCRIPTS) + "\n})();"


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs().strip()


def _compressed(script: str, store: ObjectStore | None) -> bytes:
    """The script, gzipped: as it is kept in the store, when that is the same script."""
    content = script.encode("utf-8")
    key = report_script_key(hashlib.sha256(content).hexdigest()[:16])
    kept = store.get_or_none(key) if store else None
    if kept is not None and _holds(kept, content):
        return kept
    compressed = gzip.compress(content, 6, mtime=0)
    if store:
        store.put(key, compressed)
    return compressed


def _holds(compressed: bytes, content: bytes) -> bool:
    try:
        return gzip.decompress(compressed) == content
    except (OSError, EOFError, zlib.error):
        return False


def _policy(*scripts: str) -> str:
    """A Content-Security-Policy for exactly these inline scripts and no request of any kind.

    Styles stay open because plotly writes its own at run time; images only from the page itself.
    """
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    rules = (
        "default-src 'none'",
        f"script-src {hashes}",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _part(name: str) -> str:
    return files("spotify_assets.dashboard").joinpath("web", name).read_text(encoding="utf-8")
