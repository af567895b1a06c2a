"""An AWS client that answers from a script, held to the service's own model: requests and answers must fit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

Answer = Mapping[str, object] | str | BaseException | Callable[[dict], Mapping[str, object]]
"""A response, an error's code, an exception, or a function of the request."""


_COMMON_ERRORS = {"ThrottlingException", "AccessDeniedException"}


@cache
def _operations(service: str) -> Mapping[str, Any]:
    model: Any = botocore.session.get_session().get_service_model(service)  # its cached properties have no types
    return {xform_name(name): model.operation_model(name) for name in model.operation_names}


class ScriptedClient:
    """Answers each operation with the next of its answers; the last one is given again and again.

    `calls` holds (operation, request) in order.
    """

    def __init__(self, service: str, region: str = "eu-west-1", **answers: Sequence[Answer]) -> None:
        self._operations = _operations(service)
        assert set(answers) <= set(self._operations), f"{service} has no {set(answers) - set(self._operations)}"
        self._answers = {name: list(script) for name, script in answers.items()}
        self.meta = SimpleNamespace(region_name=region)
        self.calls: list[tuple[str, dict]] = []

    def requests(self, operation: str) -> list[dict]:
        return [request for name, request in self.calls if name == operation]

    def __getattr__(self, name: str) -> Callable[..., Mapping[str, object]]:
        if name.startswith("_") or name not in self._operations:
            raise AttributeError(name)

        def call(**request: object) -> Mapping[str, object]:
            operation = self._operations[name]
            validate_parameters(request, operation.input_shape)
            self.calls.append((name, request))
            script = self._answers[name]
            answer: Any = script.pop(0) if len(script) > 1 else script[0]
            if callable(answer):
                answer = answer(request)
            if isinstance(answer, BaseException):
                raise answer
            if isinstance(answer, str):
                known = {shape.name for shape in operation.error_shapes}
                assert answer in known | _COMMON_ERRORS, f"{name} does not answer {answer}"
                status = 403 if answer == "AccessDeniedException" else 400
                raise ClientError(
                    {
                        "Error": {"Code": answer, "Message": f"{answer} from the script"},
                        "ResponseMetadata": {"HTTPStatusCode": status},
                    },
                    operation.name,
                )
            validate_parameters(dict(answer), operation.output_shape)
            return answer

        return call
