"""Every AWS API that the code calls, found in the code, beside what the policies of infra/aws.yaml allow.

A boto3 call is an attribute or a text that is the name of an operation of a service that the code makes clients of;
obstore's calls are its functions. What is deleted, and where, is watched in every test (conftest.py).
"""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from spotify_assets_tests.infra.template import Resolver, as_list, load, statements
from spotify_assets_tests.infra.test_aws_template import BUCKET, EVERYTHING

ROOT = Path(__file__).resolve().parents[2]

_OF_AWS = re.compile(r"spotify_assets\.storage(\.| import )aws|boto3|obstore|glue_runs")
_CLIENT = re.compile(r"\bclient\(\s*\"([a-z0-9]+)\"")
_NOT_CALLED_SO = {  # operations whose permission has another name, from the "Service Authorization Reference"
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:DeleteObjects": ("s3:DeleteObject",),
    "sqs:DeleteMessageBatch": ("sqs:DeleteMessage",),
}
_OBSTORE = {
    "get": ("s3:GetObject",),
    "head": ("s3:GetObject",),
    "put": ("s3:PutObject", "s3:AbortMultipartUpload"),
    "list": ("s3:ListBucket",),
    "copy": ("s3:GetObject", "s3:PutObject"),
    "delete": ("s3:DeleteObject",),
}
_COMMON_WORDS = {"sns:Publish", "secretsmanager:GetSecretValue"}  # names of other things' methods too
_TRANSFERS = {"copy": ("s3:GetObject", "s3:PutObject")}  # boto3's own, of several operations


def sources(*places: str) -> dict[str, ast.Module]:
    """The modules of some packages that have to do with AWS, by path."""
    files = (path for place in places for path in sorted((ROOT / place).rglob("*.py")))
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}
    return {path: ast.parse(text) for path, text in texts.items() if _OF_AWS.search(text)}


def services(trees: Mapping[str, ast.Module]) -> set[str]:
    """The services that anybody makes a client of."""
    return {match for tree in trees.values() for match in _CLIENT.findall(ast.unparse(tree).replace("'", '"'))}


def called(tree: ast.Module, operations: Mapping[str, set[str]]) -> Iterator[set[str]]:
    """The IAM actions of the calls in a module; several where services call an operation the same."""
    text = ast.unparse(tree)
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.value if isinstance(node, ast.Constant) else None
        for action in operations.get(name, ()) if isinstance(name, str) else ():
            if action in _COMMON_WORDS and f"'{action.partition(':')[0]}'" not in text:
                break
        else:
            if isinstance(name, str) and name in operations:
                yield {iam for action in operations[name] for iam in _NOT_CALLED_SO.get(action, (action,))}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            known = {"obstore": _OBSTORE, "client": _TRANSFERS}.get(owner, {})
            yield from ({action} for action in known.get(node.func.attr, ()))


@pytest.fixture(scope="module")
def operations() -> dict[str, set[str]]:
    """`service:Operation` by the name that boto3 gives its method; one word alone is too common to tell."""
    session = botocore.session.get_session()
    names: dict[str, set[str]] = {}
    for service in services(sources("spotify_assets", "glue_scripts")):
        for operation in list[str](session.get_service_model(service).operation_names):  # pyright: ignore[reportArgumentType]
            name = xform_name(operation)
            if "_" in name or f"{service}:{operation}" in _COMMON_WORDS:
                names.setdefault(name, set()).add(f"{service}:{operation}")
    return names


@pytest.fixture(scope="module")
def allowed() -> dict[str, set[str]]:
    """What each principal of the stack may do, somewhere."""
    found = {}
    for name, resource in Resolver(load(), **EVERYTHING).resources().items():
        actions = {
            action
            for statement in statements(resource["Properties"])
            if statement["Effect"] == "Allow" and "Resource" in statement
            for action in as_list(statement["Action"])
        }
        found[name] = actions
    return found


PRINCIPALS = {
    "spotify_assets/commands/glue_command.py": "DeployRole",
    "spotify_assets/lambda_handler.py": "ExtractionRole",
    "glue_scripts/": "GlueRole",
    "": "DagsterPolicy",
}


def principal(path: str) -> str:
    return next(name for prefix, name in PRINCIPALS.items() if path.startswith(prefix))


def test_the_services_are_found() -> None:
    assert services(sources("spotify_assets", "glue_scripts")) == {
        "athena", "glue", "logs", "s3", "secretsmanager", "sns", "sqs"
    }  # fmt: skip


def test_whoever_calls_an_api_may(operations: dict[str, set[str]], allowed: dict[str, set[str]]) -> None:
    missing, seen = [], set()
    for path, tree in sources("spotify_assets", "glue_scripts").items():
        for actions in called(tree, operations):
            seen |= actions & allowed[principal(path)]
            if not actions & allowed[principal(path)]:
                missing.append(f"{path} calls {' or '.join(actions)}, which {principal(path)} may not")
    assert not missing
    assert len(seen) >= 30, sorted(seen)


def test_nothing_is_allowed_that_nobody_calls(operations: dict[str, set[str]], allowed: dict[str, set[str]]) -> None:
    trees = sources("spotify_assets", "glue_scripts")
    seen = {action for tree in trees.values() for actions in called(tree, operations) for action in actions}
    ours = {"glue", "athena", "logs", "sqs", "sns", "secretsmanager"}
    assert not {action for action in allowed["DagsterPolicy"] if action.split(":")[0] in ours} - seen


def test_a_call_without_a_permission_would_be_found(
    operations: dict[str, set[str]], allowed: dict[str, set[str]]
) -> None:
    tree = ast.parse("client('glue').delete_table(DatabaseName='d', Name='t')")
    assert [actions for actions in called(tree, operations) if not actions & allowed["DagsterPolicy"]] == [
        {"glue:DeleteTable"}
    ]


def test_the_folders_where_tests_watch_deletions_are_the_policys() -> None:
    from spotify_assets_tests.conftest import REMOVABLE

    policy: dict[str, Any] = Resolver(load(), **EVERYTHING).resources()["DagsterPolicy"]["Properties"]
    (statement,) = [s for s in statements(policy) if "s3:DeleteObject" in as_list(s["Action"])]
    prefix = f"arn:aws:s3:::{BUCKET}/lake/"
    assert {target.removeprefix(prefix).rstrip("*") for target in as_list(statement["Resource"])} == set(REMOVABLE)
    assert not any(fnmatch.fnmatchcase("raw/x", f"{folder}*") for folder in REMOVABLE)
