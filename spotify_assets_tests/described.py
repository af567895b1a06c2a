"""What a deployment's definitions are, as data that a person can read in a diff.

Everything whose change somebody would notice: on the asset graph, in the daemon, in what a run does. No texts: those
are for readers, and change often.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

Described = dict[str, Any]


def describe(defs: dg.Definitions) -> Described:
    """Every asset, check, job, schedule, sensor and resource."""
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    resources = repository.get_top_level_resources()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    return _shown(
        {
            "assets": {spec.key.to_user_string(): _asset(graph, spec) for spec in _sorted(defs)},
            "checks": {key.to_user_string(): _check(graph, key) for key in sorted(graph.asset_check_keys)},
            "jobs": {job.name: _job(job) for job in sorted(jobs, key=lambda job: job.name)},
            "schedules": {
                schedule.name: {
                    "cron": str(schedule.cron_schedule),
                    "timezone": str(schedule.execution_timezone),
                    "job": schedule.job_name,
                    "status": schedule.default_status.value,
                    "tags": dict(schedule.tags),
                }
                for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name)
            },
            "sensors": {
                sensor.name: {
                    "type": sensor.sensor_type.value,
                    "status": sensor.default_status.value,
                    "every_seconds": sensor.minimum_interval_seconds,
                    "resources": sorted(sensor.required_resource_keys),
                    "tags": dict(sensor.tags),
                }
                for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
            },
            "resources": {name: _class(resource) for name, resource in sorted(resources.items())},
        }
    )


def _shown(described: Any) -> Any:
    """Without what is absent: no partitions, no tags."""
    if not isinstance(described, Mapping):
        return described
    return {name: _shown(value) for name, value in described.items() if value not in (None, {}, [], "")}


def _class(resource: Any) -> str:
    return getattr(resource, "configurable_resource_cls", type(resource)).__name__


def _sorted(defs: dg.Definitions) -> list[dg.AssetSpec]:
    return sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key)


def _asset(graph: Any, spec: dg.AssetSpec) -> Described:
    node = graph.get(spec.key)
    op = node.assets_def.op if node.is_executable else None
    return {
        "deps": {
            key.to_user_string(): type(node.partition_mappings[key]).__name__
            if key in node.partition_mappings
            else "as Dagster infers"
            for key in sorted(node.parent_keys)
        },
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "tags": {name: value for name, value in spec.tags.items() if not name.startswith("dagster/kind/")},
        "owners": list(spec.owners),
        "partitions": _partitions(spec.partitions_def),
        "backfill": str(node.backfill_policy.policy_type.value) if node.backfill_policy else None,
        "automation": node.automation_condition and node.automation_condition.get_label(),
        "fresh_by": getattr(spec.freshness_policy, "deadline_cron", None),
        "step": op and _op(op),
        "step_tags": dict(op.tags) if op else {},
    }


def _partitions(partitions: dg.PartitionsDefinition | None) -> str | None:
    """Without the first date, which may be today's."""
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return f"{partitions.cron_schedule} {partitions.timezone} end_offset={partitions.end_offset}"
    return partitions and type(partitions).__name__


def _op(op: Any) -> Described:
    """The step's pools, and who tries it again: the house's `retried`, or Dagster's policy."""
    decorated = getattr(op.compute_fn, "decorated_fn", None)
    return {
        "name": op.name,
        "pools": sorted(op.pools),
        "retried": bool(getattr(decorated, "speaks_to_dagster", False)),
        "retry_policy": op.retry_policy and op.retry_policy.max_retries,
        "resources": sorted(op.required_resource_keys),
    }


def _check(graph: Any, key: dg.AssetCheckKey) -> Described:
    node = graph.get(key)
    return {
        "blocking": node.blocking,
        "partitions": _partitions(node.partitions_def),
        "automation": node.automation_condition and node.automation_condition.get_label(),
    }


def _job(job: dg.JobDefinition) -> Described:
    """What it selects, how its runs are tagged, executed and repeated; the steps of one without assets."""
    selected = job.asset_layer.executable_asset_keys
    ops = [op for op in job.all_node_defs if isinstance(op, dg.OpDefinition)]
    return {
        "assets": sorted(key.to_user_string() for key in selected),
        "checks": len(job.asset_layer.asset_graph.asset_check_keys) if selected else 0,
        "steps": {} if selected else {op.name: _op(op) for op in sorted(ops, key=lambda op: op.name)},
        "partitions": _partitions(job.partitions_def),
        "tags": dict(job.tags),
        "run_tags": dict(job.run_tags or {}),
        "executor": job.executor_def.name,
        "hooks": sorted(hook.name for hook in job.hook_defs),
        "owners": list(job.owners or ()),
    }


def differences(base: Described, other: Described) -> Described:
    """What `other` has `without` and `with`, beside `base`: by path. Lists are values."""
    was, now = dict(_leaves(base)), dict(_leaves(other))
    return {
        "without": [path for path in was if path not in now],
        "with": {path: value for path, value in now.items() if path not in was or was[path] != value},
    }


def _leaves(described: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in described.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{name} > ")
        else:
            yield f"{path}{name}", value
