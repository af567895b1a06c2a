"""The one maker of AWS clients, and what AWS's answers mean: nothing here knows Glue, Athena or any other service.

Dagster, the command line and the Lambda use it alike, so one rule of retries, timeouts, region and sign-in holds
everywhere; `s3_objects` hands the same session and the same number of attempts to obstore. (The Glue script, which is
shipped without this package, has its own in `glue_scripts.lake_files`.) A client is made when a method needs it, never
when definitions load; credentials and region come the standard AWS way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from spotify_assets.failures import DeploymentError, PermanentError, PlatformError, TransientError

if TYPE_CHECKING:
    import boto3
    from botocore.exceptions import ClientError

ATTEMPTS = 8
"""How often a request is sent before its failure is ours, the first time included."""

SIGN_IN = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"


class AwsNotFound(PermanentError):
    """What was asked for is not there."""


class AwsDenied(DeploymentError):
    """These credentials may not do it, or are no credentials (any more)."""


class AwsRefused(PermanentError):
    """The request was understood and refused for what it asks; asking again would be refused again."""


class AwsConflict(TransientError):
    """It is there already, or somebody else changed it meanwhile: look again, then decide."""


class AwsThrottled(TransientError):
    """Too many requests, or a limit of the account is reached for now."""


class AwsUnavailable(TransientError):
    """AWS failed, or could not be reached."""


_NOT_FOUND = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "EntityNotFoundException",
        "NoSuchBucket",
        "NoSuchKey",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_CONFLICT = frozenset(
    {
        "412",
        "AlreadyExistsException",
        "ConcurrentModificationException",
        "ConditionalRequestConflict",
        "CrawlerRunningException",
        "OperationAborted",
        "PreconditionFailed",
        "ResourceConflictException",
        "ResourceExistsException",
    }
)
_THROTTLED = frozenset(
    {
        "ConcurrentRunsExceededException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ResourceNumberLimitExceededException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_UNAVAILABLE = frozenset(
    {
        "InternalFailure",
        "InternalServerException",
        "InternalServiceException",
        "OperationTimeoutException",
        "RequestTimeout",
        "ServiceUnavailable",
    }
)
_NO_SIGN_IN = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Codes of the service models and of "Common errors" in the API references; S3's from its list of error codes."""


def session() -> boto3.Session:
    """A session with credentials and region the standard AWS way. Asks nobody yet."""
    import boto3

    return boto3.Session()


@lru_cache(maxsize=32)
def client(service: str, endpoint_url: str | None = None, *, attempts: int = ATTEMPTS) -> Any:
    """The process's client of `service`, retrying adaptively; boto3 gives it no type.

    `endpoint_url` replaces AWS's own endpoint; `attempts` is 1 where asking twice may do a thing twice. Raises
    AwsRefused when no region is set.
    """
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    retries = Config(retries={"mode": "adaptive", "total_max_attempts": attempts}, connect_timeout=10, read_timeout=60)
    try:
        return session().client(service, endpoint_url=endpoint_url, config=retries)  # pyright: ignore[reportCallIssue, reportArgumentType]
    except NoRegionError:
        raise AwsRefused(f"No AWS region for {service}", remedy="set AWS_REGION or AWS_DEFAULT_REGION") from None


@contextmanager
def aws_failures(what: str) -> Iterator[None]:
    """Turn what boto3 raises inside into one of this module's failures, carrying AWS's code. It starts with `what`."""
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        raise failure_of(what, error) from error
    except NoCredentialsError as error:
        raise AwsDenied(f"{what}: no AWS credentials", remedy=SIGN_IN, code="NoCredentials") from error
    except (ConnectionError, HTTPClientError) as error:
        raise AwsUnavailable(f"{what}: {error}", remedy="try again", code=type(error).__name__) from error
    except BotoCoreError as error:
        raise AwsRefused(f"{what}: {error}", code=type(error).__name__) from error


def failure_of(what: str, error: ClientError) -> PlatformError:
    """What an error of boto3's means; `what` was asked for."""
    answer: Mapping[str, Any] = error.response
    code = answer.get("Error", {}).get("Code", "")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return failure(what, code, answer.get("Error", {}).get("Message", ""), status)


def failure(what: str, code: str, message: str, status: int = 0) -> PlatformError:
    """The failure for an error's code and text: of an answer with the HTTP `status`, or of one part of a batch."""
    said = f"{what}: {message or code}" + (f" ({code})" if message else "")
    if code in _THROTTLED:
        return AwsThrottled(said, remedy="try again", code=code)
    if code in _UNAVAILABLE or status >= 500:
        return AwsUnavailable(said, remedy="try again", code=code)
    if code in _CONFLICT:
        return AwsConflict(said, remedy="try again", code=code)
    if code in _NOT_FOUND:
        return AwsNotFound(said, code=code)
    if code in _NO_SIGN_IN:
        return AwsDenied(said, remedy=f"the credentials are wrong or have expired: {SIGN_IN}", code=code)
    if "AccessDenied" in code or status == 403:
        return AwsDenied(said, remedy="allow it in the policy of infra/aws.yaml (DagsterPolicy)", code=code)
    return AwsRefused(said, code=code)
