"""The GitHub workflows: a strict reading of what they may contain, in place of actionlint, which is a Go program.

Checked: YAML without duplicate keys, only known keys and events, least permissions, every action pinned to a commit,
every expression reading only what exists, no untrusted text in a shell line, and the order of a deployment.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dagster as dg
import pytest
import yaml
from dagster._config import process_config
from dagster_aws.ecs.container_context import ECS_CONTAINER_CONTEXT_SCHEMA

from spotify_assets.definitions import build_defs
from spotify_assets.settings import Settings, load_settings
from spotify_assets_tests.infra.template import ROOT
from spotify_assets_tests.mutants import TARGETS

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"(?P<action>[\w.-]+/[\w.-]+)(/[\w./-]+)?@(?P<sha>[0-9a-f]{40})")

KEYS = {
    "workflow": {"name", "on", "permissions", "concurrency", "env", "jobs", "defaults"},
    "job": {
        "name",
        "if",
        "needs",
        "runs-on",
        "timeout-minutes",
        "steps",
        "env",
        "permissions",
        "strategy",
        "outputs",
        "uses",
    },
    "step": {"name", "id", "if", "uses", "with", "run", "env", "shell", "working-directory", "timeout-minutes"},
}
CONTEXTS = {"github", "vars", "secrets", "env", "steps", "runner", "matrix", "needs", "inputs"}
FUNCTIONS = {"always", "success", "failure", "cancelled", "contains", "startsWith", "endsWith", "format", "toJSON"}
UNTRUSTED = re.compile(r"github\.(head_ref|event\.(pull_request\.(title|body|head\.ref)|comment|issue|head_commit))")
INPUTS = {
    "actions/checkout": {"ref", "persist-credentials", "fetch-depth", "path", "repository", "token"},
    "actions/setup-python": {"python-version", "cache", "cache-dependency-path", "architecture"},
    "aws-actions/configure-aws-credentials": {"aws-region", "role-to-assume", "role-session-name"},
    "aws-actions/amazon-ecr-login": {"registries", "mask-password"},
    "dagster-io/dagster-cloud-action": {"command", "project_dir", "deployment", "location_names"},
}


class Strict(yaml.SafeLoader):
    """YAML as GitHub reads it: `on` is a word, and a key stands once."""


Strict.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Strict.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))


def _once(loader: Strict, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    assert len(keys) == len(set(keys)), f"a key stands twice: {keys}"
    return dict(loader.construct_pairs(node, deep=True))


Strict.add_constructor("tag:yaml.org,2002:map", _once)


def read(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(), Loader=Strict)


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", ())


def step(workflow: dict[str, Any], name: str) -> int:
    """Where in the deployment the step of that name stands."""
    (found,) = [number for number, one in enumerate(workflow["jobs"]["deploy"]["steps"]) if one.get("name") == name]
    return found


def expressions(node: Any) -> Iterator[str]:
    """Every expression, whether in `${{ }}` or as a bare `if`."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "if" and isinstance(value, str) and "${{" not in value:
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)
    elif isinstance(node, str):
        yield from re.findall(r"\$\{\{(.*?)\}\}", node)


@pytest.fixture(scope="module")
def deploy() -> dict[str, Any]:
    return read(ROOT / ".github" / "workflows" / "deploy.yml")


def test_there_are_workflows_for_changes_deployments_packages_and_the_night() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "dependencies.yml", "deploy.yml", "nightly.yml"]


def test_every_night_runs_what_is_too_long_for_a_change() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "nightly.yml")["jobs"]
    commands = {one.get("run") for job in jobs.values() for one in job["steps"]}
    assert {"make soak", "make clouds", "make mutants"} <= commands
    parts = jobs["mutants"]["strategy"]["matrix"]["part"]
    assert [module for module in TARGETS if not module.startswith(tuple(parts))] == []
    assert "named" in parts


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
class TestEveryWorkflow:
    """What actionlint would look at."""

    def test_it_has_only_known_keys_in_their_shape(self, path: Path) -> None:
        workflow = read(path)
        assert workflow.keys() <= KEYS["workflow"]
        assert workflow.keys() >= {"name", "on", "permissions", "jobs"}
        assert workflow["on"].keys() <= {"push", "pull_request", "schedule", "workflow_dispatch", "workflow_call"}
        for name, job in workflow["jobs"].items():
            assert re.fullmatch(r"[a-z_][a-z0-9_-]*", name)
            assert job.keys() <= KEYS["job"]
            if "uses" in job:
                assert job.keys() <= {"name", "if", "needs", "uses", "permissions"}
                assert (ROOT / job["uses"]).is_file()
                continue
            assert isinstance(job["timeout-minutes"], int)
            assert job["runs-on"] == "ubuntu-24.04"
        for one in steps(workflow):
            assert one.keys() <= KEYS["step"], one
            assert ("uses" in one) != ("run" in one), one
            assert "with" not in one or "uses" in one, one

    def test_every_action_is_pinned_to_a_commit_and_says_its_version(self, path: Path) -> None:
        used = [one["uses"] for one in steps(read(path)) if "uses" in one]
        assert used
        assert all(PINNED.fullmatch(action) for action in used)
        for line in path.read_text().splitlines():
            if "uses:" in line and "./.github/workflows/" not in line:
                assert re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line

    def test_an_action_is_the_same_commit_wherever_it_is_used(self, path: Path) -> None:
        commits: dict[str, set[str]] = {}
        for other in WORKFLOWS:
            for one in steps(read(other)):
                if match := PINNED.fullmatch(one.get("uses", "")):
                    commits.setdefault(match["action"], set()).add(match["sha"])
        assert {len(found) for found in commits.values()} == {1}

    def test_actions_get_only_inputs_they_have(self, path: Path) -> None:
        for one in steps(read(path)):
            if match := PINNED.fullmatch(one.get("uses", "")):
                assert one.get("with", {}).keys() <= INPUTS[match["action"]], one

    def test_expressions_read_only_contexts_functions_and_earlier_steps_that_exist(self, path: Path) -> None:
        workflow = read(path)
        seen = {"prerun"} if path.name == "deploy.yml" else set()
        ids = {one["id"] for one in steps(workflow) if "id" in one} | seen
        for text in expressions(workflow):
            bare = re.sub(r"'[^']*'", "", text)
            assert bare.count("(") == bare.count(")"), text
            for name in re.findall(r"(?<![\w.-])([A-Za-z_]+)\.", bare):
                assert name in CONTEXTS, text
            assert set(re.findall(r"(\w+)\(", bare)) <= FUNCTIONS, text
            assert set(re.findall(r"steps\.([\w-]+)\.", bare)) <= ids, text
            for name in re.findall(r"(?<![\w.])env\.(\w+)", bare):
                assert name in workflow["env"], text

    def test_no_text_of_strangers_reaches_a_shell(self, path: Path) -> None:
        for one in steps(read(path)):
            assert "${{" not in one.get("run", ""), "pass it through env: the shell must not parse it"
            assert not UNTRUSTED.search(str(one)), one

    def test_permissions_are_named_one_by_one(self, path: Path) -> None:
        workflow = read(path)
        assert workflow["permissions"] == {"contents": "read"}
        allowed = {
            "deploy.yml": {"id-token", "pull-requests"},
            "dependencies.yml": {"contents", "pull-requests"},
        }.get(path.name, set())
        for job in workflow["jobs"].values():
            assert {name for name, value in job.get("permissions", {}).items() if value == "write"} <= allowed

    def test_a_checkout_leaves_no_token_behind(self, path: Path) -> None:
        for one in steps(read(path)):
            if one.get("uses", "").startswith("actions/checkout@"):
                assert one["with"]["persist-credentials"] is False

    def test_its_shell_lines_parse(self, path: Path) -> None:
        bash = shutil.which("bash")
        assert bash
        for one in steps(read(path)):
            if "run" in one:
                done = subprocess.run([bash, "-n"], input=one["run"], text=True, capture_output=True, check=False)
                assert done.returncode == 0, done.stderr


class TestDeployment:
    """What is particular to deploying."""

    def test_main_and_pull_requests_deploy_and_a_closed_one_is_cleaned_up(self, deploy: dict[str, Any]) -> None:
        assert deploy["on"]["push"]["branches"] == ["main"]
        assert deploy["on"]["pull_request"]["types"] == ["opened", "synchronize", "reopened", "closed"]
        first, drop, *rest = deploy["jobs"]["deploy"]["steps"]
        assert "/prerun@" in first["uses"]
        assert "github.event.action == 'closed'" in drop["if"]
        assert "--job=drop_branch_database" in drop["with"]["command"]
        skipped = ("steps.prerun.outputs.result != 'skip'", "github.event_name == 'push'")
        assert all(any(each in one["if"] for each in skipped) for one in rest)

    def test_the_script_is_there_before_the_location_goes_live(self, deploy: dict[str, Any]) -> None:
        order = [
            "Install",
            "Write the Glue script",
            "Start the deploy session",
            "Build for serverless",
            "Sign in to AWS",
            "Ship the Glue script",
            "Build for hybrid",
            "Go live",
            "Sync the alert policies",
            "Comment on the pull request",
        ]
        assert [step(deploy, name) for name in order] == sorted(step(deploy, name) for name in order)

    def test_a_pull_request_ships_the_script_as_a_branch_deployment_with_the_branchs_role(self, deploy) -> None:
        write = deploy["jobs"]["deploy"]["steps"][step(deploy, "Write the Glue script")]
        assert "pull_request" in write["env"]["DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT"]
        assert {name.lower() for name in write["env"]} <= Settings.model_fields.keys()
        job = deploy["jobs"]["deploy"]["steps"][step(deploy, "Set up the Glue job")]
        assert job["if"].startswith("github.event_name == 'push' &&")
        sign_in = deploy["jobs"]["deploy"]["steps"][step(deploy, "Sign in to AWS")]
        assert "pull_request' && vars.AWS_BRANCH_DEPLOY_ROLE_ARN" in sign_in["with"]["role-to-assume"]

    def test_it_builds_for_python_3_11_without_java(self, deploy: dict[str, Any]) -> None:
        assert deploy["env"]["PYTHON_VERSION"] == "3.11"
        text = str(deploy).lower()
        assert "setup-java" not in text
        assert "jdk" not in text

    def test_a_deployment_of_main_is_never_cancelled_half_way(self, deploy: dict[str, Any]) -> None:
        assert "pull_request" in deploy["concurrency"]["cancel-in-progress"]

    def test_the_dg_commands_and_their_options_exist(self, deploy: dict[str, Any]) -> None:
        from dagster_dg_cli.cli import create_dg_cli

        used = [one["with"]["command"] for one in steps(deploy) if "/dg-cli@" in one.get("uses", "")]
        assert used
        for text in used:
            command: Any = create_dg_cli()
            for word in text.partition(" --")[0].split():
                command = command.get_command(click.Context(command), word)
                assert command, text
            options = {option for parameter in command.params for option in parameter.opts}
            assert set(re.findall(r"(?<= )--[a-z-]+", text)) <= options, text

    def test_nothing_is_deployed_that_the_tests_did_not_pass(self, deploy: dict[str, Any]) -> None:
        tests, job = deploy["jobs"]["tests"], deploy["jobs"]["deploy"]
        assert tests["uses"] == "./.github/workflows/ci.yml"
        assert "workflow_call" in read(ROOT / ".github" / "workflows" / "ci.yml")["on"]
        assert job["needs"] == "tests"
        assert "(needs.tests.result == 'success' || github.event.action == 'closed')" in job["if"]

    def test_no_secret_is_in_the_environment_of_what_installs_packages_or_runs_a_pull_requests_code(
        self, deploy: dict[str, Any]
    ) -> None:
        """The token stood in the whole workflow's environment, `make check` of a pull request included."""
        assert "secrets." not in str(deploy["env"])
        assert not any("secrets" in job or "env" in job for job in deploy["jobs"].values())
        signed_in = step(deploy, "Sign in to AWS")
        for place, one in enumerate(deploy["jobs"]["deploy"]["steps"]):
            if "secrets." in str(one):
                assert one["uses"].startswith("dagster-io/dagster-cloud-action/"), one["name"]
            ours = re.search(r"make |\.venv/|pip |python", one.get("run", ""))
            if ours and place > signed_in:
                assert one["if"].startswith("github.event_name == 'push'"), one["name"]

    def test_what_is_deployed_is_the_lock_by_hash(self, deploy: dict[str, Any]) -> None:
        """A PEX is resolved from pyproject.toml's ranges, while a private method of fakesnow is overridden."""
        assert deploy["env"]["ENABLE_FAST_DEPLOYS"] == "false"
        builds = [str(one["with"]) for one in steps(deploy) if "build-and-push" in str(one.get("with"))]
        assert len(builds) == 2
        assert all("--build-strategy=docker" in one for one in builds)
        image = (ROOT / "infra" / "dagster_plus" / "Dockerfile").read_text()
        assert re.search(r"^FROM [^\s@]+@sha256:[0-9a-f]{64}$", image, re.MULTILINE)
        assert "--no-deps --require-hashes -r requirements.lock" in image
        tested, deployed = (pins(ROOT / name) for name in ("requirements.lock", "infra/dagster_plus/requirements.lock"))
        assert {name: deployed[name] for name in deployed.keys() & tested.keys()} == {
            name: tested[name] for name in deployed.keys() & tested.keys()
        }
        assert deployed.keys() - tested.keys() == {"dagster-cloud", "pex"}
        assert deployed["dagster-cloud"] == tested["dagster"]

    def test_the_deployment_is_synced_from_main_alone_and_only_where_somebody_asked_for_it(
        self, deploy: dict[str, Any]
    ) -> None:
        for name in ("Sync the alert policies", "Set the deployment's settings"):
            one = deploy["jobs"]["deploy"]["steps"][step(deploy, name)]
            assert one["if"] == "github.event_name == 'push' && vars.DAGSTER_SYNC_DEPLOYMENT == 'true'"

    def test_the_dagster_cloud_commands_and_their_options_exist(self, deploy: dict[str, Any]) -> None:
        from dagster_cloud_cli.entrypoint import app
        from typer.main import get_command

        used = [one["with"]["command"] for one in steps(deploy) if "/dagster-cloud-cli@" in one.get("uses", "")]
        assert len(used) == 5
        for text in used:
            command: Any = get_command(app)
            for word in text.split():
                if not hasattr(command, "commands"):
                    break
                command = command.commands[word]
            options = {option for parameter in command.params for option in parameter.opts}
            assert set(re.findall(r"(?<= )--?[a-z-]+", text.split(" >>")[0])) <= options, text


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE))


class TestDeploymentFiles:
    """What is synced into the full deployment."""

    def test_alert_policies_are_of_events_that_exist_and_go_to_the_address_of_the_variable(self) -> None:
        from dagster_rest_resources.__generated__.enums import AlertPolicyEventType

        text = (ROOT / "infra" / "dagster_plus" / "alert_policies.yaml").read_text()
        policies = yaml.safe_load(text)["alert_policies"]
        names = [policy["name"] for policy in policies]
        assert len({*names}) == len(names)
        for policy in policies:
            assert {*policy["event_types"]} <= {each.value for each in AlertPolicyEventType}, policy["name"]
            assert policy["enabled"] is True
            assert policy["description"]
            assert policy["notification_service"] == {"email": {"email_addresses": ["ALERT_EMAIL"]}}
        missing = {"JOB_FAILURE", "ASSET_CHECK_SEVERITY_ERROR", "CODE_LOCATION_ERROR", "TICK_FAILURE"}
        assert missing <= {event for policy in policies for event in policy["event_types"]}

    def test_they_select_assets_that_there_are(self) -> None:
        policies = yaml.safe_load((ROOT / "infra" / "dagster_plus" / "alert_policies.yaml").read_text())[
            "alert_policies"
        ]
        graph = build_defs(load_settings({})).resolve_asset_graph()
        selected = [
            target["asset_selection_target"]["asset_selection"]
            for policy in policies
            for target in policy.get("alert_targets", ())
            if "asset_selection_target" in target
        ]
        assert selected
        for selection in selected:
            keys = dg.AssetSelection.from_string(selection).resolve(graph)
            assert keys >= graph.materializable_asset_keys
        assert dg.AssetKey("warehouse_loads") in dg.AssetSelection.from_string(selected[0]).resolve(graph)

    def test_a_long_run_is_told_of_after_every_jobs_own_limit(self) -> None:
        policies = yaml.safe_load((ROOT / "infra" / "dagster_plus" / "alert_policies.yaml").read_text())[
            "alert_policies"
        ]
        (long,) = [policy for policy in policies if policy["event_types"] == ["JOB_LONG_RUNNING"]]
        seconds = long["alert_targets"][0]["long_running_job_threshold_target"]["threshold_seconds"]
        jobs = build_defs(load_settings({})).get_repository_def().get_all_jobs()
        assert seconds > max(int(job.run_tags.get("dagster/max_runtime", 0)) for job in jobs)

    def test_the_settings_are_dagsters_own_and_as_on_open_source(self) -> None:
        settings = yaml.safe_load((ROOT / "infra" / "dagster_plus" / "deployment_settings.yaml").read_text())
        oss = yaml.safe_load((ROOT / "infra" / "oss" / "dagster.yaml").read_text())
        assert settings["concurrency"] == oss["concurrency"]
        assert settings["run_retries"] == {k: v for k, v in oss["run_retries"].items() if k != "enabled"}
        assert settings["run_monitoring"]["max_runtime_seconds"] == oss["run_monitoring"]["max_runtime_seconds"]
        assert settings.keys() == {"concurrency", "run_monitoring", "run_retries"}


class TestHybrid:
    """The files that only a hybrid deployment needs."""

    def test_what_the_agent_gives_to_tasks_fits_dagsters_schema(self) -> None:
        context = yaml.safe_load((ROOT / "infra" / "dagster_plus" / "container_context.yaml").read_text())
        outcome = process_config(ECS_CONTAINER_CONTEXT_SCHEMA, context["ecs"])
        assert outcome.success, outcome.errors

    def test_it_sets_only_variables_that_are_settings_and_no_secret_in_the_open(self) -> None:
        ecs = yaml.safe_load((ROOT / "infra" / "dagster_plus" / "container_context.yaml").read_text())["ecs"]
        plain = [pair.partition("=")[0] for pair in ecs["env_vars"]]
        secret = [one["name"] for one in ecs["secrets"]]
        assert {name.lower() for name in plain + secret} <= Settings.model_fields.keys()
        assert not [name for name in plain if "Secret" in str(Settings.model_fields[name.lower()].annotation)]

    def test_serverless_needs_no_extra_file(self) -> None:
        for name in ("build.yaml", "container_context.yaml", "Dockerfile", "dagster_cloud.yaml"):
            assert not (ROOT / name).exists()

    def test_the_image_has_no_java(self) -> None:
        image = (ROOT / "infra" / "dagster_plus" / "Dockerfile").read_text()
        assert "[spark]" not in image
        assert "jdk" not in image.lower()
