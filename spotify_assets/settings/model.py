"""Every environment variable: its type, its default, what it means, and the deployments it belongs to.

A field is a variable: its name in lower case. `.env.example` and the tables of the docs are written
from here by `make docs`. What a value must be is decided here; what several must be together in `settings.rules`; how
the environment is read in `settings.reading`. A value that must stay unseen is a `SecretStr`, and nothing else is.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

SpotifySource = Literal["api", "sandbox"]
TransformEngineName = Literal["duckdb", "spark", "glue"]
WarehouseName = Literal["snowflake", "embedded"]
SnowflakeLoad = Literal["copy", "snowpipe"]
WithoutSnapshots = Literal["empty", "fail"]
Switch = Literal["on", "off"]
Platform = Literal["github", "gitlab"]
Storage = Literal["refuse", "allow"]

MAY, MUST, NEVER = "○", "**●**", "–"
"""How a deployment stands to a variable; words may follow."""

DEPLOYMENTS = ("laptop", "full", "branch", "Lambda")


def setting(
    default: Any,
    about: str,
    *,
    example: str = "",
    laptop: str = MAY,
    full: str = MAY,
    branch: str = MAY,
    in_lambda: str = NEVER,
    **bounds: Any,
) -> Any:
    """A field of the settings: `about` says what it means, `example` a value where the default is none.

    `laptop`, `full` and `branch` (Dagster+ deployments) and `in_lambda` say who sets it.
    """
    return Field(
        default=default,
        description=about,
        examples=[example] if example else None,
        json_schema_extra={"deployments": [laptop, full, branch, in_lambda]},
        **bounds,
    )


class _Group(BaseModel):
    """Some settings that belong together; the docstring is their heading wherever they are listed."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class HomeSettings(_Group):
    """Everything local"""

    spotify_assets_home: Path = setting(
        Path(".spotify_assets"),
        "the folder of everything local: lake, warehouse, DAGSTER_HOME",
        full=NEVER,
        branch=NEVER,
    )
    ephemeral_storage: Storage = setting(
        "refuse",
        "`allow`: on Dagster+, lake and warehouse may lie on the container's own disk and are lost with it; for trials",
        laptop=NEVER,
        full="○ trials only",
        branch="○ trials only",
    )

    dashboard_url: str | None = setting(
        None,
        "where browsers open the dashboard, served by `make dev` or by you; unset, `http://127.0.0.1:3001` where the "
        "lake is a folder, else S3's console",
        example="http://127.0.0.1:3001",
    )

    @field_validator("dashboard_url")
    @classmethod
    def _dashboard(cls, value: str | None) -> str | None:
        return value and _web_address(value)

    @field_validator("spotify_assets_home")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        try:
            return value.expanduser()
        except RuntimeError:
            raise ValueError("use a path without '~', whose home folder is not known") from None


class SpotifySettings(_Group):
    """Spotify (unset: the sandbox)"""

    spotify_source: SpotifySource | None = setting(
        None,
        "who answers: `api` or `sandbox`; unset, the API once `SPOTIFY_CLIENT_ID` is set",
        example="sandbox",
        full=NEVER,
        branch="○ `sandbox`: it does not spend the account's calls",
    )
    spotify_client_id: str | None = setting(
        None,
        "the app's id, from developer.spotify.com",
        full=MUST,
        branch="– with the sandbox",
        in_lambda="in the secret",
    )
    spotify_client_secret: SecretStr | None = setting(
        None, "the app's secret", full=MUST, branch="– with the sandbox", in_lambda="in the secret"
    )
    spotify_refresh_token: SecretStr | None = setting(
        None,
        "the account's consent, as `login` prints it; unset, only the app signs in",
        full="○ needed for own playlists",
        branch=NEVER,
        in_lambda="in the secret",
    )
    spotify_consented_on: dt.date | None = setting(
        None,
        "when consent was given, as `login` prints it; a check warns before it ends",
        example="2026-11-01",
        full="○ beside the token",
        branch=NEVER,
        in_lambda="in the secret",
    )
    spotify_secret_id: str | None = setting(
        None, "the Secrets Manager secret with the account", laptop=NEVER, full=NEVER, branch=NEVER, in_lambda=MUST
    )
    spotify_playlists: tuple[str, ...] = setting(
        (),
        "what to track: ids, URIs or links, separated by commas, or `mine`; the sandbox has its own",
        example="mine",
        full=MUST,
        in_lambda=MUST,
    )
    spotify_daily_call_budget: int = setting(900, "calls in any rolling 24 hours, at most", in_lambda=MAY, ge=1)
    spotify_concurrency: int = setting(12, "calls in flight, at most", in_lambda=MAY, ge=1, le=32)
    spotify_api_url: str = setting(
        "https://api.spotify.com/v1", "the Web API; another for a proxy or a test server", full=NEVER, branch=NEVER
    )
    spotify_token_url: str = setting(
        "https://accounts.spotify.com/api/token",
        "where tokens are given; another for a proxy or a test server",
        full=NEVER,
        branch=NEVER,
    )

    @field_validator("spotify_playlists", mode="before")
    @classmethod
    def _split_playlists(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("spotify_consented_on", mode="before")
    @classmethod
    def _consent_date(cls, value: object) -> object:
        return _iso_date(value)

    @field_validator("spotify_api_url", "spotify_token_url")
    @classmethod
    def _spotify_address(cls, value: str) -> str:
        return _web_address(value)


class LakeSettings(_Group):
    """The lake (unset: a folder under the home)"""

    lake_url: str | None = setting(
        None,
        "`s3://bucket/prefix` or `file:///folder`; AWS credentials the standard way",
        example="s3://my-bucket/spotify",
        full=MUST,
        branch="**●** the same; it writes below `branch/<pr>`",
        in_lambda=MUST,
    )
    lake_events_queue_url: str | None = setting(
        None,
        "an SQS queue fed by S3's notifications, to hear of new objects",
        example="https://sqs.eu-west-1.amazonaws.com/123456789012/spotify-assets",
        laptop=NEVER,
        branch="– it would take the full deployment's messages",
    )
    aws_endpoint_url: str | None = setting(
        None, "another S3 than AWS's", example="http://127.0.0.1:9000", full=NEVER, branch=NEVER
    )
    aws_region: str | None = setting(
        None,
        "where the bucket, Glue and Athena are",
        example="eu-west-1",
        full="**●** or the next",
        branch="**●** or the next",
        in_lambda="by AWS",
    )
    aws_default_region: str | None = setting(
        None, "the same, by its older name", example="eu-west-1", in_lambda="by AWS"
    )

    @field_validator("aws_endpoint_url")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        return value and _web_address(value)

    @field_validator("lake_url")
    @classmethod
    def _lake_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "file:///")
        if not (parts.scheme == "file" and parts.path.startswith("/")) and not (parts.scheme == "s3" and parts.netloc):
            raise ValueError("use file:///folder or s3://bucket/prefix")
        return value.rstrip("/") if value else None


class EngineSettings(_Group):
    """The engine, Glue and Athena"""

    transform_engine: TransformEngineName = setting("duckdb", "what builds the tables: `duckdb`, `spark` or `glue`")
    glue_job_name: str = setting("spotify-assets", "the Glue job, made by the stack or `glue deploy`")
    glue_worker_type: str | None = setting(
        None, "of every run, and of the job that `glue deploy` makes (new: `G.1X`)", example="G.1X", laptop=NEVER
    )
    glue_workers: int | None = setting(
        None, "of every run, and of the job that `glue deploy` makes (new: 2)", example="2", laptop=NEVER, ge=2, le=299
    )
    glue_timeout_minutes: int = setting(120, "after which Glue stops a run", laptop=NEVER, ge=5, le=2880)
    glue_usd_per_dpu_hour: float = setting(
        0.44, "Glue's price in your region, for the plotted estimate", laptop=NEVER, ge=0
    )
    glue_database: str | None = setting(
        None,
        "switches the Data Catalog on: the database of the lake's tables there",
        example="spotify_assets",
        laptop=NEVER,
        full="○ output of the stack",
        branch="○ the same; it writes to `<database>_branch_<pr>`",
    )
    glue_crawler: str | None = setting(
        None,
        "a crawler of yours to start after a build",
        laptop=NEVER,
        full="○ only for a crawler of yours",
        branch=NEVER,
    )
    athena_workgroup: str | None = setting(
        None,
        "switches Athena on: the workgroup of its queries, which says where their results go",
        example="spotify-assets",
        laptop=NEVER,
        full="○ output of the stack",
    )


class WarehouseSettings(_Group):
    """The warehouse (unset: embedded)"""

    warehouse: WarehouseName | None = setting(
        None,
        "`embedded` or `snowflake`; unset, Snowflake once `SNOWFLAKE_ACCOUNT` is set",
        example="embedded",
    )
    snowflake_account: str | None = setting(
        None, "the account's identifier", example="myorg-myaccount", full=MUST, branch=MUST
    )
    snowflake_user: str | None = setting(None, "the user that loads", full=MUST, branch=MUST)
    snowflake_private_key: SecretStr | None = setting(
        None, "its private key, PEM or base64", full="**●** or the next", branch="**●** or the next"
    )
    snowflake_private_key_path: Path | None = setting(
        None,
        "or the file that holds it",
        example="snowflake_key.p8",
        full="○ a mounted file",
        branch="○ a mounted file",
    )
    snowflake_private_key_passphrase: SecretStr | None = setting(
        None, "where the key is encrypted", full=NEVER, branch=NEVER
    )
    snowflake_role: str | None = setting(
        None, "the role that loads", example="SPOTIFY_ASSETS_LOADER", full=MUST, branch=MUST
    )
    snowflake_warehouse: str | None = setting(
        None, "the warehouse that computes", example="SPOTIFY_ASSETS", full=MUST, branch=MUST
    )
    snowflake_database: str = setting(
        "SPOTIFY_ASSETS", "the database", branch="○ the same; it works on the clone `<database>_PR_<pr>`"
    )
    snowflake_credits_per_hour: float = setting(
        1.0, "of the warehouse's size (X-Small 1, Small 2, Medium 4, …), for the plotted estimate", laptop=NEVER, gt=0
    )
    snowflake_load: SnowflakeLoad = setting("copy", "how rows arrive: `copy` or `snowpipe`")
    steps_at_once: int = setting(
        1,
        "steps of a run side by side on Snowflake, each in a process of its own; 1: one after the other, in one",
        laptop=NEVER,
        ge=1,
        le=8,
    )


class PowerBISettings(_Group):
    """Power BI's semantic model (all or none; refreshed after the marts)"""

    powerbi_tenant_id: str | None = setting(None, "the tenant", laptop=NEVER, branch=NEVER)
    powerbi_client_id: str | None = setting(None, "the app that refreshes", laptop=NEVER, branch=NEVER)
    powerbi_client_secret: SecretStr | None = setting(None, "its secret", laptop=NEVER, branch=NEVER)
    powerbi_workspace_id: str | None = setting(None, "the workspace", laptop=NEVER, branch=NEVER)
    powerbi_semantic_model_id: str | None = setting(None, "the semantic model", laptop=NEVER, branch=NEVER)
    powerbi_refresh_minutes: int = setting(60, "how long a refresh may take", laptop=NEVER, branch=NEVER, ge=1)


class HistorySettings(_Group):
    """The history"""

    partitions_start: dt.date = setting(dt.date(2026, 1, 1), "the first snapshot date", branch="○ the same as full")
    dates_without_snapshots: WithoutSnapshots = setting(
        "empty",
        "`empty`: a date without raw snapshots has no rows, and a warning; `fail`: it fails the run, after the rest",
    )

    rebuild_outdated: Switch = setting(
        "off", "`on`: dates that other code built are built again by sensors and `build`; on Glue that is billed"
    )

    @field_validator("dates_without_snapshots", mode="before")
    @classmethod
    def _empty_by_its_older_name(cls, value: object) -> object:
        return "empty" if value == "skip" else value

    @field_validator("partitions_start", mode="before")
    @classmethod
    def _first_date(cls, value: object) -> object:
        return _iso_date(value)


class AutomationSettings(_Group):
    """Schedules and sensors"""

    spotify_assets_automation: Switch = setting(
        "off",
        "`on`: schedules and sensors start switched on",
        full="**●** `on`; `off` to switch them on in the UI",
        branch="– they stay off",
    )
    extract_cron: str = setting("0 6 * * *", "when snapshots are taken", branch=NEVER, in_lambda="by the stack")
    refresh_cron: str = setting("0 18 * * 0", "when every playlist is read anew", branch=NEVER)
    vacuum_cron: str = setting("0 3 * * *", "when superseded files are removed", branch=NEVER)
    reconcile_cron: str = setting("0 10 * * *", "when the lake and the warehouse are compared", branch=NEVER)
    reconcile_all_cron: str = setting("0 11 * * 0", "when every date of them is", branch=NEVER)
    weekly_digest_cron: str | None = setting(
        None,
        "when the weekly digest is sent through the alert channel; unset, never",
        example="0 8 * * 1",
        branch=NEVER,
    )
    schedule_timezone: str = setting("UTC", "of these six", branch=NEVER, in_lambda="by the stack")

    @field_validator(
        "extract_cron", "refresh_cron", "vacuum_cron", "reconcile_cron", "reconcile_all_cron", "weekly_digest_cron"
    )
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        from croniter import croniter

        if value is None:
            return None
        if len(value.split()) != 5 or not croniter.is_valid(value):
            raise ValueError("use a cron expression of five fields, such as '0 6 * * *'")
        return value

    @field_validator("schedule_timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("use a name of the IANA time zone database, such as 'UTC' or 'Europe/Berlin'")
        return value


class AlertSettings(_Group):
    """Alerts: one message per incident, with cause, link and remedy"""

    alert_webhook_url: SecretStr | None = setting(
        None, "a webhook (Slack, Teams)", branch=NEVER, in_lambda="by the stack"
    )
    alert_sns_topic_arn: str | None = setting(
        None,
        "or an SNS topic",
        example="arn:aws:sns:eu-west-1:123456789012:alerts",
        branch=NEVER,
        in_lambda="by the stack",
    )
    dagster_ui_url: str = setting("http://127.0.0.1:3000", "the UI that the messages link to", branch=NEVER)

    @field_validator("dagster_ui_url")
    @classmethod
    def _ui(cls, value: str) -> str:
        return _web_address(value)

    @field_validator("alert_webhook_url")
    @classmethod
    def _webhook(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _web_address(value.get_secret_value())
        return value

    @field_validator("alert_sns_topic_arn")
    @classmethod
    def _topic(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+", value):
            raise ValueError("use a topic's ARN, such as arn:aws:sns:us-east-1:123456789012:alerts")
        return value


class DagsterPlusSettings(_Group):
    """Set by Dagster+"""

    dagster_cloud_deployment_name: str | None = setting(
        None, "the deployment", laptop=NEVER, full="by Dagster+", branch="by Dagster+"
    )
    dagster_cloud_is_branch_deployment: bool = setting(
        False, "whether it is a branch's", laptop=NEVER, full="by Dagster+", branch="by Dagster+"
    )
    dagster_cloud_organization: str | None = setting(
        None, "the organization, for the links of alerts", laptop=NEVER, full="○ or `DAGSTER_UI_URL`"
    )
    dagster_cloud_pull_request_id: str | None = setting(
        None, "the pull request", laptop=NEVER, full="by Dagster+", branch="by Dagster+"
    )
    dagster_cloud_git_url: str | None = setting(
        None, "the repository of the code", laptop=NEVER, full="by Dagster+", branch="by Dagster+"
    )
    dagster_cloud_git_repo: str | None = setting(
        None, "its owner and name", laptop=NEVER, full="by Dagster+", branch="by Dagster+"
    )
    dagster_cloud_git_sha: str | None = setting(
        None, "the commit", laptop=NEVER, full="by Dagster+", branch="by Dagster+"
    )
    dagster_cloud_git_branch: str | None = setting(
        None, "or its branch", laptop=NEVER, full="by Dagster+", branch="by Dagster+"
    )


class Settings(
    HomeSettings,
    SpotifySettings,
    LakeSettings,
    EngineSettings,
    WarehouseSettings,
    PowerBISettings,
    HistorySettings,
    AutomationSettings,
    AlertSettings,
    DagsterPlusSettings,
):
    """The whole configuration, checked. Build one with `load_settings`, which turns mistakes into SettingsError."""

    @model_validator(mode="before")
    @classmethod
    def _ui_of_dagster_plus(cls, given: Any) -> Any:
        """On Dagster+ the UI's address follows from the organization and the deployment, unless it is given."""
        organization, deployment = given.get("dagster_cloud_organization"), given.get("dagster_cloud_deployment_name")
        if organization and deployment and "dagster_ui_url" not in given:
            return {**given, "dagster_ui_url": f"https://{organization}.dagster.cloud/{deployment}"}
        return given

    @property
    def home(self) -> Path:
        """The folder where everything local lives, absolute."""
        return self.spotify_assets_home.absolute()

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
    def dashboard_address(self) -> str | None:
        """Where the dashboard is served, without a trailing slash; None where S3's console shows it."""
        return self.dashboard_url or (None if self.lake_is_on_s3 else "http://127.0.0.1:3001")

    @property
    def dagster_plus(self) -> str | None:
        """The Dagster+ deployment this is, as a sentence may begin with it; None elsewhere."""
        if self.dagster_cloud_is_branch_deployment:
            return f"Branch deployment '{self.branch or '?'}'"
        name = self.dagster_cloud_deployment_name
        return f"Deployment '{name}'" if name else None

    @property
    def source_code(self) -> tuple[str, str, Platform] | None:
        """(the repository's address, commit or branch, whose site it is) of the deployed code, as Dagster+ says."""
        url = self.dagster_cloud_git_url or ""
        if not url and self.dagster_cloud_git_repo:
            url = f"https://github.com/{self.dagster_cloud_git_repo}"
        base = re.split(r"/-/|/(?:tree|commit|blob)/", url.removesuffix("/").removesuffix(".git"))[0]
        ref = self.dagster_cloud_git_sha or self.dagster_cloud_git_branch
        if not base.startswith("https://") or not ref:
            return None
        return base, ref, "gitlab" if "gitlab" in base else "github"

    @property
    def catalog_database(self) -> str | None:
        """The Data Catalog's database, None where there is no catalog; a branch deployment has its own."""
        return (
            f"{self.glue_database}_branch_{self.branch}" if self.glue_database and self.branch else self.glue_database
        )

    @property
    def powerbi_is_on(self) -> bool:
        """Whether the semantic model is refreshed from here; never by a branch deployment."""
        return bool(self.powerbi_semantic_model_id) and not self.branch

    @property
    def loads_by_pipe(self) -> bool:
        """Whether Snowpipe fills the lake's tables in the warehouse, and no run does.

        Never in a branch deployment: a clone's pipes would point at production's path, so branches load by COPY.
        """
        return self.warehouse_name == "snowflake" and self.snowflake_load == "snowpipe" and not self.branch

    @property
    def lake_is_on_s3(self) -> bool:
        return (self.lake_url or "").startswith("s3://")

    @property
    def automation_on(self) -> bool:
        """Whether schedules and sensors start switched on; never in a branch deployment."""
        return self.spotify_assets_automation == "on" and not self.dagster_cloud_is_branch_deployment


def groups() -> tuple[type[BaseModel], ...]:
    """The settings group by group, in the order in which they are listed everywhere."""
    return tuple(base for base in Settings.__bases__ if issubclass(base, BaseModel))


def is_secret(variable: str) -> bool:
    """Whether the value of `variable` (a field's name) must stay unseen: its type is SecretStr."""
    annotation = Settings.model_fields[variable].annotation
    return annotation is SecretStr or SecretStr in get_args(annotation)


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("use an address that starts with https:// (or http:// for a test server)")
    return value.rstrip("/")


def _iso_date(value: object) -> object:
    """A text is a date written out, never a count of seconds, which pydantic would take digits for."""
    if not isinstance(value, str):
        return value
    try:
        return dt.date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("use a date such as 2026-01-31") from None
