"""The wire to Spotify: one HTTP session for API and token endpoint, which trusts nothing that comes over it.

No redirect is ever followed (another host would get the token), the whole call has one deadline (a body of a byte a
second would never end), and a body is bounded on the wire and after decompression. What an answer means belongs in
`responses`, when to call belongs in `client` and `auth`.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a body, on the wire and decompressed. A real page of 50 entries is below 0.5 MB."""

MAX_ERROR_BODY = 64 * 1024
"""Bytes read of the body of a refusal; more says nothing more."""

CONNECT_SECONDS = 10.0
_CHUNK = 64 * 1024
_START = 8192


class BodyError(requests.RequestException):
    """A body that was not read to its end; `start` is what came of it, for diagnosis."""

    def __init__(self, said: str, start: bytes = b"") -> None:
        super().__init__(said)
        self.said = said
        self.start = start[:_START]


class DirectSession(requests.Session):
    """A session that goes nowhere but where it is sent."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a redirect is an answer like any other."""


def session(connections: int, seconds: float, adapter: BaseAdapter | None = None) -> requests.Session:
    """A session of up to `connections` at once, where no call takes longer than `seconds`, body included.

    `adapter` carries the requests instead of the network (the sandbox).
    """
    direct = DirectSession()
    direct.auth = _as_it_is  # else a .netrc entry for the host would replace the token
    direct.headers["Accept-Encoding"] = "gzip"
    bounded = BoundedAdapter(adapter or _DeadlineAdapter(pool_connections=2, pool_maxsize=connections), seconds)
    direct.mount("https://", bounded)
    direct.mount("http://", bounded)
    return direct


class BoundedAdapter(BaseAdapter):
    """Reads whole bodies, within bounds of bytes and time. Raises BodyError or another `requests.RequestException`."""

    def __init__(self, inner: BaseAdapter, seconds: float) -> None:
        super().__init__()
        self._inner = inner
        self._timeout = Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)

    def send(self, request: requests.PreparedRequest, *_: object, **options: Any) -> requests.Response:
        """The response to `request`, its body read and decompressed."""
        options = {**options, "stream": True, "timeout": self._timeout}
        response = self._inner.send(request, **options)
        try:
            body = _body(response)
        except ReadTimeoutError as error:
            raise requests.ReadTimeout from error
        except HTTPError as error:
            raise requests.ConnectionError from error
        finally:
            response.close()
        response.raw = io.BytesIO(body)
        response.encoding = "utf-8"  # else a long text would be guessed at
        return response

    def close(self) -> None:
        """Close what is held open."""
        self._inner.close()


def _body(response: requests.Response) -> bytes:
    """The whole body; of a refusal as much as was sound."""
    refused = response.status_code >= 400
    limit = MAX_ERROR_BODY if refused else MAX_BODY
    body = bytearray()
    try:
        for part in _decompressed(response, limit):
            body += part
            if len(body) > limit:
                raise BodyError(f"the body is larger than {limit // 1024**2} MB")
    except (BodyError, zlib.error) as error:
        if refused:
            return bytes(body[:limit])
        said = error.said if isinstance(error, BodyError) else "the body's compression is damaged"
        raise BodyError(said, bytes(body[:_START])) from None
    return bytes(body)


def _decompressed(response: requests.Response, limit: int) -> Iterator[bytes]:
    """The body in parts, none larger than `limit` and a byte, which never needs more memory than that."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        yield from _chunks(response, limit)
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BodyError("the body is compressed in a way that was not asked for")
    inflater = zlib.decompressobj(wbits=47)
    for chunk in _chunks(response, limit):
        left = chunk
        while left:
            if inflater.eof:  # another member follows
                inflater = zlib.decompressobj(wbits=47)
            yield inflater.decompress(left, limit + 1)
            left = inflater.unconsumed_tail or inflater.unused_data
    if not inflater.eof:
        raise BodyError("the body broke off")


def _chunks(response: requests.Response, limit: int) -> Iterator[bytes]:
    """The body as it comes over the wire. Stops with an error behind `limit` bytes."""
    read = getattr(response.raw, "stream", None)
    chunks = read(_CHUNK, decode_content=False) if read else iter(lambda: response.raw.read(_CHUNK), b"")
    count = 0
    for chunk in chunks:
        count += len(chunk)
        yield chunk
        if count > limit:
            raise BodyError(f"the body is larger than {limit // 1024} kB on the wire")


class _UntilDeadline(io.RawIOBase):
    """The bytes of a connection until a point in time, however slowly they come."""

    def __init__(self, inner: socket.SocketIO, connection: socket.socket, seconds: float) -> None:
        super().__init__()
        self._inner = inner
        self._connection = connection
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._connection.settimeout(left)
        try:
            return self._inner.readinto(buffer)
        finally:
            self._connection.settimeout(self._seconds)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    """A response whose head and body together take no longer than the time its connection gives one read."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        seconds = sock.gettimeout()
        if seconds and isinstance(self.fp, io.BufferedReader) and isinstance(self.fp.raw, socket.SocketIO):
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_UntilDeadline(raw, sock, seconds))  # pyright: ignore[reportArgumentType]


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse


class _TlsConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType]


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection  # pyright: ignore[reportAssignmentType]


class _DeadlineAdapter(HTTPAdapter):
    """The network, with the whole of an answer under one deadline, and no retries of its own."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def trouble(error: Exception) -> str:
    """Why there was no response, without repeating anything of the request."""
    if isinstance(error, BodyError):
        return error.said
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS connection failed"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not be reached"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed"
    return f"the answer broke off ({type(error).__name__})"
