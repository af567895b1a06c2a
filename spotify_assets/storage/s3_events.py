"""S3's notifications in an SQS queue: what each message says changed, and the queue itself. Free of Dagster.

Understood are S3's own envelope, EventBridge's, either of them wrapped by SNS, and S3's test event. What a changed key
means belongs to the sensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from spotify_assets.storage.aws import aws_failures, client
from spotify_assets.waiting import SYSTEM_CLOCK, Clock

_AT_ONCE = 10
"""Messages that SQS takes or gives in one request."""

_WRAPPED_DEEPEST = 3


@dataclass(frozen=True)
class Message:
    """A message: how to delete it, and the keys of the lake it speaks of; None when it is not understood."""

    receipt: str
    keys: tuple[str, ...] | None


def changed_keys(body: str, bucket: str, prefix: str) -> tuple[str, ...] | None:
    """The keys below `prefix` (empty, or ending in `/`) of `bucket` that a message speaks of, relative to it.

    Empty for S3's test event and for messages about other places; None for what is no notification of S3.
    """
    try:
        named = list(_objects(json.loads(body), _WRAPPED_DEEPEST))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return tuple(
        key.removeprefix(prefix) for name, key in named if name == bucket and key.startswith(prefix) and key != prefix
    )


def _objects(value: Any, deepest: int) -> Iterator[tuple[str, str]]:
    """(bucket, key) of each object in a parsed message. Raises ValueError or KeyError for another message."""
    if deepest == 0 or not isinstance(value, dict):
        raise ValueError("not a notification")
    if value.get("Type") == "Notification":  # SNS
        yield from _objects(json.loads(value["Message"]), deepest - 1)
    elif value.get("Event") == "s3:TestEvent":
        return
    elif value.get("source") == "aws.s3":  # EventBridge sends the key as it is
        yield value["detail"]["bucket"]["name"], value["detail"]["object"]["key"]
    else:  # S3 sends the key as in a form: quoted, with + for a space
        for record in value["Records"]:
            if record["eventSource"] != "aws:s3":
                raise ValueError("not a notification of S3")
            yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])


@dataclass(frozen=True)
class EventQueue:
    """The queue at `url`, read for one lake: `prefix` (empty, or ending in `/`) of `bucket`."""

    url: str
    bucket: str
    prefix: str
    endpoint_url: str | None = None
    clock: Clock = SYSTEM_CLOCK

    def receive(self, most: int, seconds: float) -> list[Message]:
        """Up to `most` messages that wait now, within `seconds`. They stay in the queue until they are deleted."""
        sqs, messages = client("sqs", self.endpoint_url), []
        ends = self.clock.monotonic() + seconds
        with aws_failures(f"Receiving from {self.url}"):
            while len(messages) < most and self.clock.monotonic() < ends:
                wanted = min(_AT_ONCE, most - len(messages))
                answer = sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=wanted, WaitTimeSeconds=0)
                answered = answer.get("Messages", ())
                if not answered:
                    break
                messages.extend(
                    Message(each["ReceiptHandle"], changed_keys(each["Body"], self.bucket, self.prefix))
                    for each in answered
                )
        return messages

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages by their receipts. One that has expired is delivered again, which does no harm."""
        sqs = client("sqs", self.endpoint_url)
        with aws_failures(f"Deleting from {self.url}"):
            for at in range(0, len(receipts), _AT_ONCE):
                entries = [
                    {"Id": str(number), "ReceiptHandle": receipt}
                    for number, receipt in enumerate(receipts[at : at + _AT_ONCE])
                ]
                sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
