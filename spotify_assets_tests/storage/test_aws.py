"""What AWS's answers mean: each is a failure of its kind that carries AWS's own name of it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.storage import aws


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("EntityNotFoundException", 400, aws.AwsNotFound),
        ("NoSuchKey", 404, aws.AwsNotFound),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, aws.AwsNotFound),
        ("AccessDenied", 403, aws.AwsDenied),
        ("AccessDeniedException", 400, aws.AwsDenied),
        ("ExpiredTokenException", 400, aws.AwsDenied),
        ("ThrottlingException", 400, aws.AwsThrottled),
        ("ConcurrentRunsExceededException", 400, aws.AwsThrottled),
        ("AlreadyExistsException", 400, aws.AwsConflict),
        ("PreconditionFailed", 412, aws.AwsConflict),
        ("InternalServiceException", 500, aws.AwsUnavailable),
        ("SomethingNew", 503, aws.AwsUnavailable),
        ("InvalidRequestException", 400, aws.AwsRefused),
    ],
)
def test_an_answer_is_a_failure_of_its_kind(
    code: str, status: int, kind: type[PermanentError | TransientError]
) -> None:
    answer = {"Error": {"Code": code, "Message": "said AWS"}, "ResponseMetadata": {"HTTPStatusCode": status}}

    with pytest.raises(kind) as caught, aws.aws_failures("Doing it"):
        raise ClientError(answer, "Operation")  # pyright: ignore[reportArgumentType]

    assert caught.value.code == code
    assert caught.value.what == f"Doing it: said AWS ({code})"


def test_what_never_reached_aws_may_be_tried_again() -> None:
    with pytest.raises(aws.AwsUnavailable), aws.aws_failures("Doing it"):
        raise ConnectTimeoutError(endpoint_url="https://glue")


def test_missing_credentials_name_what_to_set() -> None:
    with pytest.raises(aws.AwsDenied, match="AWS_PROFILE"), aws.aws_failures("Doing it"):
        raise NoCredentialsError


def test_every_client_has_the_same_rule_of_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    rules = [aws.client(service).meta.config.retries for service in ("s3", "glue", "sqs")]

    assert rules == [{"mode": "adaptive", "total_max_attempts": aws.ATTEMPTS}] * 3
