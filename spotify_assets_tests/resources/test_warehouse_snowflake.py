"""The Snowflake resource with the real connector, against fakesnow's server on 127.0.0.1."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs

import dagster as dg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector import SnowflakeConnection

from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.resources.root import warehouse_resource
from spotify_assets.resources.warehouse_snowflake import SnowflakeWarehouse, is_transient
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse.loads import copy_statement
from spotify_assets.warehouse.session import QueryTag, Session

PASSPHRASE = "correct horse"
Scope = dict[str, object]
App = Callable[[Scope, Callable[[], Awaitable[Scope]], Callable[[Scope], Awaitable[None]]], Awaitable[None]]


@dataclass
class Recorder:
    """The server's front: keeps every request, and answers the next statements itself when told to."""

    app: App
    logins: list[dict[str, object]] = field(default_factory=list)
    login_queries: list[dict[str, list[str]]] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    answers: list[Callable[[Callable[[Scope], Awaitable[None]]], Awaitable[None]]] = field(default_factory=list)

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Callable[[Scope], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")  # pyright: ignore[reportOperatorIssue]
            if not message.get("more_body"):
                break
        text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        query = parse_qs(bytes(scope["query_string"]).decode())  # pyright: ignore[reportArgumentType]
        if scope["path"] == "/session/v1/login-request":
            self.logins.append(json.loads(text)["data"])
            self.login_queries.append(query)
        elif scope["path"] == "/queries/v1/query-request":
            self.statements.append(json.loads(text)["sqlText"])
            if self.answers:
                await self.answers.pop(0)(send)
                return

        async def replay() -> Scope:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)


async def respond(send: Callable[[Scope], Awaitable[None]], status: int, body: dict[str, object]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def session_is_gone(send: Callable[[Scope], Awaitable[None]]) -> None:
    await respond(send, 200, {"success": False, "code": "390111", "message": "Session no longer exists.", "data": {}})


async def never_answer(send: Callable[[Scope], Awaitable[None]]) -> None:
    await asyncio.Event().wait()


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[Recorder, str]]:
    import uvicorn
    from fakesnow.server import app

    recorder = Recorder(app)  # pyright: ignore[reportArgumentType]
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = uvicorn.Server(uvicorn.Config(recorder, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield recorder, f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture
def server(address: tuple[Recorder, str], monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The recorder, empty. Closed connections are counted on this side: the connector logs off only from a server
    that gave it a master token, and fakesnow gives none."""
    recorder = address[0]
    for kept in (recorder.logins, recorder.login_queries, recorder.statements, recorder.answers, recorder.closed):
        kept.clear()
    real = SnowflakeConnection.close

    def close(self: SnowflakeConnection, retry: bool = True) -> None:
        recorder.closed.add(id(self))
        real(self, retry)

    monkeypatch.setattr(SnowflakeConnection, "close", close)
    return recorder


@pytest.fixture(scope="module")
def private_key() -> str:
    return _pem(None)


@pytest.fixture
def snowflake(address: tuple[Recorder, str], server: Recorder, private_key: str) -> SnowflakeWarehouse:
    return SnowflakeWarehouse(
        account="org-account",
        user="DAGSTER",
        role="LOADER",
        warehouse="WH",
        database="SPOTIFY_ASSETS",
        private_key=private_key,
        endpoint=address[1],
        backoff_seconds=0.01,
        network_timeout_seconds=20,
    )


def _pem(passphrase: str | None) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def test_sign_in_sends_user_role_warehouse_database_a_key_pair_token_and_the_tag(
    snowflake: SnowflakeWarehouse, server: Recorder
) -> None:
    tag = QueryTag("snowflake/lake/songs", "2026-01-01", "run-1")

    assert snowflake.run(lambda session: session.execute("SELECT 1 AS one"), tag) == [(1,)]

    (login,) = server.logins
    (query,) = server.login_queries
    parameters = login["SESSION_PARAMETERS"]
    assert isinstance(parameters, dict)
    assert (login["LOGIN_NAME"], login["AUTHENTICATOR"]) == ("DAGSTER", "SNOWFLAKE_JWT")
    assert str(login["TOKEN"]).count(".") == 2
    assert (query["roleName"], query["warehouse"], query["databaseName"]) == (["LOADER"], ["WH"], ["SPOTIFY_ASSETS"])
    assert json.loads(parameters["QUERY_TAG"]) == {
        "app": "spotify_assets",
        "asset_key": "snowflake/lake/songs",
        "partition": "2026-01-01",
        "run_id": "run-1",
    }
    assert parameters["TIMEZONE"] == "UTC"
    assert parameters["STATEMENT_TIMEOUT_IN_SECONDS"] == 3600


@pytest.mark.parametrize("form", ["pem", "base64", "file", "encrypted file"])
def test_a_private_key_signs_in_in_every_form(
    snowflake: SnowflakeWarehouse, server: Recorder, tmp_path: Path, form: str
) -> None:
    pem = _pem(PASSPHRASE if form == "encrypted file" else None)
    path = tmp_path / "key.p8"
    path.write_text(pem)
    given = {
        "pem": {"private_key": pem},
        "base64": {"private_key": base64.b64encode(pem.encode()).decode()},
        "file": {"private_key": None, "private_key_path": str(path)},
        "encrypted file": {"private_key": None, "private_key_path": str(path), "private_key_passphrase": PASSPHRASE},
    }

    snowflake.model_copy(update=given[form]).execute("SELECT 1 AS one")

    assert len(server.logins) == 1


@pytest.mark.parametrize("passphrase", [None, "wrong"])
def test_a_key_that_cannot_be_read_names_the_variables_and_not_the_key(
    snowflake: SnowflakeWarehouse, passphrase: str | None
) -> None:
    pem = _pem(PASSPHRASE)
    broken = snowflake.model_copy(update={"private_key": pem, "private_key_passphrase": passphrase})

    with pytest.raises(PermanentError, match="SNOWFLAKE_PRIVATE_KEY_PASSPHRASE") as caught:
        broken.execute("SELECT 1")

    assert pem.splitlines()[1] not in str(caught.value)


def test_the_connection_is_rolled_back_and_closed_when_the_work_fails(
    snowflake: SnowflakeWarehouse, server: Recorder
) -> None:
    def work(session: Session) -> None:
        with session.transaction():
            session.execute("SELECT 1 AS one")
            raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        snowflake.run(work)

    assert server.statements == ["BEGIN", "SELECT 1 AS one", "ROLLBACK"]
    assert len(server.closed) == 1


def test_an_sql_error_is_permanent_and_sent_once(snowflake: SnowflakeWarehouse, server: Recorder) -> None:
    with pytest.raises(PermanentError, match="could not run 'SELECT nonsense"):
        snowflake.execute("SELECT nonsense FROM nowhere.nothing")

    assert len(server.logins) == len(server.closed) == 1


def test_work_is_done_again_on_a_new_connection_when_the_session_is_gone(
    snowflake: SnowflakeWarehouse, server: Recorder
) -> None:
    server.answers.append(session_is_gone)

    assert snowflake.execute("SELECT 2 AS two") == [(2,)]

    assert len(server.logins) == 2
    assert len(server.closed) == 2


def test_a_session_that_keeps_going_away_is_a_transient_failure(
    snowflake: SnowflakeWarehouse, server: Recorder
) -> None:
    server.answers.extend([session_is_gone] * 3)

    with pytest.raises(TransientError, match="Session no longer exists"):
        snowflake.execute("SELECT 2 AS two")

    assert len(server.logins) == 3


def test_a_server_that_never_answers_is_a_transient_failure_within_the_timeout(
    snowflake: SnowflakeWarehouse, server: Recorder
) -> None:
    server.answers.extend([never_answer] * 5)
    impatient = snowflake.model_copy(update={"network_timeout_seconds": 1, "attempts": 1})

    with pytest.raises(TransientError):
        impatient.execute("SELECT 1 AS one")


def test_an_account_that_cannot_be_reached_is_a_transient_failure(snowflake: SnowflakeWarehouse) -> None:
    nobody = snowflake.model_copy(
        update={
            "endpoint": "http://127.0.0.1:9",
            "attempts": 1,
            "login_timeout_seconds": 1,
            "network_timeout_seconds": 1,
        }
    )

    with pytest.raises(TransientError, match="org-account could not be reached"):
        nobody.execute("SELECT 1")


def test_values_are_bound_and_come_back_as_they_were(snowflake: SnowflakeWarehouse) -> None:
    frame = snowflake.query(
        "SELECT %(text)s AS text, %(number)s + 1 AS next, '100%%' AS share", {"text": "it's ü", "number": 41}
    )

    assert frame.to_dict("records") == [{"text": "it's ü", "next": 42, "share": "100%"}]


def test_a_branch_deployment_works_on_its_clone_made_once(snowflake: SnowflakeWarehouse, server: Recorder) -> None:
    branch = snowflake.model_copy(update={"database": "SPOTIFY_ASSETS_PR_7", "clone_of": "SPOTIFY_ASSETS"})

    branch.execute("SELECT 1 AS one")
    branch.execute("SELECT 1 AS one")

    assert server.statements == [
        "CREATE DATABASE IF NOT EXISTS SPOTIFY_ASSETS_PR_7 CLONE SPOTIFY_ASSETS",
        "USE DATABASE SPOTIFY_ASSETS_PR_7",
        "SELECT 1 AS one",
        "USE DATABASE SPOTIFY_ASSETS_PR_7",
        "SELECT 1 AS one",
    ]
    assert all("databaseName" not in query for query in server.login_queries)


def _settings(**more: str) -> dict[str, str]:
    return {
        "SNOWFLAKE_ACCOUNT": "org-account",
        "SNOWFLAKE_USER": "U",
        "SNOWFLAKE_ROLE": "R",
        "SNOWFLAKE_WAREHOUSE": "W",
        "SNOWFLAKE_PRIVATE_KEY": "secret-key",
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "secret-words",
        "LAKE_URL": "s3://bucket/lake",
        "SPOTIFY_SOURCE": "sandbox",
        **more,
    }


def test_secrets_stay_variables_until_a_connection_is_made() -> None:
    resource = warehouse_resource(load_settings(_settings()))

    assert isinstance(resource, SnowflakeWarehouse)
    assert isinstance(resource.private_key, dg.EnvVar)
    for text in (repr(resource), str(resource), repr(dg.Definitions(resources={"warehouse": resource}))):
        assert "secret" not in text


def test_dagster_resolves_the_key_in_a_run_and_shows_it_nowhere(
    monkeypatch: pytest.MonkeyPatch, address: tuple[Recorder, str], server: Recorder, private_key: str
) -> None:
    monkeypatch.setenv("SNOWFLAKE_PRIVATE_KEY", private_key)
    resource = SnowflakeWarehouse(
        account="org-account",
        user="U",
        role="R",
        warehouse="W",
        database="SPOTIFY_ASSETS",
        private_key=dg.EnvVar("SNOWFLAKE_PRIVATE_KEY"),
        endpoint=address[1],
    )
    shown: list[str] = []

    @dg.asset
    def table(warehouse: SnowflakeWarehouse) -> None:
        shown.append(repr(warehouse))
        warehouse.execute("SELECT 1 AS one")

    assert dg.materialize([table], resources={"warehouse": resource}).success
    assert len(server.logins) == 1
    assert private_key.splitlines()[1] not in shown[0]


def test_a_branch_deployment_never_gets_productions_database() -> None:
    branch = {
        "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
        "DAGSTER_CLOUD_PULL_REQUEST_ID": "7",
        "AWS_REGION": "eu-west-1",
    }

    assert warehouse_resource(load_settings(_settings(**branch))).database == "SPOTIFY_ASSETS_PR_7"

    with pytest.raises(PlatformError, match="DAGSTER_CLOUD_PULL_REQUEST_ID"):
        warehouse_resource(load_settings(_settings(DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT="1", AWS_REGION="eu-west-1")))


def test_a_query_is_linked_to_its_page(snowflake: SnowflakeWarehouse) -> None:
    assert snowflake.query_url("01b2") == "https://app.snowflake.com/org/account/#/compute/history/queries/01b2/detail"
    assert snowflake.model_copy(update={"account": "xy12345.eu-west-1"}).query_url("01b2") is None


def test_what_snowflake_says_about_sql_is_never_transient() -> None:
    from snowflake.connector import errors

    assert not is_transient(errors.ProgrammingError("bad", errno=1003, sqlstate="42000"))
    assert not is_transient(errors.DatabaseError("Incorrect username", errno=250001))
    assert not is_transient(errors.HttpError(msg="404", errno=290404))
    assert is_transient(errors.ProgrammingError("gone", errno=390112))
    assert is_transient(errors.HttpError(msg="429", errno=290429))
    assert is_transient(errors.HttpError(msg="408", errno=290408))
    assert is_transient(errors.HttpError(msg="503", errno=290503))
    assert is_transient(errors.TooManyRequests())
    assert is_transient(errors.ServiceUnavailableError())
    assert is_transient(ConnectionResetError("reset"))


def test_making_the_resource_imports_no_driver() -> None:
    code = (
        "import sys\n"
        "from spotify_assets.settings import load_settings\n"
        "from spotify_assets.resources.root import warehouse_resource\n"
        f"warehouse_resource(load_settings({_settings()!r}))\n"
        "warehouse_resource(load_settings({}))\n"
        "heavy = {'snowflake.connector', 'dagster_snowflake', 'fakesnow', 'pandas', 'duckdb'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_branch_deployment_copies_from_its_own_lake_below_productions_stage(store: ObjectStore) -> None:
    branch = {
        "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
        "DAGSTER_CLOUD_PULL_REQUEST_ID": "7",
        "AWS_REGION": "eu-west-1",
    }
    production = warehouse_resource(load_settings(_settings()))
    warehouse = warehouse_resource(load_settings(_settings(**branch)))
    assert isinstance(production, SnowflakeWarehouse)
    assert isinstance(warehouse, SnowflakeWarehouse)
    session = cast("Session", None)  # set-up made the stage: nothing is sent for it

    with production._stage(session, store, []) as stage, warehouse._stage(session, store, []) as branch_stage:
        assert stage == "LAKE.LAKE_FILES"
        copy = copy_statement("LAKE.SONGS", branch_stage, "songs", ["tables/songs/x.parquet"])
        assert "FROM @LAKE.LAKE_FILES/branch/7/tables/songs/\nFILES = ('x.parquet')" in copy
