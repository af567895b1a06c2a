"""The Snowflake warehouse: `dagster-snowflake`'s connection, always rolled back and closed, tagged, retried.

`dagster_snowflake` and the connector are imported on the first connection, not with the definitions. What is sent
belongs in `spotify_assets.warehouse`; which errors may be tried again belongs here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import dagster as dg
import tenacity
from pydantic import Field, PrivateAttr

from spotify_assets.failures import DeploymentError, PermanentError, PlatformError, TransientError
from spotify_assets.resources.warehouse import INTERACTIVE, WarehouseResource
from spotify_assets.settings import Settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import SYSTEM_CLOCK, Clock, again
from spotify_assets.warehouse import environments
from spotify_assets.warehouse.session import QueryTag, Session, headline
from spotify_assets.warehouse.sql import SCHEMAS, STAGE, identifier

if TYPE_CHECKING:
    from dagster_snowflake import SnowflakeResource
    from snowflake.connector import SnowflakeConnection

_Result = TypeVar("_Result")
_LOG = logging.getLogger(__name__)

_GONE = {390111, 390112, 390113, 390114, 390115, 250002}
"""Error numbers of a session or connection that no longer exists (connector's `network.py` and `errorcode.py`)."""

_NO_PRIVILEGE = 3001
"""The role may not do it (SQL access control error)."""

_TOO_MANY_WAITERS = 625
"""Snowflake gave up waiting for a lock on the table."""

_SOCKET_TIMEOUT_SECONDS = 60
"""Silence on the wire before a request counts as lost. Snowflake answers a running statement every 45 seconds."""

_HTTP_ERRNO = 290000
"""The connector numbers an HTTP failure 290000 + status."""


class SnowflakeWarehouse(WarehouseResource):
    """A database in a Snowflake account, signed in to with a key pair.

    The private key (PEM or base64 of it) or its file, and its passphrase, are used to sign in and shown nowhere.
    `clone_of` names the database that `database` is a zero-copy clone of, made on first use.
    """

    account: str
    user: str
    role: str
    warehouse: str
    private_key: str | None = Field(default=None, repr=False)
    private_key_path: str | None = None
    private_key_passphrase: str | None = Field(default=None, repr=False)
    clone_of: str | None = None
    clones_views: bool = Field(default=False, description="Production loads by Snowpipe: its lake tables are views")
    lake_prefix: str = Field(default="", description="Where this deployment's lake is below the stage: branch/<n>")
    endpoint: str | None = Field(default=None, description="http(s)://host:port instead of the account's own address")
    credits_per_hour: float = Field(default=1.0, description="Of the warehouse's size: X-Small 1, Small 2, Medium 4, …")
    login_timeout_seconds: int = 30
    network_timeout_seconds: int = 300
    statement_timeout_seconds: int = 3600
    attempts: int = Field(default=3, description="Connections to try when errors are transient")
    backoff_seconds: float = Field(default=2.0, description="Wait before the second attempt; doubled before each next")

    _cloned: bool = PrivateAttr(default=False)
    _clock: Clock = PrivateAttr(default=SYSTEM_CLOCK)

    def credits(self, seconds: float) -> float:
        """The warehouse's running time alone: other statements beside these, and its minute at least, are not known."""
        return seconds / 3600 * self.credits_per_hour

    @property
    def location(self) -> str:
        return f"Snowflake account {self.account}, database {self.database}"

    def query_url(self, query_id: str) -> str | None:
        """The statement's page in Snowsight; None when the account is not given as `organization-account`."""
        organization, dash, account = self.account.partition("-")
        if not dash or "." in self.account:
            return None
        return f"https://app.snowflake.com/{organization}/{account}/#/compute/history/queries/{query_id}/detail"

    def run(self, work: Callable[[Session], _Result], tag: QueryTag = INTERACTIVE) -> _Result:
        """Do `work` on a connection, again on a new one when the connection or Snowflake fails for a moment."""
        attempt = again(
            tenacity.retry_if_exception_type(TransientError),
            wait=tenacity.wait_exponential(multiplier=self.backoff_seconds),
            tries=self.attempts,
            clock=self._clock,
            before_sleep=self._say,
        )
        return attempt(super().run, work, tag)

    def _say(self, state: tenacity.RetryCallState) -> None:
        _LOG.warning(
            "attempt %d of %d failed, trying again in %g s: %s",
            state.attempt_number,
            self.attempts,
            state.upcoming_sleep,
            state.outcome.exception() if state.outcome else "",
        )

    @contextmanager
    def session(self, tag: QueryTag = INTERACTIVE) -> Iterator[Session]:
        """One connection. Raises PermanentError when sign-in is refused, TransientError when nobody answers."""
        with self._connection(tag) as connection:
            session = Session(
                connection,  # pyright: ignore[reportArgumentType] - the connector types cursor() by its class argument
                translate=self._failure,
                stage=self._stage,
            )
            if self.clone_of:
                self._use_clone(session, self.clone_of)
            yield session

    @contextmanager
    def _stage(self, session: Session, store: ObjectStore, keys: Sequence[str]) -> Iterator[str]:
        """The external stage on production's lake, which set-up made and a clone keeps: nothing to do per load."""
        yield f"{STAGE}/{self.lake_prefix}" if self.lake_prefix else STAGE

    @contextmanager
    def _connection(self, tag: QueryTag) -> Iterator[SnowflakeConnection]:
        """The stock resource's connection, closed whatever happens (it closes nothing after an exception)."""
        import snowflake.connector.errors

        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._stock(tag).get_connection())
            except snowflake.connector.errors.Error as error:
                raise self._refused(error) from error
            except (ValueError, TypeError) as error:
                raise PermanentError(
                    f"The private key of Snowflake user {self.user} can't be read: SNOWFLAKE_PRIVATE_KEY must be the "
                    "key in PEM form or base64 of that, SNOWFLAKE_PRIVATE_KEY_PATH a PEM file, and "
                    "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE its passphrase if it has one."
                ) from error
            stack.callback(connection.close)
            yield connection  # pyright: ignore[reportReturnType]

    def _stock(self, tag: QueryTag) -> SnowflakeResource:
        from dagster_snowflake import SnowflakeResource

        address: dict[str, object] = {}
        if self.endpoint:
            parts = urlsplit(self.endpoint)
            address = {"host": parts.hostname, "protocol": parts.scheme, "port": parts.port or 443}
        return SnowflakeResource(
            account=self.account,
            user=self.user,
            role=self.role,
            warehouse=self.warehouse,
            database=None if self.clone_of else identifier(self.database),
            private_key=_secret(self.private_key),
            private_key_path=self.private_key_path,
            private_key_password=_secret(self.private_key_passphrase),
            autocommit=True,
            paramstyle="qmark",
            timezone="UTC",
            login_timeout=self.login_timeout_seconds,
            network_timeout=self.network_timeout_seconds,
            additional_snowflake_connection_args={
                "socket_timeout": min(_SOCKET_TIMEOUT_SECONDS, self.network_timeout_seconds),
                "session_parameters": {
                    "QUERY_TAG": tag.to_json(),
                    "STATEMENT_TIMEOUT_IN_SECONDS": self.statement_timeout_seconds,
                    "TIMEZONE": "UTC",
                    # A statement whose client died would otherwise go on and hold its locks.
                    "ABORT_DETACHED_QUERY": True,
                },
                **address,
            },
        )

    def _use_clone(self, session: Session, source: str) -> None:
        if not self._cloned:
            session.execute(environments.clone_statement(self.database, source))
        session.execute(f"USE DATABASE {identifier(self.database)}")
        if not self._cloned and self.clones_views:
            views = [str(view) for (view,) in session.execute(environments.VIEWS, [SCHEMAS["lake"]])]
            for statement in environments.copied_statements(views):
                session.execute(statement)
        self._cloned = True

    def _refused(self, error: Exception) -> PlatformError:
        reason = " ".join(str(error).split())
        if is_transient(error):
            return TransientError(f"Snowflake account {self.account} could not be reached: {reason}")
        return DeploymentError(
            f"Snowflake refused user {self.user} at account {self.account}: {reason}. Check SNOWFLAKE_ACCOUNT, "
            "SNOWFLAKE_USER, SNOWFLAKE_ROLE and that the user's RSA_PUBLIC_KEY belongs to the private key."
        )

    def _failure(self, error: Exception, sql: str) -> PlatformError:
        query_id = getattr(error, "sfqid", None)
        url = self.query_url(query_id) if query_id else None
        where = f" (query {query_id}{f', {url}' if url else ''})" if query_id else ""
        number = getattr(error, "errno", None)
        kind = TransientError if is_transient(error) else DeploymentError if number == _NO_PRIVILEGE else PermanentError
        return kind(
            f"Snowflake could not run '{headline(sql)}'{where}: {' '.join(str(error).split())}",
            code=f"{number:06d}" if isinstance(number, int) and number > 0 else "",
        )


def is_transient(error: Exception) -> bool:
    """Whether the same statement may work on a new connection: connection trouble, 5xx, 429, a session that is gone.

    What Snowflake says of the SQL itself is never transient.
    """
    from snowflake.connector import errors

    number = getattr(error, "errno", None) or 0
    if number in _GONE or number == _TOO_MANY_WAITERS:
        return True
    if isinstance(error, errors.HttpError):
        status = number - _HTTP_ERRNO
        return status in (408, 429) or status >= 500
    if isinstance(error, errors.RevocationCheckError | errors.NonRetryableTlsError):
        return False
    return isinstance(
        error,
        errors.OperationalError
        | errors.InterfaceError
        | errors.InternalServerError
        | errors.ServiceUnavailableError
        | errors.GatewayTimeoutError
        | errors.BadGatewayError
        | errors.RequestTimeoutError
        | errors.TooManyRequests
        | errors.OtherHTTPRetryableError
        | errors.RequestExceedMaxRetryError
        | errors.TokenExpiredError
        | OSError,
    )


def snowflake_warehouse(settings: Settings) -> SnowflakeWarehouse:
    """The account the settings name; a branch deployment gets its own clone of the database, never the database.

    Secrets stay environment variables until a connection is made. The settings have checked that all is there.
    """
    database = environments.database_name(settings)
    return SnowflakeWarehouse(
        account=settings.snowflake_account or "",
        user=settings.snowflake_user or "",
        role=settings.snowflake_role or "",
        warehouse=settings.snowflake_warehouse or "",
        credits_per_hour=settings.snowflake_credits_per_hour,
        database=database,
        clone_of=settings.snowflake_database if database != settings.snowflake_database else None,
        clones_views=settings.snowflake_load == "snowpipe",
        lake_prefix=settings.lake.removeprefix(settings.lake_url or "").strip("/"),
        private_key=dg.EnvVar("SNOWFLAKE_PRIVATE_KEY") if settings.snowflake_private_key else None,
        private_key_path=str(settings.snowflake_private_key_path) if settings.snowflake_private_key_path else None,
        private_key_passphrase=(
            dg.EnvVar("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE") if settings.snowflake_private_key_passphrase else None
        ),
    )


def _secret(value: str | None) -> str | None:
    """The secret itself: Dagster resolves an EnvVar in a run, the command line has to."""
    return value.get_value() if isinstance(value, dg.EnvVar) else value
