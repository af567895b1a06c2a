"""What one instance of this platform is called in a code location: the one maker of asset keys and of names.

Two instances, or one beside somebody's own definitions, must share no asset key and no name of a job, op, schedule,
sensor, pool, group or resource: all of them are made here from a prefix, which is empty where the platform has a code
location to itself. Where data lies and what tables are called has nothing to do with it.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_type_hints

import dagster as dg

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.failures import PermanentError
from spotify_assets.private import job_assets

EXTRACT = "extract_playlists"
BUILD = "build_history"
LOAD = "load_warehouse"
REFRESH = "refresh_analytics"
ADOPT = "adopt_landing"
VACUUM = "vacuum"
VACUUM_LANDING = "vacuum_landing"
RECONCILE_RECENT = "reconcile_recent_dates"
RECONCILE_ALL = "reconcile_all_dates"
REBUILD = "rebuild_warehouse"
DROP_BRANCH = "drop_branch_database"
SEND_DIGEST = "send_weekly_digest"

JOBS = (
    EXTRACT,
    BUILD,
    LOAD,
    REFRESH,
    ADOPT,
    VACUUM,
    VACUUM_LANDING,
    RECONCILE_RECENT,
    RECONCILE_ALL,
    REBUILD,
    DROP_BRANCH,
    SEND_DIGEST,
)
"""Every job there may be, without a prefix; which of them there are is a matter of settings."""

RESOURCES = ("spotify", "lake", "engine", "warehouse", "catalog", "athena", "powerbi")
"""Every resource there may be, without a prefix: what an argument of that name asks for."""

_PART = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Names:
    """The keys and names of one instance. `prefix` comes before every asset key, part by part, and every name."""

    prefix: tuple[str, ...] = ()

    @classmethod
    def of(cls, key_prefix: str | Sequence[str]) -> Names:
        """Those with a prefix such as `music/rock` or `["music", "rock"]`. Raises PermanentError for one that is none.

        A part has letters, digits and `_` and begins with a letter, as names in Dagster and arguments in Python must.
        """
        parts = tuple(key_prefix.split("/")) if isinstance(key_prefix, str) and key_prefix else tuple(key_prefix)
        if not all(isinstance(part, str) and _PART.fullmatch(part) for part in parts):
            raise PermanentError(
                f"key_prefix is {key_prefix!r}",
                remedy="use parts of letters, digits and _ that begin with a letter, such as 'music/rock'",
            )
        return cls(parts)

    def called(self, name: str) -> str:
        """The name in Dagster of the job, op, schedule, sensor, pool, group or resource that is `name` by itself."""
        return "__".join((*self.prefix, name))

    def uncalled(self, called: str) -> str:
        """The name that `called` made this of."""
        return called.removeprefix(self.called(""))

    def key(self, *path: str) -> dg.AssetKey:
        """The asset key at `path`; what there is has a name below."""
        return dg.AssetKey([*self.prefix, *path])

    @property
    def snapshots(self) -> dg.AssetKey:
        """The raw layer's one asset."""
        return self.key("raw", "playlist_snapshots")

    def lake(self, table: str) -> dg.AssetKey:
        """A table of the lake."""
        return self.key("lake", table)

    def catalog(self, table: str) -> dg.AssetKey:
        """A table in the Data Catalog."""
        return self.key("glue_catalog", table)

    @property
    def crawler(self) -> dg.AssetKey:
        return self.key("glue_catalog", "crawler")

    @property
    def named_queries(self) -> dg.AssetKey:
        return self.key("athena", "named_queries")

    def warehouse(self, layer: str, table: str) -> dg.AssetKey:
        """A table of the warehouse: where it lives. `layer` is `lake`, `spotify` or `analytics`."""
        return self.key("snowflake", layer, table)

    @property
    def loads(self) -> dg.AssetKey:
        """The record of loads. Not under `snowflake/lake`: whoever selects the tables must not select the
        reconciliation of all dates with them."""
        return self.key("warehouse_loads")

    @property
    def dashboard(self) -> dg.AssetKey:
        return self.key("dashboard")

    @property
    def semantic_model(self) -> dg.AssetKey:
        return self.key("powerbi", "semantic_model")

    @functools.cached_property
    def assets(self) -> AbstractSet[dg.AssetKey]:
        """Every asset there may be; which of them there are is a matter of settings."""
        return frozenset(
            [
                self.snapshots,
                *map(self.lake, LAKE_TABLES),
                *map(self.catalog, LAKE_TABLES),
                self.crawler,
                self.named_queries,
                *(self.warehouse("lake", table) for table in LAKE_TABLES),
                *(self.warehouse("spotify", table) for table in DIMENSIONS),
                *(self.warehouse("analytics", table) for table in MARTS),
                self.loads,
                self.dashboard,
                self.semantic_model,
            ]
        )

    def owns(self, run: dg.DagsterRun, repository: dg.RepositoryDefinition | None = None) -> bool:
        """Whether `run` is of one of the instance's jobs, or of one of its assets or their checks.

        A run of somebody else's whole job is judged by that job's assets, where `repository` knows it.
        """
        if run.job_name in map(self.called, JOBS):
            return True
        chosen = {*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())}
        if not chosen and repository is not None and repository.has_job(run.job_name):
            chosen = {*job_assets(repository.get_job(run.job_name))}
        return not self.assets.isdisjoint(chosen)

    def bound(self, function: _Function) -> _Function:
        """Decorates the function of an asset, check, op or sensor: its resources are those of this instance.

        Dagster finds a resource by the name of an argument; this gives the arguments the names that the instance's
        resources have (Dagster reads an explicit `__signature__`, `_core/decorator_utils.py`).
        """
        signature = inspect.signature(function)
        own = {self.called(name): name for name in RESOURCES if name in signature.parameters}
        if not self.prefix or not own:
            return function

        def arguments(called: Mapping[str, object]) -> dict[str, object]:
            return {own.get(name, name): value for name, value in called.items()}

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def steps(*args: object, **called: object) -> Iterator[object]:
                yield from function(*args, **arguments(called))

            with_own: Callable[..., object] = steps
        else:

            @functools.wraps(function)
            def step(*args: object, **called: object) -> object:
                return function(*args, **arguments(called))

            with_own = step
        hints = get_type_hints(function, include_extras=True)
        with_own.__dict__["__signature__"] = signature.replace(
            parameters=[
                one.replace(
                    name=self.called(one.name) if one.name in own.values() else one.name,
                    annotation=hints.get(one.name, one.annotation),
                )
                for one in signature.parameters.values()
            ],
            return_annotation=hints.get("return", signature.return_annotation),
        )
        return cast("_Function", with_own)


PLAIN = Names()
"""Without a prefix: the platform in a code location of its own."""
