"""The semantic model's refresh against a scripted Power BI on 127.0.0.1, signed in through dagster-powerbi."""

from __future__ import annotations

import datetime as dt
import json
import sys
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import dagster as dg
import pytest

from spotify_assets.assets.powerbi import powerbi_assets
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.names import PLAIN
from spotify_assets.resources.powerbi import PowerBIResource, powerbi_resource
from spotify_assets.settings import load_settings

pytest.importorskip("dagster_powerbi", reason="the extra [powerbi] is not installed")

SECRET = "s3cr&t+of~the.app"
REQUEST_ID = "9399bb89-25d1-44f8-8576-136d7e9014b1"
SETTINGS = load_settings(
    {
        "LAKE_URL": "s3://bucket/lake", "SNOWFLAKE_ACCOUNT": "org-account", "SNOWFLAKE_USER": "u",
        "SNOWFLAKE_ROLE": "r", "SNOWFLAKE_WAREHOUSE": "w", "SNOWFLAKE_PRIVATE_KEY": "k", "POWERBI_TENANT_ID": "tenant",
        "POWERBI_CLIENT_ID": "client", "POWERBI_CLIENT_SECRET": SECRET, "POWERBI_WORKSPACE_ID": "workspace",
        "POWERBI_SEMANTIC_MODEL_ID": "model",
    }
)  # fmt: skip


class PowerBI:
    """The script: answers to POST and GET in order (the last GET repeats), and what was asked."""

    def __init__(self) -> None:
        self.posts: deque[tuple[int, Any, dict[str, str]]] = deque()
        self.gets: deque[tuple[int, Any, dict[str, str]]] = deque()
        self.tokens: deque[int] = deque()
        self.asked: list[str] = []
        self.secrets: list[str] = []
        self.url = ""

    def accepted(self) -> None:
        self.posts.append((202, None, {"x-ms-request-id": REQUEST_ID}))

    def shows(self, *statuses: str | None, **fields: str) -> None:
        """Script the list of refreshes: one that ended before ours, and ours in these states (None: not there yet)."""
        for status in statuses:
            ours = {"requestId": REQUEST_ID, "status": status, "startTime": "2026-11-21T06:30:00.00Z", **fields}
            if status == "Completed":
                ours["endTime"] = "2026-11-21T06:31:30.50Z"
            before = {"requestId": "other", "status": "Completed", "startTime": "2026-11-20T06:30:00Z",
                      "endTime": "2026-11-20T06:31:00Z"}  # fmt: skip
            self.gets.append((200, {"value": [*([ours] if status else []), before]}, {}))

    def answer(self, method: str) -> tuple[int, Any, dict[str, str]]:
        self.asked.append(method)
        queue = self.posts if method == "POST" else self.gets
        return queue[0] if method == "GET" and len(queue) == 1 else queue.popleft()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PowerBI]:
    script = PowerBI()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/groups/workspace/datasets/model/refreshes"
            assert self.headers["Authorization"] == "Bearer token"
            self.reply(*script.answer("GET"))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/tenant/oauth2/token":
                script.secrets.append(parse_qs(body)["client_secret"][0])
                status = script.tokens.popleft() if script.tokens else 200
                self.reply(status, {"access_token": "token"}, {})
                return
            assert json.loads(body) == {"notifyOption": "NoNotification"}
            self.reply(*script.answer("POST"))

        def reply(self, status: int, body: Any, headers: dict[str, str]) -> None:
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{running.server_address[1]}"
    monkeypatch.setattr("dagster_powerbi.resource.MICROSOFT_LOGIN_URL", script.url + "/{tenant_id}/oauth2/token")
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield script
    running.shutdown()
    running.server_close()
    thread.join()


def model(server: PowerBI, timeout_seconds: float = 5.0) -> PowerBIResource:
    return powerbi_resource(SETTINGS, api_url=server.url, poll_seconds=0.01, timeout_seconds=timeout_seconds)


class TestEnds:
    """Every way a refresh can end."""

    def test_completed(self, server: PowerBI) -> None:
        server.accepted()
        server.shows(None, "Unknown", "Unknown", "Completed")
        result = dg.materialize(powerbi_assets(), resources={"powerbi": model(server)})
        (event,) = result.get_asset_materialization_events()
        metadata = event.materialization.metadata
        assert event.asset_key == PLAIN.semantic_model
        assert metadata["refresh_seconds"].value == 90.5
        assert metadata["request_id"].value == REQUEST_ID
        assert server.asked == ["POST", "GET", "GET", "GET", "GET"]

    def test_an_earlier_refresh_that_completed_is_not_taken_for_ours(self, server: PowerBI) -> None:
        server.accepted()
        server.shows(None, None, "Failed", serviceExceptionJson='{"errorCode": "ModelRefreshFailed"}')
        with pytest.raises(PermanentError, match="ended Failed: ModelRefreshFailed"):
            model(server).refresh()

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            ("Failed", "no reason"),
            ("Cancelled", "somebody cancelled it"),
            ("Disabled", "enable them"),
            ("SomethingNew", "ended SomethingNew"),
        ],
    )
    def test_every_end_but_success_fails_at_once(self, server: PowerBI, status: str, said: str) -> None:
        server.accepted()
        server.shows("Unknown", status)
        with pytest.raises(PermanentError, match=said):
            model(server).refresh()
        assert server.asked == ["POST", "GET", "GET"]

    def test_a_failed_refresh_fails_the_asset_without_retries(self, server: PowerBI) -> None:
        server.accepted()
        server.shows("Cancelled")
        result = dg.materialize(powerbi_assets(), resources={"powerbi": model(server)}, raise_on_error=False)
        assert not result.success
        assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]

    def test_one_without_end_times_out_and_may_be_tried_again(self, server: PowerBI) -> None:
        server.accepted()
        server.shows("Unknown")
        with pytest.raises(TransientError, match="is Unknown after"):
            model(server, timeout_seconds=0.2).refresh()


class TestTheWay:
    """What may happen between the start and the end."""

    def test_throttling_is_waited_out(self, server: PowerBI) -> None:
        server.posts.append((429, None, {"Retry-After": "0"}))
        server.accepted()
        server.gets.append((429, None, {"Retry-After": "0"}))
        server.shows("Unknown", "Completed")
        assert model(server).refresh().seconds == 90.5

    def test_throttling_longer_than_the_deadline_is_given_up(self, server: PowerBI) -> None:
        server.posts.append((429, None, {"Retry-After": "3600"}))
        with pytest.raises(TransientError, match="is throttled"):
            model(server).refresh()

    def test_an_outage_while_it_runs_is_waited_out(self, server: PowerBI) -> None:
        server.accepted()
        server.gets.append((503, None, {}))
        server.shows("Completed")
        assert model(server).refresh().request_id == REQUEST_ID

    def test_a_token_that_expires_meanwhile_is_renewed(self, server: PowerBI) -> None:
        server.accepted()
        server.gets.append((401, None, {}))
        server.shows("Completed")
        model(server).refresh()
        assert len(server.secrets) == 2

    def test_another_refresh_under_way_may_be_tried_again(self, server: PowerBI) -> None:
        said = "Invalid dataset refresh request. Another refresh request is already executing"
        server.posts.append((400, {"error": {"code": "InvalidRequest", "message": said}}, {}))
        with pytest.raises(TransientError, match="Another refresh request"):
            model(server).refresh()

    @pytest.mark.parametrize("status", [403, 404])
    def test_a_refused_start_names_what_to_allow(self, server: PowerBI, status: int) -> None:
        server.posts.append((status, {"error": {"code": "PowerBINotAuthorizedException"}}, {}))
        with pytest.raises(PermanentError, match="member of the workspace"):
            model(server).refresh()

    def test_without_a_request_id_the_first_refresh_since_is_ours(self, server: PowerBI) -> None:
        server.posts.append((202, None, {}))
        now = dt.datetime.now(dt.UTC)
        mine = {"status": "Completed", "startTime": now.isoformat(), "endTime": now.isoformat()}
        later = {"status": "Unknown", "startTime": (now + dt.timedelta(minutes=5)).isoformat()}
        before = {"status": "Failed", "startTime": "2026-01-01T00:00:00Z"}
        server.gets.append((200, {"value": [later, mine, before]}, {}))
        assert model(server).refresh().started_at == mine["startTime"]


class TestSignIn:
    """The service principal and its secret."""

    def test_a_secret_with_special_characters_arrives_whole(self, server: PowerBI) -> None:
        server.accepted()
        server.shows("Completed")
        model(server).refresh()
        assert server.secrets == [SECRET]

    def test_a_refused_sign_in_names_the_variables_and_not_the_secret(self, server: PowerBI) -> None:
        server.tokens.append(401)
        with pytest.raises(PermanentError, match="POWERBI_CLIENT_SECRET") as refused:
            model(server).refresh()
        assert SECRET not in str(refused.value)

    def test_the_secret_is_no_field(self) -> None:
        resource = powerbi_resource(SETTINGS)
        assert SECRET not in repr(resource)
        assert SECRET not in str(resource.model_dump())

    def test_without_dagster_powerbi_only_the_refresh_fails_and_says_what_to_install(
        self, server: PowerBI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "dagster_powerbi", None)
        resource = model(server)
        assert powerbi_assets()[0].key == PLAIN.semantic_model
        with pytest.raises(PermanentError, match=r"spotify-assets\[powerbi\]"):
            resource.refresh()
