"""What a failure says: facts apart, and nothing that must not be seen or that a terminal acts on."""

from __future__ import annotations

import errno
import os

import pytest

from spotify_assets.failures import PermanentError, TransientError, of_system


def test_what_and_remedy_are_told_apart_and_together() -> None:
    error = PermanentError("The key is old.", remedy="make a new one", code="E7")

    assert (error.what, error.remedy, error.code) == ("The key is old", "make a new one", "E7")
    assert str(error) == "The key is old; make a new one."


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:p4ss@proxy.example/v1", "https://[hidden]@proxy.example/v1"),
        ("https://t0ken@host/x@y", "https://[hidden]@host/x@y"),
        ("postgresql://a:b@c@host/db", "postgresql://[hidden]@host/db"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("somebody@example.org", "somebody@example.org"),
    ],
)
def test_passwords_in_addresses_are_hidden(address: str, shown: str) -> None:
    assert str(PermanentError(f"{address} is down", remedy=f"mend {address}")) == f"{shown} is down; mend {shown}."


def test_what_a_terminal_would_act_on_is_written_out() -> None:
    error = PermanentError("\x1b[2J\x9bName\r\u202e\x07 ü ☃ 👩‍🎤\nsecond line")

    assert error.what == "\\x1b[2J\\x9bName\\r\\u202e\\x07 ü ☃ 👩‍🎤\nsecond line"


@pytest.mark.parametrize(
    ("number", "kind", "remedy"),
    [
        (errno.ENOSPC, PermanentError, "free some space"),
        (errno.EACCES, PermanentError, "let this user read and write there"),
        (errno.EROFS, PermanentError, "let this user read and write there"),
        (errno.ENOTDIR, PermanentError, "move away the file"),
        (errno.ETIMEDOUT, TransientError, ""),
        (errno.EMFILE, TransientError, ""),
    ],
)
def test_what_the_system_refuses_names_the_file_and_a_remedy(number: int, kind: type, remedy: str) -> None:
    error = of_system(OSError(number, os.strerror(number), "/home/lake"))

    assert type(error) is kind
    assert error.what == f"/home/lake can't be used: {os.strerror(number).lower()}"
    assert error.code == errno.errorcode[number]
    assert error.remedy.startswith(remedy)
