"""AWS clients and how their failures read: nothing here knows Glue, Athena or any other service.

A client is made when a method needs it, never when definitions load; credentials and region come the standard AWS way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from spotify_assets.failures import PermanentError, TransientError

_TRANSIENT = frozenset(
    {
        "InternalFailure",
        "InternalServerException",
        "InternalServiceException",
        "OperationTimeoutException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


@lru_cache(maxsize=32)
def client(service: str, endpoint_url: str | None = None, *, attempts: int = 8) -> Any:
    """The process's client of `service`, retrying adaptively; boto3 gives it no type.

    `endpoint_url` replaces AWS's own endpoint; `attempts` is 1 where asking twice may do a thing twice. Raises
    PermanentError when no region is set.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    retries = Config(retries={"mode": "adaptive", "total_max_attempts": attempts}, connect_timeout=10, read_timeout=60)
    try:
        return boto3.client(service, endpoint_url=endpoint_url, config=retries)  # pyright: ignore[reportCallIssue, reportArgumentType]
    except NoRegionError:
        raise PermanentError(f"No AWS region for {service}: set AWS_REGION or AWS_DEFAULT_REGION.") from None


def error_code(error: Exception) -> str:
    """The service's name of a ClientError, such as `EntityNotFoundException`; empty for any other exception."""
    response = getattr(error, "response", None) or {}
    return response.get("Error", {}).get("Code", "")


@contextmanager
def aws_failures(what: str) -> Iterator[None]:
    """Turn what boto3 raises inside into a permanent or transient failure that starts with `what`."""
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        code = error_code(error)
        message = f"{what}: {error.response.get('Error', {}).get('Message') or code}"
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _TRANSIENT or status >= 500:
            raise TransientError(f"{message} ({code}); try again.") from error
        if "AccessDenied" in code or status == 403:
            raise PermanentError(f"{message}; allow it in the policy of infra/aws.yaml (DagsterPolicy).") from error
        raise PermanentError(f"{message} ({code}).") from error
    except NoCredentialsError as error:
        raise PermanentError(
            f"{what}: no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run "
            "where a role is attached."
        ) from error
    except (ConnectionError, HTTPClientError) as error:
        raise TransientError(f"{what}: {error}; try again.") from error
    except BotoCoreError as error:
        raise PermanentError(f"{what}: {error}") from error
