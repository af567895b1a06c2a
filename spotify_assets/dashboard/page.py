"""From the report to the file: one HTML document that needs nothing but itself.

Everything a playlist says is foreign text. It goes into the document as data only: once as JSON in a script element the
browser does not run, escaped so that no `</script>` can end it; the page's own script writes it out as text nodes. The
Content-Security-Policy lets exactly the two scripts below run (by their hashes) and forbids every request.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict
from importlib.resources import files
from string import Template

from spotify_assets.dashboard.report import Report

_SCRIPTS = ("format.js", "plots.js", "lists.js", "main.js")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render_page(report: Report) -> bytes:
    """The dashboard as UTF-8 HTML, about 5 MB, nearly all of it plotly.js. Equal reports give equal bytes."""
    from plotly.offline import get_plotlyjs

    plotly = get_plotlyjs().strip()
    script = _own_script()
    page = Template(_part("page.html")).substitute(
        policy=_policy(plotly, script),
        as_of=report.last_on or "",
        style=_part("style.css").strip(),
        data=json_for_script(asdict(report)),
        plotly=plotly,
        script=script,
    )
    return page.encode("utf-8")


def json_for_script(value: object) -> str:
    """`value` as JSON that can stand inside a script element: nothing in it closes the element or opens another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(str.maketrans(_ESCAPES))


def _own_script() -> str:
    return '"use strict";\n(() => {\n' + "\n".join(_part(name).strip() for name in _SCRIPTS) + "\n})();"


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
