"""MiniStack on 127.0.0.1: a second emulator of AWS, written by others than moto, in an environment of its own.

It pins botocore, so it can't be installed beside the project: `make clouds` makes `.venv-clouds` for it.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from tenacity import retry_if_result, wait_fixed

from spotify_assets.waiting import again

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("MINISTACK", ROOT / ".venv-clouds" / "bin" / "ministack"))
REGION = "eu-west-1"
_STARTS_WITHIN = 60.0


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The endpoint of a server with nothing in it; credentials and region are in the environment meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "TMPDIR": str(folder),
    }
    with (folder / "ministack.log").open("wb") as log:
        server = subprocess.Popen([PROGRAM], env=environment, cwd=folder, stdout=log, stderr=log)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        again(retry_if_result(lambda up: not up), wait=wait_fixed(0.2), seconds=_STARTS_WITHIN)(_answers, endpoint)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": REGION,
                "AWS_EC2_METADATA_DISABLED": "true",
            }.items():
                patch.setenv(name, value)
            yield endpoint
    finally:
        server.terminate()
        server.wait(timeout=20)


def _answers(endpoint: str) -> bool:
    try:
        requests.get(endpoint, timeout=2)
    except requests.RequestException:
        return False
    return True
