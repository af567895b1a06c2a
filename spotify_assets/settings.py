"""Every environment variable, read and validated in one place.

`load_settings()` is the only reader of the environment. A mistake raises SettingsError: one sentence per mistake that
names the variable, the value (never a secret's) and the remedy. Nothing here connects to anything.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from spotify_assets.failures import PermanentError
from spotify_assets.spotify.playlists import parse_playlists

SpotifySource = Literal["api", "sandbox"]
TransformEngineName = Literal["duckdb", "spark", "glue"]
WarehouseName = Literal["snowflake", "embedded"]
SnowflakeLoad = Literal["copy", "snowpipe"]
WithoutSnapshots = Literal["fail", "skip"]
Switch = Literal["on", "off"]


class SettingsError(PermanentError):
    """The environment can't be used as it is. The message has one sentence per mistake."""


class Settings(BaseSettings):
    """The whole configuration. Field names are the variables' names in lower case.

    Build one with `load_settings`, which reads the environment and turns mistakes into SettingsError.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` passes in: a test's environment must not be mixed with the process's."""
        return (init_settings,)

    spotify_assets_home: Path = Path(".spotify_assets")

    spotify_source: SpotifySource | None = None
    spotify_client_id: str | None = None
    spotify_client_secret: SecretStr | None = None
    spotify_refresh_token: SecretStr | None = None
    spotify_consented_on: dt.date | None = None
    spotify_secret_id: str | None = None
    spotify_playlists: Annotated[tuple[str, ...], NoDecode] = ()
    spotify_daily_call_budget: int = Field(default=900, ge=1)
    spotify_concurrency: int = Field(default=12, ge=1, le=32)
    spotify_api_url: str = "https://api.spotify.com/v1"
    spotify_token_url: str = "https://accounts.spotify.com/api/token"

    lake_url: str | None = None
    lake_events_queue_url: str | None = None
    aws_endpoint_url: str | None = None

    transform_engine: TransformEngineName = "duckdb"
    glue_job_name: str = "spotify-assets"
    glue_worker_type: str | None = None
    glue_workers: int | None = Field(default=None, ge=2, le=299)
    glue_timeout_minutes: int = Field(default=120, ge=5, le=2880)
    glue_usd_per_dpu_hour: float = Field(default=0.44, ge=0)
    glue_database: str = "spotify_assets"
    glue_crawler: str | None = None
    athena_workgroup: str = "primary"

    warehouse: WarehouseName | None = None
    snowflake_account: str | None = None
    snowflake_user: str | None = None
    snowflake_private_key: SecretStr | None = None
    snowflake_private_key_path: Path | None = None
    snowflake_private_key_passphrase: SecretStr | None = None
    snowflake_role: str | None = None
    snowflake_warehouse: str | None = None
    snowflake_database: str = "SPOTIFY_ASSETS"
    snowflake_load: SnowflakeLoad = "copy"

    powerbi_tenant_id: str | None = None
    powerbi_client_id: str | None = None
    powerbi_client_secret: SecretStr | None = None
    powerbi_workspace_id: str | None = None
    powerbi_semantic_model_id: str | None = None
    powerbi_refresh_minutes: int = Field(default=60, ge=1)

    partitions_start: dt.date = dt.date(2026, 1, 1)
    dates_without_snapshots: WithoutSnapshots = "fail"

    spotify_assets_automation: Switch = "off"
    extract_cron: str = "0 6 * * *"
    refresh_cron: str = "0 18 * * 0"
    vacuum_cron: str = "0 3 * * *"
    reconcile_cron: str = "0 10 * * *"
    reconcile_all_cron: str = "0 11 * * 0"
    schedule_timezone: str = "UTC"

    alert_webhook_url: SecretStr | None = None
    alert_sns_topic_arn: str | None = None
    dagster_ui_url: str = "http://127.0.0.1:3000"

    dagster_cloud_deployment_name: str | None = None
    dagster_cloud_is_branch_deployment: bool = False
    dagster_cloud_pull_request_id: str | None = None

    @field_validator("spotify_playlists", mode="before")
    @classmethod
    def _split_playlists(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("spotify_api_url", "spotify_token_url", "aws_endpoint_url", "dagster_ui_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
            raise ValueError("use an address that starts with https:// (or http:// for a test server)")
        return value.rstrip("/")

    @field_validator("extract_cron", "refresh_cron", "vacuum_cron", "reconcile_cron", "reconcile_all_cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        from croniter import croniter

        if len(value.split()) != 5 or not croniter.is_valid(value):
            raise ValueError("use a cron expression of five fields, such as '0 6 * * *'")
        return value

    @field_validator("schedule_timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("use a name of the IANA time zone database, such as 'UTC' or 'Europe/Berlin'")
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _webhook(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            cls._web_address(value.get_secret_value())
        return value

    @field_validator("alert_sns_topic_arn")
    @classmethod
    def _topic(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+", value):
            raise ValueError("use a topic's ARN, such as arn:aws:sns:us-east-1:123456789012:alerts")
        return value

    @field_validator("lake_url")
    @classmethod
    def _lake_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "file:///")
        if not (parts.scheme == "file" and parts.path.startswith("/")) and not (parts.scheme == "s3" and parts.netloc):
            raise ValueError("use file:///folder or s3://bucket/prefix")
        return value.rstrip("/") if value else None

    @model_validator(mode="after")
    def _whole_accounts(self) -> Settings:
        problems = [
            *self._spotify_problems(),
            *self._snowflake_problems(),
            *self._deployment_problems(),
            *self._branch_problems(),
            *self._powerbi_problems(),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _spotify_problems(self) -> list[str]:
        problems = []
        if self.source == "api":
            if not self.spotify_client_id:
                problems.append(
                    "SPOTIFY_SOURCE is 'api' but SPOTIFY_CLIENT_ID is not set: set it, or unset "
                    "SPOTIFY_SOURCE to use the sandbox."
                )
            elif not self.spotify_client_secret:
                problems.append(
                    "SPOTIFY_CLIENT_ID is set but SPOTIFY_CLIENT_SECRET is not: set both, or neither to "
                    "use the sandbox."
                )
            if not self.spotify_playlists:
                problems.append(
                    "SPOTIFY_PLAYLISTS is empty: name the playlists to track (ids, URIs or links, "
                    "comma-separated), or set it to 'mine'."
                )
        try:
            parse_playlists(self.spotify_playlists)
        except PermanentError as error:
            problems.append(str(error))
        return problems

    def _snowflake_problems(self) -> list[str]:
        if self.warehouse_name != "snowflake":
            return []
        missing = [
            name.upper()
            for name in ("snowflake_account", "snowflake_user", "snowflake_role", "snowflake_warehouse")
            if not getattr(self, name)
        ]
        problems = []
        if missing:
            problems.append(
                f"WAREHOUSE is 'snowflake' but {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} "
                "not set: set the whole account, or unset SNOWFLAKE_ACCOUNT to use the embedded warehouse."
            )
        if bool(self.snowflake_private_key) == bool(self.snowflake_private_key_path):
            problems.append(
                "Snowflake sign-in needs exactly one of SNOWFLAKE_PRIVATE_KEY and "
                "SNOWFLAKE_PRIVATE_KEY_PATH: set one of them."
            )
        if self.snowflake_private_key_path and not self.snowflake_private_key_path.is_file():
            problems.append(
                f"SNOWFLAKE_PRIVATE_KEY_PATH is '{self.snowflake_private_key_path}', which is not a file: "
                "give the path of the key in PEM form."
            )
        if not self.lake_is_on_s3:
            problems.append(
                "WAREHOUSE is 'snowflake' but LAKE_URL is not on S3, where Snowflake could read it: set "
                "LAKE_URL to s3://bucket/prefix."
            )
        return problems

    def _deployment_problems(self) -> list[str]:
        problems = []
        full = bool(self.dagster_cloud_deployment_name) and not self.dagster_cloud_is_branch_deployment
        if full and self.source == "sandbox":
            problems.append(
                f"Deployment '{self.dagster_cloud_deployment_name}' would run on the sandbox's fictional "
                "data: set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET for this deployment."
            )
        if self.transform_engine == "glue" and not self.lake_is_on_s3:
            problems.append(
                "TRANSFORM_ENGINE is 'glue' but LAKE_URL is not on S3, where Glue could read it: set "
                "LAKE_URL to s3://bucket/prefix, or TRANSFORM_ENGINE to 'duckdb'."
            )
        if self.transform_engine == "spark" and self.lake_is_on_s3:
            problems.append(
                f"TRANSFORM_ENGINE is 'spark' but LAKE_URL is {self.lake_url}, which a local Spark can't "
                "write to: set TRANSFORM_ENGINE to 'glue' or 'duckdb'."
            )
        if self.lake_events_queue_url and not self.lake_is_on_s3:
            problems.append("LAKE_EVENTS_QUEUE_URL is set but LAKE_URL is not on S3: unset the one or set the other.")
        return problems

    def _branch_problems(self) -> list[str]:
        if not self.dagster_cloud_is_branch_deployment:
            return []
        problems = []
        if self.lake_events_queue_url:
            problems.append(
                "LAKE_EVENTS_QUEUE_URL is set in a branch deployment, which would take the full "
                "deployment's messages: scope the variable to the full deployment."
            )
        if self.branch is None:
            problems.append(
                "A branch deployment needs a name of its own to write under, and neither "
                "DAGSTER_CLOUD_PULL_REQUEST_ID nor DAGSTER_CLOUD_DEPLOYMENT_NAME has letters or digits: "
                "deploy it from a pull request."
            )
        return problems

    def _powerbi_problems(self) -> list[str]:
        names = (
            "powerbi_tenant_id",
            "powerbi_client_id",
            "powerbi_client_secret",
            "powerbi_workspace_id",
            "powerbi_semantic_model_id",
        )
        missing = [name.upper() for name in names if not getattr(self, name)]
        if len(missing) == len(names):
            return []
        problems = []
        if missing:
            problems.append(
                f"Power BI is half set up, {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not "
                "set: set every POWERBI_ variable, or none to leave Power BI out."
            )
        if self.warehouse_name != "snowflake":
            problems.append(
                f"Power BI is set up but WAREHOUSE is '{self.warehouse_name}', which Power BI can't "
                "reach: set the Snowflake account, or unset the POWERBI_ variables."
            )
        return problems

    @property
    def home(self) -> Path:
        """The folder where everything local lives, absolute."""
        return self.spotify_assets_home.expanduser().absolute()

    @property
    def source(self) -> SpotifySource:
        """Who answers as Spotify."""
        return self.spotify_source or ("api" if self.spotify_client_id else "sandbox")

    @property
    def warehouse_name(self) -> WarehouseName:
        """Which warehouse loads."""
        return self.warehouse or ("snowflake" if self.snowflake_account else "embedded")

    @property
    def lake(self) -> str:
        """The lake's root as a URL, without a trailing slash; a branch deployment has its own below `branch/`."""
        root = self.lake_url or (self.home / "lake").as_uri()
        return f"{root}/branch/{self.branch}" if self.branch else root

    @property
    def branch(self) -> str | None:
        """What a branch deployment calls everything it writes: its pull request's number, else its own name."""
        if not self.dagster_cloud_is_branch_deployment:
            return None
        name = self.dagster_cloud_pull_request_id or self.dagster_cloud_deployment_name or ""
        return re.sub(r"[^a-z0-9]", "", name.lower()) or None

    @property
    def catalog_database(self) -> str:
        """The Data Catalog's database; a branch deployment has its own."""
        return f"{self.glue_database}_branch_{self.branch}" if self.branch else self.glue_database

    @property
    def powerbi_is_on(self) -> bool:
        """Whether the semantic model is refreshed from here; never by a branch deployment."""
        return bool(self.powerbi_semantic_model_id) and not self.branch

    @property
    def lake_is_on_s3(self) -> bool:
        return (self.lake_url or "").startswith("s3://")

    @property
    def automation_on(self) -> bool:
        """Whether schedules and sensors start switched on; never in a branch deployment."""
        return self.spotify_assets_automation == "on" and not self.dagster_cloud_is_branch_deployment


def load_settings(environment: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environment` (default: the process's). Raises SettingsError naming every mistake.

    `overrides` are variables that come from elsewhere, such as a secret's content, and win.
    An `.env` file is not read here: Dagster and the command line load it into the environment first.
    """
    environment = {**(os.environ if environment is None else environment), **(overrides or {})}
    known = {name: value for name, value in _by_field(environment).items() if value.strip()}
    try:
        return Settings.model_validate(known)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(part, known) for part in error.errors())) from None


def _by_field(environment: Mapping[str, str]) -> dict[str, str]:
    fields = Settings.model_fields
    return {name.lower(): value for name, value in environment.items() if name.isupper() and name.lower() in fields}


def _sentence(error: Mapping[str, object], values: Mapping[str, str]) -> str:
    """One readable sentence of a pydantic error; a secret's value is never repeated."""
    location = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if not isinstance(location, tuple) or not location:
        return message
    field = str(location[0])
    annotation = str(Settings.model_fields[field].annotation)
    shown = "" if "Secret" in annotation else f" is {values.get(field, '')!r}"
    return f"{field.upper()}{shown}: {message[:1].lower()}{message[1:]}."


def java_home() -> Path | None:
    """JAVA_HOME, where Spark looks for its Java first; None when it is not set."""
    value = os.environ.get("JAVA_HOME", "").strip()
    return Path(value) if value else None


# What other tools take from the environment and from nowhere else is set here, for this process and those it starts.


def export_java_home(home: Path) -> None:
    """Make `home` the Java of PySpark."""
    os.environ["JAVA_HOME"] = str(home)


def export_event_batch_size(events: int) -> None:
    """Make Dagster hand up to `events` events at once to its storage, unless the environment says how many."""
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(events))


@contextmanager
def exported_dagster_home(home: Path) -> Iterator[None]:
    """Make `home` the DAGSTER_HOME meanwhile."""
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DAGSTER_HOME"]
        else:
            os.environ["DAGSTER_HOME"] = before
