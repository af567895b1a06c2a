"""A bucket on 127.0.0.1 that counts requests: S3's listing and reading over a sorted list of keys, however many.

Only what reading a lake needs is answered (ListObjectsV2 with prefix, start-after, token and max-keys; GET; HEAD), as
S3 documents it, so that real clients (obstore, boto3) can be counted against histories too large for a real bucket.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

_MODIFIED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


_ETAG_OF_NOTHING = _etag(b"")


class CountingBucket:
    """The content: keys without content are listed as empty objects. `counts` is by kind of request."""

    def __init__(self, keys: Iterable[str], contents: Mapping[str, bytes] | None = None) -> None:
        self.contents = dict(contents or {})
        self.keys = sorted({*keys, *self.contents})
        self.counts: Counter[str] = Counter()
        self.failures = 0
        """How many of the next requests are answered with 503 Slow Down."""

    def put(self, key: str, content: bytes) -> None:
        self.contents[key] = content
        self.keys = sorted({*self.keys, key})

    def page(self, query: Mapping[str, str]) -> str:
        """The answer to ListObjectsV2."""
        prefix, most = query.get("prefix", ""), int(query.get("max-keys", "1000"))
        after = query.get("continuation-token") or query.get("start-after", "")
        start = max(bisect_right(self.keys, after) if after else 0, self._first(prefix))
        end = start
        while end < len(self.keys) and end - start < most and self.keys[end].startswith(prefix):
            end += 1
        found = self.keys[start:end]
        more = end < len(self.keys) and self.keys[end].startswith(prefix)
        encode = quote if query.get("encoding-type") == "url" else escape
        contents = "".join(
            f"<Contents><Key>{encode(key)}</Key><LastModified>{_MODIFIED:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(self.etag(key))}</ETag><Size>{len(self.contents.get(key, b''))}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key in found
        )
        token = f"<NextContinuationToken>{escape(found[-1])}</NextContinuationToken>" if more else ""
        encoding = "<EncodingType>url</EncodingType>" if query.get("encoding-type") == "url" else ""
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>bucket</Name><Prefix>{encode(prefix)}</Prefix><KeyCount>{len(found)}</KeyCount>"
            f"<MaxKeys>{most}</MaxKeys>{encoding}<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}"
            "</ListBucketResult>"
        )

    def etag(self, key: str) -> str:
        return _etag(self.contents[key]) if key in self.contents else _ETAG_OF_NOTHING

    def _first(self, prefix: str) -> int:
        return bisect_right(self.keys, prefix) if prefix else 0


@contextmanager
def serving(bucket: CountingBucket) -> Iterator[str]:
    """The endpoint of a server that answers for `bucket`, whatever its name in a request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if bucket.failures:
                bucket.failures -= 1
                bucket.counts["refused"] += 1
                self._answer(503, b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>", {})
                return
            parts = urlsplit(self.path)
            key = unquote(parts.path).lstrip("/").partition("/")[2]
            if not key:
                bucket.counts["list"] += 1
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self._answer(200, bucket.page(query).encode(), {"Content-Type": "application/xml"})
                return
            bucket.counts["get"] += 1
            if key not in bucket.contents:
                self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>", {})
                return
            modified = f"{_MODIFIED:%a, %d %b %Y %H:%M:%S GMT}"
            self._answer(200, bucket.contents[key], {"ETag": bucket.etag(key), "Last-Modified": modified})

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
