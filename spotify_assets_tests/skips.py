"""Which tests may be skipped on CI, and why: `ALLOWED`. Any other skip there (`CI=true`) fails the run.

A skip is a promise that the proof is elsewhere. On a laptop it only says what it leaves unproven; on CI, where
everything can be installed, one that is not listed here is a proof that got lost. Loaded by conftest.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

ALLOWED: Mapping[str, str] = {
    "no Chromium on this machine": (
        "the page's own tests need a browser; `make look` drives the same checks where there is one"
    ),
    "no recorded payloads at": (
        "Spotify's content is no part of the repository; fixtures/shapes has every recorded shape, written for it, "
        "and the same tests run over both"
    ),
    "only root can mount a small file system": "CI's user is not root; .ci/run is, and runs it there",
}
"""The beginning of a skip's reason, to why it may be skipped on CI."""


class SkipList:
    """Collects the skips of a run (of all its workers), and fails it for those that are not on the list."""

    def __init__(self, allowed: Mapping[str, str] = ALLOWED) -> None:
        self.allowed = allowed
        self.lost: dict[str, str] = {}

    def _note(self, nodeid: str, longrepr: object) -> None:
        reason = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr).removeprefix("Skipped: ")
        if not reason.startswith(tuple(self.allowed)):
            self.lost[nodeid] = reason

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.lost and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.lost:
            terminalreporter.section("skipped, and not on the list in spotify_assets_tests/skips.py", red=True)
            for nodeid, reason in sorted(self.lost.items()):
                terminalreporter.line(f"{nodeid}: {reason}")


def hold(config: pytest.Config, environment: Mapping[str, str] = os.environ) -> None:
    """On CI, hold the run to the list; in one of xdist's workers nothing, whose reports reach the controller."""
    if environment.get("CI", "").lower() in ("true", "1") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipList(), "skip-list")
