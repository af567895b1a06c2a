"""The composition root: what this code location holds, and only that.

`build_defs(settings)` assembles every asset, check, job, schedule, sensor and resource; tests, the command line, the
component and somebody else's code call it with settings of their own or with replaced resources. What cuts across
layers (`conventions`, freshness) is applied here. `defs` is the code location of the environment's settings.
Loading needs no network, no environment variable and no Java.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import dagster as dg

from spotify_assets.assets.catalog import catalog_assets
from spotify_assets.assets.dashboard import dashboard_assets
from spotify_assets.assets.lake import lake_assets
from spotify_assets.assets.marts import mart_assets
from spotify_assets.assets.powerbi import powerbi_assets
from spotify_assets.assets.raw import raw_assets
from spotify_assets.assets.warehouse import dimension_assets, lake_load_assets, landed_lake_assets
from spotify_assets.automation.freshness import freshness
from spotify_assets.automation.root import automation
from spotify_assets.automation.snowpipe import snowpipe_checks
from spotify_assets.checks.catalog import catalog_checks
from spotify_assets.checks.dashboard import dashboard_checks
from spotify_assets.checks.lake import lake_checks
from spotify_assets.checks.raw import raw_checks
from spotify_assets.checks.warehouse import loads_asset, warehouse_checks
from spotify_assets.conventions import conventional, with_code_links
from spotify_assets.executors import executor_for
from spotify_assets.lake import state
from spotify_assets.names import Names
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.root import resources
from spotify_assets.settings import Settings, load_settings
from spotify_assets.storage.object_store import ObjectStore


def following_the_archive(settings: Settings) -> Settings:
    """The settings with the first partition at the lake's earliest date, where the lake is in the home."""
    lake = settings.home / "lake"
    if settings.lake_url is not None or not lake.is_dir():
        return settings
    days = state.raw_days(ObjectStore.open(lake.as_uri()))
    return settings.model_copy(update={"partitions_start": min([settings.partitions_start, *days[:1]])})


@contextmanager
def knowingly() -> Iterator[None]:
    """Dagster's beta and preview features are used knowingly, on a pinned version: it need not say so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        yield


@knowingly()
def build_defs(
    settings: Settings,
    overrides: Mapping[str, object] | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
    *,
    key_prefix: str | Sequence[str] = (),
) -> dg.Definitions:
    """Everything, for `settings`. `overrides` replaces resources by name, `loggers` Dagster's own.

    With `key_prefix`, such as `music` or `["music", "rock"]`, every asset key begins with it and so does every name, so
    that it stands beside another instance or anything else in one code location. Raises PermanentError for a prefix
    that can't be one. Its jobs bring their executor; the one of the code location is left to whom it belongs to.
    """
    names = Names.of(key_prefix)
    settings = following_the_archive(settings)
    partitions = snapshot_dates(settings.partitions_start)
    without = settings.dates_without_snapshots
    athena = settings.athena_workgroup is not None
    assets = [
        *raw_assets(partitions, names),
        *lake_assets(
            partitions,
            settings.transform_engine,
            without,
            rebuild_outdated=settings.rebuild_outdated == "on",
            names=names,
        ),
        *(
            landed_lake_assets(partitions, names)
            if settings.loads_by_pipe
            else lake_load_assets(partitions, without, names)
        ),
        loads_asset(names),
        *dimension_assets(names),
        *mart_assets(names),
        *dashboard_assets(names, settings.dashboard_address),
        *(
            catalog_assets(partitions, settings.glue_crawler, without, athena=athena, names=names)
            if settings.catalog_database
            else []
        ),
        *(powerbi_assets(names) if settings.powerbi_is_on else []),
    ]
    checks = [
        *raw_checks(partitions, settings, names=names),
        *lake_checks(partitions, names),
        *warehouse_checks(partitions, by_pipe=settings.loads_by_pipe, names=names),
        *(snowpipe_checks(names) if settings.loads_by_pipe else []),
        *dashboard_checks(names),
        *(catalog_checks(partitions, athena=athena, names=names) if settings.catalog_database else []),
    ]
    own = [definition.check_specs for definition in [*assets, *checks] if isinstance(definition, dg.AssetsDefinition)]
    keys = [key for one in assets for key in (one.keys if isinstance(one, dg.AssetsDefinition) else [one.key])]
    runs = automation(
        settings, partitions, keys, [spec.key for specs in own for spec in specs], names, executor_for(settings)
    )
    defs = dg.Definitions(
        assets=with_code_links(assets, settings),
        asset_checks=checks,
        jobs=runs.jobs,
        schedules=runs.schedules,
        sensors=runs.sensors,
        resources={names.called(name): one for name, one in {**resources(settings), **(overrides or {})}.items()},
        loggers=loggers,
    )
    return defs.map_asset_specs(func=_with_policies(settings, names))


def _with_policies(settings: Settings, names: Names) -> Callable[[dg.AssetSpec], dg.AssetSpec]:
    policy = freshness(settings.extract_cron, settings.schedule_timezone)

    def applied(spec: dg.AssetSpec) -> dg.AssetSpec:
        spec = conventional(spec, settings, names)
        if spec.key == names.loads:  # written by the loads and materialized by nobody: it would be UNKNOWN for ever
            return spec
        return dg.apply_freshness_policy(spec, policy, overwrite_existing=False)

    return applied


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of the environment's settings, made when Dagster loads it and not when this is imported.

    Dagster copies jobs when they run, and would say each time which of their parameters are beta.
    """
    warnings.simplefilter("ignore", dg.BetaWarning)
    settings = load_settings()
    return dg.Definitions.merge(build_defs(settings), dg.Definitions(executor=executor_for(settings)))
