"""Reads infra/aws.yaml and works out its intrinsic functions, for the tests; no AWS and no assertions here.

CloudFormation is emulated by moto for the resources it knows. What moto ignores (bucket policy, Glue job, workgroup,
alarms, a bucket's versioning) is asserted on the template as `resolve` works it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "infra" / "aws.yaml"

_PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Region": "eu-west-1",
    "AWS::Partition": "aws",
    "AWS::StackName": "spotify-assets",
}
_NO_VALUE = object()


def load() -> dict[str, Any]:
    """The template as CloudFormation reads it, short tags spelled out."""
    from cfnlint.decode import cfn_yaml

    return cfn_yaml.load(str(TEMPLATE))


class Resolver:
    """Works out a template's intrinsic functions. A resource's Ref or attribute becomes `<LogicalId>` or
    `<LogicalId.Attribute>`, except the lake bucket's, whose name and ARN policies are asserted by."""

    def __init__(self, template: Mapping[str, Any], **parameters: str) -> None:
        self.template = template
        unknown = parameters.keys() - template["Parameters"].keys()
        assert not unknown, f"no such parameters: {unknown}"
        defaults = {name: spec.get("Default", "") for name, spec in template["Parameters"].items()}
        self.parameters: dict[str, Any] = {**defaults, **parameters}

    def resources(self) -> dict[str, dict[str, Any]]:
        """Every resource whose condition holds, its properties resolved."""
        return {
            name: {**resource, "Properties": self.resolve(resource.get("Properties", {}))}
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.condition(resource["Condition"])
        }

    def condition(self, name: str) -> bool:
        return bool(self.resolve(self.template["Conditions"][name]))

    def resolve(self, node: Any) -> Any:
        if isinstance(node, Mapping):
            if len(node) == 1:
                (function, argument), *_ = node.items()
                if function in ("Ref", "Condition") or function.startswith("Fn::"):
                    return self._function(function, argument)
            resolved = {key: self.resolve(value) for key, value in node.items()}
            return {key: value for key, value in resolved.items() if value is not _NO_VALUE}
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not _NO_VALUE]
        return node

    def _function(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._reference(str(argument))
            case "Condition":
                return self.condition(argument)
            case "Fn::GetAtt":
                name = argument if isinstance(argument, str) else ".".join(argument)
                return "arn:aws:s3:::" + self._bucket() if name == "LakeBucket.Arn" else f"<{name}>"
            case "Fn::Sub":
                text, local = (argument, {}) if isinstance(argument, str) else argument
                names = {key: self.resolve(value) for key, value in local.items()}
                return re.sub(r"\$\{([^}]+)\}", lambda match: str(self._substituted(match[1], names)), text)
            case "Fn::If":
                return self.resolve(argument[1 if self.condition(argument[0]) else 2])
            case "Fn::Equals":
                left, right = map(self.resolve, argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self.resolve(argument[0])
            case "Fn::Or":
                return any(map(self.resolve, argument))
            case "Fn::And":
                return all(map(self.resolve, argument))
        raise AssertionError(f"the test's resolver does not know {function}")

    def _substituted(self, name: str, local: Mapping[str, Any]) -> Any:
        if name in local:
            return local[name]
        return self._function("Fn::GetAtt", name) if "." in name else self._reference(name)

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        assert name in self.template["Resources"], f"nothing is called {name}"
        return self._bucket() if name == "LakeBucket" else f"<{name}>"

    def _bucket(self) -> str:
        return self.resolve(self.template["Resources"]["LakeBucket"]["Properties"]["BucketName"])


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Every policy statement anywhere under `node`, wherever its document hangs."""
    if isinstance(node, Mapping):
        if "Effect" in node and ("Action" in node or "NotAction" in node):
            yield dict(node)
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def as_list(value: Any) -> list[Any]:
    """IAM's either-one-or-many fields as a list."""
    return value if isinstance(value, list) else [value]
