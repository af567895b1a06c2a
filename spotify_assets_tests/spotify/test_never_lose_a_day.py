"""What Spotify may answer, and what becomes of the day: stored, tried again, or named; and nobody else is harmed.

One playlist of 120 entries is sick, alone or in two ways at once; two healthy ones stand beside it. Real sockets.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from spotify_assets.failures import PlatformError
from spotify_assets.lake.layout import QUARANTINE_PREFIX
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.client import RetryRules
from spotify_assets.spotify.reading import identity
from spotify_assets.spotify.report import ExtractionReport, PlaylistOutcome
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import Extract
from spotify_assets_tests.spotify.spotify_server import ACCESS_TOKEN, Answer, SpotifyServer, entry, error

pytestmark = pytest.mark.slow

ENTRIES = 120
RULES = RetryRules(timeout=0.4)
TWICE = RetryRules(timeout=0.4, tries=2)

Body = dict[str, Any]
Make = Callable[[SpotifyServer, str], None]


@dataclass(frozen=True)
class Fault:
    """`make` makes playlist `sick` so. `stored` whole, `partial` (stored and marked), tried `again`, or `named`."""

    name: str
    make: Make
    becomes: str
    said: str = ""
    rules: RetryRules = RULES


def answers(where: str, *sent: Answer) -> Make:
    """The next requests for the sick playlist's `where` get these."""
    return lambda server, sick: server.fail(f"{sick}{where}", *sent)


def always(where: str, sent: Answer) -> Make:
    """Every request for the sick playlist's `where` gets this."""

    def make(server: SpotifyServer, sick: str) -> None:
        server.forever[f"{sick}{where}"] = sent

    return make


def pages(change: Callable[[Body, int], Body], times: int = 10_000) -> Make:
    """The sick playlist's pages are changed (body, offset asked for), so often."""

    def make(server: SpotifyServer, sick: str) -> None:
        left = iter(range(times))

        def changed(body: Body, query: dict[str, list[str]]) -> Body:
            return change(body, int(query.get("offset", ["0"])[0])) if next(left, None) is not None else body

        server.changes.append((f"{sick}/items", changed))

    return make


def metadata(change: Callable[[Body], Body], times: int = 10_000) -> Make:
    """The sick playlist's object is changed."""

    def make(server: SpotifyServer, sick: str) -> None:
        left = iter(range(times))

        def changed(body: Body, query: dict[str, list[str]]) -> Body:
            return change(body) if next(left, None) is not None else body

        server.changes.append((sick, changed))

    return make


def option(**options: Any) -> Make:
    def make(server: SpotifyServer, sick: str) -> None:
        for name, value in options.items():
            setattr(server.playlists[sick], name, value)

    return make


def entries(change: Callable[[list[Any]], None]) -> Make:
    return lambda server, sick: change(server.playlists[sick].entries)


def one_a_page(body: Body, offset: int) -> Body:
    return body | {"items": [entry(offset)], "total": 49_999, "next": "x", "offset": offset}


def endless(body: Body, offset: int) -> Body:
    return body | {"items": [entry(offset + n) for n in range(50)], "total": None, "next": "x", "offset": offset}


def stuck(body: Body, offset: int) -> Body:
    return body | {"items": [entry(n) for n in range(50)], "total": None, "next": "x"}


def fifty_too_few(body: Body, offset: int) -> Body:
    return body | {"items": []} if offset == 50 else body


def shortened(body: Body, offset: int) -> Body:
    return body | {"items": body["items"][:-3]} if offset == 50 else body


def late(body: Body, offset: int) -> Body:
    return body | {"items": body["items"][1:]} if offset == 50 else body


versions = itertools.count()
DEEP = b'{"items": ' + b"[" * 20_000
PADDED = b'{"items": [], "x": "' + b"x" * (10 * 1024 * 1024) + b'"}'
BOMB = gzip.compress(bytes(40 * 1024 * 1024))
GZIP = {"Content-Encoding": "gzip"}
PAGE = {"items": [], "total": 0}
SURROGATE = b'{"items": [{"added_at": null, "item": {"type": "track", "name": "half \\ud83d"}}], "total": 1}'
ECHO = f"Invalid header Authorization: Bearer {ACCESS_TOKEN}"
ANSI = "no \x1b[31mway\x1b[0m\x07 \u202eback"


def truth_as(body: Callable[[bytes], bytes], **headers: str) -> Make:
    """Every page as it is, in other bytes."""

    def make(server: SpotifyServer, sick: str) -> None:
        known = server.answer

        def answer(path: str, query: dict[str, list[str]]) -> Answer:
            sent = known(path, query)
            if not path.endswith(f"{sick}/items"):
                return sent
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            return Answer(sent.status, body(sent.data), named)

        server.answer = answer  # type: ignore[method-assign]

    return make


FAULTS = [
    Fault("it says 49,999 and gives one entry a page", pages(one_a_page), "named", "SPOTIFY_DAILY_CALL_BUDGET"),
    Fault("it says 49,999 and gives whole pages", pages(lambda body, offset: endless(body, offset) | {"total": 49_999}),
          "named", "1000 calls"),
    Fault("it says 49,999 and has 120", option(total=49_999), "stored"),
    Fault("pages without end", pages(endless), "named", "did not come to an end"),
    Fault("the same page without end", pages(stuck), "partial", "repeat themselves"),
    Fault("NaN once", answers("/items", Answer(body=b'{"items": [NaN], "total": 1}')), "stored"),
    Fault("NaN always", always("/items", Answer(body=b'{"items": [NaN], "total": 1}')), "again", "not JSON"),
    Fault("Infinity always", always("/items", Answer(body=b'{"items": [Infinity], "total": 1}')), "again", "not JSON"),
    Fault("-Infinity in the playlist", always("", Answer(body=b'{"id": -Infinity}')), "again", "not JSON"),
    Fault("1e999 always", always("/items", Answer(body=b'{"items": [1e999], "total": 1}')), "again", "not JSON"),
    Fault("a number of 5,000 digits", always("/items", Answer(body=b'{"total": ' + b"9" * 5000 + b"}")), "again"),
    Fault("a version that moves on every request", metadata(lambda body: body | {"snapshot_id": f"v{next(versions)}"}),
          "stored"),
    Fault("no version", metadata(lambda body: body | {"snapshot_id": None}), "stored"),
    Fault("a version that is a number", metadata(lambda body: body | {"snapshot_id": 7}), "stored"),
    Fault("a total of more than there are", option(total=130), "stored", "120 entries of 130"),
    Fault("a total of fewer than there are", option(total=100), "stored", "120 entries of 100"),
    Fault("a total of 0", option(total=0), "stored"),
    Fault("a total below 0", option(total=-1), "stored"),
    Fault("a total that is text", option(total="120"), "stored"),
    Fault("a total that is true", option(total=True), "stored"),
    Fault("no total", option(total=None), "stored"),
    Fault("pages that begin one early", option(shift=1), "stored"),
    Fault("pages that begin one early and say they don't",
          lambda server, sick: (option(shift=1)(server, sick),
                                pages(lambda body, offset: body | {"offset": offset})(server, sick))[0], "stored"),
    Fault("a page that began one early once", pages(lambda body, offset: body if offset != 50 else
          body | {"items": [entry(n) for n in range(49, 99)]}, times=2), "stored"),
    Fault("a page that begins one late", pages(late), "partial", "119 entries of 120"),
    Fault("an empty page in the middle", pages(fifty_too_few), "partial", "70 entries of 120"),
    Fault("a short page in the middle, once", pages(shortened, times=3), "stored"),
    Fault("the last page says there is more", pages(lambda body, offset: body | {"next": "x"}), "stored"),
    Fault("the first page says there is no more", pages(lambda body, offset: body | {"next": None}), "stored"),
    Fault("the offset it says is another", pages(lambda body, offset: body | {"offset": 7}), "stored", "offset 7"),
    Fault("the total changes between pages", pages(lambda body, offset: body | {"total": 120 + (offset == 50)}),
          "stored", "total changed"),
    Fault("a song that stands twice at a border", entries(lambda known: known.__setitem__(50, known[49])), "stored"),
    Fault("holes at a border", entries(lambda known: known.__setitem__(slice(48, 52), [None] * 4)), "stored"),
    Fault("nothing but holes", entries(lambda known: known.__setitem__(slice(None), [None] * 120)), "stored"),
    Fault("entries that are no objects", entries(lambda known: known.__setitem__(0, "text")), "stored"),
    Fault("another playlist's object once", answers("", Answer(body={"id": "another"})), "stored"),
    Fault("another playlist's object always", always("", Answer(body={"id": "another"})), "again", "not what was"),
    Fault("the pages are refused", always("/items", error(403, "Forbidden")), "named", "neither owned"),
    Fault("a redirect to another host", always("/items", Answer(302, b"", {"Location": "http://127.0.0.1:9/v1/x"})),
          "again", "not followed"),
    Fault("a permanent redirect", always("", Answer(308, b"", {"Location": "http://127.0.0.1:9/v1/x"})), "again"),
    Fault("a byte now and then, once", answers("/items", Answer(body=PAGE, drip=0.1)), "stored"),
    Fault("a byte now and then", always("/items", Answer(body=PAGE, drip=0.1)), "again", "no answer in time",
          TWICE),
    Fault("a head of a byte now and then", always("/items", Answer(body=PAGE, drip=0.1, drip_head=True)), "again",
          rules=TWICE),
    Fault("a gzip bomb once", answers("/items", Answer(body=BOMB, headers=GZIP)), "stored"),
    Fault("a gzip bomb always", always("/items", Answer(body=BOMB, headers=GZIP)), "again", "larger than 10 MB"),
    Fault("10 MB of blanks", answers("/items", Answer(body=PADDED)), "stored"),
    Fault("half a gzip", always("/items", Answer(body=gzip.compress(b"{}" * 999)[:30], headers=GZIP)), "again"),
    Fault("damaged gzip", always("/items", Answer(body=b"\x1f\x8bnonsense", headers=GZIP)), "again", "damaged"),
    Fault("a compression nobody asked for", always("/items", Answer(headers={"Content-Encoding": "br"}, body=b"x")),
          "again", "not asked for"),
    Fault("pages as gzip of two members", truth_as(lambda data: gzip.compress(data[:90]) + gzip.compress(data[90:]),
          Content_Encoding="gzip"), "stored"),
    Fault("pages with a byte order mark", truth_as(lambda data: b"\xef\xbb\xbf" + data), "stored"),
    Fault("pages in UTF-16", truth_as(lambda data: data.decode().encode("utf-16")), "stored"),
    Fault("a body that breaks off, once", answers("/items", Answer(body=PAGE, cut="middle")), "stored"),
    Fault("half a surrogate pair", always("/items", Answer(body=SURROGATE)), "stored"),
    Fault("nested too deep", always("/items", Answer(body=DEEP)), "again", "not JSON"),
    Fault("an error inside a 200", always("", Answer(body={"error": {"status": 404}})), "again"),
    Fault("403 as plain text", always("", Answer(403, "Forbidden.")), "named", "HTTP 403 (Forbidden.)"),
    Fault("403 as a page", always("", Answer(403, "<html><style>b{}</style><h1>Not&amp;yours</h1>")), "named",
          "(Not&yours)"),
    Fault("an error with colours and bells", always("", Answer(404, {"error": {"message": ANSI}})), "named",
          "(no [31mway [0m back)"),
    Fault("an error that echoes the token", always("", error(400, ECHO)), "named", "[hidden]"),
    Fault("402", always("", error(402, "Pay")), "named", "HTTP 402 (Pay)"),
    Fault("418", always("", error(418, "Teapot")), "named", "HTTP 418"),
    Fault("451", always("", Answer(451, "Unavailable for legal reasons")), "named", "legal reasons"),
    Fault("404 once", answers("", error(404, "Resource not found")), "stored"),
    Fault("404 twice", answers("", *[error(404, "Resource not found")] * 2), "stored"),
    Fault("403 of a page once", answers("/items", error(403, "Forbidden")), "stored"),
    Fault("410 once", answers("", error(410, "Gone")), "stored"),
    Fault("null once", answers("", Answer(body="null")), "stored"),
    Fault("the token is refused once", answers("", error(401, "Access token missing")), "stored"),
]  # fmt: skip


def extracted(server: SpotifyServer, run: Extract, *faults: Fault, store: ObjectStore) -> tuple[ExtractionReport, str]:
    sick, *healthy = server.add(3, entries=ENTRIES)
    for fault in faults:
        fault.make(server, sick)

    report = run(sick, *healthy, rules=faults[0].rules)

    for outcome in report.outcomes[1:]:
        assert (outcome.status, outcome.entries, outcome.complete) == ("read", ENTRIES, True), outcome
    assert report.spent is not None
    assert report.spent < 300
    return report, sick


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(fault: Fault, server: SpotifyServer, run: Extract, store: ObjectStore) -> None:
    report, sick = extracted(server, run, fault, store=store)

    outcome = report.outcomes[0]
    assert what_became(outcome) == fault.becomes, outcome
    assert fault.said in outcome.detail
    assert ACCESS_TOKEN not in outcome.detail
    assert outcome.detail.isprintable()
    if fault.becomes == "stored" and "surrogate" not in fault.name:
        assert_everything_is_stored(server, sick, outcome, store)
    if outcome.status == "failed":
        with pytest.raises(PlatformError):
            report.raise_if_unfinished()
    assert report.tracked[sick].standing == ("stored" if fault.becomes == "stored" else "open")


def what_became(outcome: PlaylistOutcome) -> str:
    if outcome.status == "read":
        return "stored" if outcome.complete else "partial"
    return {"failed": "again", "unreadable": "named"}.get(outcome.status, outcome.status)


def assert_everything_is_stored(server: SpotifyServer, sick: str, outcome: PlaylistOutcome, store: ObjectStore) -> None:
    assert outcome.key
    snapshot = raw.read(store, outcome.key)
    kept = [identity(item) for page in snapshot.pages for item in page.items]
    assert kept == [identity(item) for item in server.playlists[sick].entries]
    positions = [page.offset + number for page in snapshot.pages for number in range(len(page.items))]
    assert positions == list(range(len(kept)))


PAIRED = [fault for fault in FAULTS if fault.becomes in ("stored", "again", "named")][::9]
PAIRS = list(itertools.combinations(PAIRED, 2))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: " + ".join(fault.name for fault in pair))
def test_two_at_once(pair: tuple[Fault, Fault], server: SpotifyServer, run: Extract, store: ObjectStore) -> None:
    report, sick = extracted(server, run, *pair, store=store)

    outcome = report.outcomes[0]
    assert what_became(outcome) in ("stored", "partial", "again", "named")
    assert outcome.detail or outcome.status == "read"
    assert outcome.status == "read" or report.tracked[sick].standing == "open"


def test_the_start_of_an_answer_that_can_not_be_used_is_kept_for_diagnosis(
    server: SpotifyServer, run: Extract, store: ObjectStore
) -> None:
    [sick] = server.add(1)
    server.forever["/items"] = Answer(body=b'{"items": [NaN], "echo": "Bearer ' + ACCESS_TOKEN.encode() + b'"}')

    run(sick)

    [found] = list(store.list(QUARANTINE_PREFIX))
    record = json.loads(store.get(found.key))
    assert '{"items": [NaN]' in record["body"]
    assert ACCESS_TOKEN not in record["body"]
