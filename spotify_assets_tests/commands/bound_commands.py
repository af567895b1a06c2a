"""Runs commands of `spotify-assets` in one process that file permissions bind, whoever starts it; see `test_homes`.

Stands in for as many processes: `python -m … < [[home, [argument, …]], …]` prints one answer per line, as JSON.
"""

from __future__ import annotations

import json
import sys
import traceback

from click.testing import CliRunner

from spotify_assets.cli import main


def run_all() -> None:
    for home, arguments in json.load(sys.stdin):
        result = CliRunner().invoke(main, arguments, env={"SPOTIFY_ASSETS_HOME": home})
        crashed = result.exception is not None and not isinstance(result.exception, SystemExit)
        trace = "".join(traceback.format_exception(*result.exc_info)) if crashed and result.exc_info else ""
        answer = {"code": result.exit_code, "output": result.stdout, "error": result.stderr, "traceback": trace}
        sys.__stdout__.write(json.dumps(answer) + "\n")  # pyright: ignore[reportOptionalMemberAccess]


if __name__ == "__main__":
    run_all()
