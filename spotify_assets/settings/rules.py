"""What several settings must be together: whole accounts, ends that can reach each other, deployments kept apart."""

from __future__ import annotations

from collections.abc import Sequence

from spotify_assets.failures import PermanentError
from spotify_assets.settings.model import Settings
from spotify_assets.spotify.playlists import parse_playlists

_POWERBI = (
    "powerbi_tenant_id",
    "powerbi_client_id",
    "powerbi_client_secret",
    "powerbi_workspace_id",
    "powerbi_semantic_model_id",
)


def mistakes(settings: Settings) -> list[PermanentError]:
    """Every mistake in how the settings stand to each other, with its remedy."""
    return [
        *_spotify(settings),
        *_snowflake(settings),
        *_executor(settings),
        *_reach(settings),
        *_dagster_plus(settings),
        *_branch(settings),
        *_powerbi(settings),
    ]


def _spotify(settings: Settings) -> list[PermanentError]:
    problems = []
    if settings.source == "api":
        if not settings.spotify_client_id:
            problems.append(
                PermanentError(
                    "SPOTIFY_SOURCE is 'api' but SPOTIFY_CLIENT_ID is not set",
                    remedy="set it, or unset SPOTIFY_SOURCE to use the sandbox",
                )
            )
        elif not settings.spotify_client_secret:
            problems.append(
                PermanentError(
                    "SPOTIFY_CLIENT_ID is set but SPOTIFY_CLIENT_SECRET is not",
                    remedy="set both, or neither to use the sandbox",
                )
            )
        if not settings.spotify_playlists:
            problems.append(
                PermanentError(
                    "SPOTIFY_PLAYLISTS is empty",
                    remedy="name the playlists to track (ids, URIs or links, comma-separated), or set it to 'mine'",
                )
            )
    try:
        parse_playlists(settings.spotify_playlists)
    except PermanentError as error:
        problems.append(error)
    return problems


def _snowflake(settings: Settings) -> list[PermanentError]:
    if settings.warehouse_name != "snowflake":
        return []
    missing = _unset(settings, ("snowflake_account", "snowflake_user", "snowflake_role", "snowflake_warehouse"))
    problems = []
    if missing:
        problems.append(
            PermanentError(
                f"WAREHOUSE is 'snowflake' but {_are(missing)} not set",
                remedy="set the whole account, or unset SNOWFLAKE_ACCOUNT to use the embedded warehouse",
            )
        )
    if bool(settings.snowflake_private_key) == bool(settings.snowflake_private_key_path):
        how = "both are" if settings.snowflake_private_key else "neither is"
        problems.append(
            PermanentError(
                "Snowflake sign-in needs exactly one of SNOWFLAKE_PRIVATE_KEY and SNOWFLAKE_PRIVATE_KEY_PATH, and "
                f"{how} set",
                remedy="set one of them",
            )
        )
    if settings.snowflake_private_key_path and not settings.snowflake_private_key_path.is_file():
        problems.append(
            PermanentError(
                f"SNOWFLAKE_PRIVATE_KEY_PATH is '{settings.snowflake_private_key_path}', which is not a file",
                remedy="give the path of the key in PEM form",
            )
        )
    if not settings.lake_is_on_s3:
        problems.append(
            PermanentError(
                "WAREHOUSE is 'snowflake' but LAKE_URL is not on S3, where Snowflake could read it",
                remedy="set LAKE_URL to s3://bucket/prefix",
            )
        )
    return problems


def _executor(settings: Settings) -> list[PermanentError]:
    if settings.steps_at_once == 1 or settings.warehouse_name == "snowflake":
        return []
    return [
        PermanentError(
            f"STEPS_AT_ONCE is {settings.steps_at_once} but the embedded warehouse has one writer",
            remedy="unset it, or load into Snowflake",
        )
    ]


def _reach(settings: Settings) -> list[PermanentError]:
    problems = []
    if settings.transform_engine == "glue" and not settings.lake_is_on_s3:
        problems.append(
            PermanentError(
                "TRANSFORM_ENGINE is 'glue' but LAKE_URL is not on S3, where Glue could read it",
                remedy="set LAKE_URL to s3://bucket/prefix, or TRANSFORM_ENGINE to 'duckdb'",
            )
        )
    if settings.transform_engine == "spark" and settings.lake_is_on_s3:
        problems.append(
            PermanentError(
                f"TRANSFORM_ENGINE is 'spark' but LAKE_URL is {settings.lake_url}, which a local Spark can't write to",
                remedy="set TRANSFORM_ENGINE to 'glue' or 'duckdb'",
            )
        )
    if settings.glue_database and not settings.lake_is_on_s3:
        problems.append(
            PermanentError(
                "GLUE_DATABASE is set but LAKE_URL is not on S3, the only place the Data Catalog can name",
                remedy="unset the one or set the other",
            )
        )
    for name, value in (("ATHENA_WORKGROUP", settings.athena_workgroup), ("GLUE_CRAWLER", settings.glue_crawler)):
        if value and not settings.glue_database:
            problems.append(
                PermanentError(
                    f"{name} is set but GLUE_DATABASE, the catalog it works on, is not",
                    remedy=f"set GLUE_DATABASE, or unset {name}",
                )
            )
    if settings.lake_events_queue_url and not settings.lake_is_on_s3:
        problems.append(
            PermanentError(
                "LAKE_EVENTS_QUEUE_URL is set but LAKE_URL is not on S3", remedy="unset the one or set the other"
            )
        )
    return problems


_TRIAL = "or EPHEMERAL_STORAGE to 'allow' for a trial whose data may be lost"


def _dagster_plus(settings: Settings) -> list[PermanentError]:
    """What every Dagster+ deployment owes: storage that outlives its containers, and to say what it is."""
    where = settings.dagster_plus
    if where is None:
        return []
    problems = []
    if settings.ephemeral_storage == "refuse":
        if not settings.lake_is_on_s3:
            problems.append(
                PermanentError(
                    f"{where} would keep the lake on its container's own disk, and days that can't be had again would "
                    f"be lost with it: LAKE_URL is {settings.lake_url or 'not set'}",
                    remedy=f"set LAKE_URL to s3://bucket/prefix, {_TRIAL}",
                )
            )
        if settings.warehouse_name == "embedded":
            why = "WAREHOUSE is 'embedded'" if settings.warehouse else "SNOWFLAKE_ACCOUNT is not set"
            problems.append(
                PermanentError(
                    f"{where} would keep the warehouse on its container's own disk, which the next run does not see: "
                    f"{why}",
                    remedy=f"load into a Snowflake account, {_TRIAL}",
                )
            )
    if settings.lake_is_on_s3 and not (settings.aws_region or settings.aws_default_region):
        problems.append(
            PermanentError(
                f"{where} does not say where its bucket is: neither AWS_REGION nor AWS_DEFAULT_REGION is set",
                remedy="set AWS_REGION to the bucket's region",
            )
        )
    if settings.dagster_cloud_is_branch_deployment:
        return problems
    if settings.source == "sandbox":
        problems.append(
            PermanentError(
                f"{where} would run on the sandbox's fictional data",
                remedy="set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET for this deployment",
            )
        )
    unknown = not settings.dagster_cloud_organization and "dagster_ui_url" not in settings.model_fields_set
    if _alerts(settings) and unknown:
        problems.append(
            PermanentError(
                f"{where} would send alerts whose links lead nowhere: its UI's address is not known",
                remedy="set DAGSTER_CLOUD_ORGANIZATION, or DAGSTER_UI_URL",
            )
        )
    if "spotify_assets_automation" not in settings.model_fields_set:
        problems.append(
            PermanentError(
                f"{where} does not say whether schedules and sensors run, without which no day is kept: "
                "SPOTIFY_ASSETS_AUTOMATION is not set",
                remedy="set it to 'on', or to 'off' and switch them on in the UI",
            )
        )
    return problems


def _alerts(settings: Settings) -> bool:
    return bool(settings.alert_webhook_url or settings.alert_sns_topic_arn)


def _branch(settings: Settings) -> list[PermanentError]:
    if not settings.dagster_cloud_is_branch_deployment:
        return []
    problems = []
    if settings.lake_events_queue_url:
        problems.append(
            PermanentError(
                "LAKE_EVENTS_QUEUE_URL is set in a branch deployment, which would take the full deployment's messages",
                remedy="scope the variable to the full deployment",
            )
        )
    if settings.branch is None:
        problems.append(
            PermanentError(
                "A branch deployment needs a name of its own to write under, and neither "
                "DAGSTER_CLOUD_PULL_REQUEST_ID nor DAGSTER_CLOUD_DEPLOYMENT_NAME has letters or digits",
                remedy="deploy it from a pull request",
            )
        )
    return problems


def _powerbi(settings: Settings) -> list[PermanentError]:
    missing = _unset(settings, _POWERBI)
    if len(missing) == len(_POWERBI):
        return []
    problems = []
    if missing:
        problems.append(
            PermanentError(
                f"Power BI is half set up, {_are(missing)} not set",
                remedy="set every POWERBI_ variable, or none to leave Power BI out",
            )
        )
    if settings.warehouse_name != "snowflake":
        problems.append(
            PermanentError(
                f"Power BI is set up but WAREHOUSE is '{settings.warehouse_name}', which Power BI can't reach",
                remedy="set the Snowflake account, or unset the POWERBI_ variables",
            )
        )
    return problems


def _unset(settings: Settings, fields: Sequence[str]) -> list[str]:
    return [name.upper() for name in fields if not getattr(settings, name)]


def _are(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
