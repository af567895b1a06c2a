"""Which tests are shown a mutant, and in what order: plugins for the runs of `mutating`.

One run without any change says which tests run which line of a module (coverage's contexts), or read a file of SQL, and
how long each takes. A mutant is shown to those that run its line: first what noticed another lately, then the quickest.
What runs while modules are imported, or in a fixture that several tests share, counts as run by every test.
"""

from __future__ import annotations

import ast
import functools
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_SHARED = ""
"""The context of what is run for every test."""


@dataclass(frozen=True)
class Profile:
    """The seconds of each test, and the tests that run each line; line 0 is reading the file."""

    seconds: Mapping[str, float]
    tests: Mapping[int, Sequence[str]]

    @staticmethod
    def read(path: Path) -> dict[str, Profile]:
        """What a `Profiling` wrote, by module."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {
            module: Profile(stored["seconds"], {int(line): tests for line, tests in lines.items()})
            for module, lines in stored["tests"].items()
        }

    def of(self, lines: range | None) -> list[str]:
        """The tests that run one of these lines, the quickest first. None: every test."""
        contexts = {_SHARED} if lines is None else {name for line in lines for name in self.tests.get(line, ())}
        names = self.seconds if _SHARED in contexts else contexts & set(self.seconds)
        return sorted(names, key=lambda name: (self.seconds[name], name))


def lines_run(path: Path, line: int) -> range | None:
    """The lines that are run when `line` of a file is: its statement, or a compound statement's head; None: every test
    runs it, because it is outside all functions. Files of SQL have one, 0.
    """
    if path.suffix != ".py":
        return range(1)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _spans(node, line)]
    functions = [node for node in around if isinstance(node, ast.FunctionDef) and node.body[0].lineno <= line]
    if not functions:
        return None
    statement = max(around, key=lambda node: node.lineno)
    body = getattr(statement, "body", None)
    if body is None:
        return range(statement.lineno, (statement.end_lineno or line) + 1)
    return range(statement.lineno, body[0].lineno) if line < body[0].lineno else range(line, line + 1)


def _spans(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


class Profiling:
    """Writes the `Profile` of a run for each of `modules`, files below `tree`, to `path`.

    Caches of `packages` are emptied before each test, or one test would fill them for all.
    """

    def __init__(self, tree: Path, modules: Sequence[str], path: Path, packages: Sequence[str]) -> None:
        import coverage

        self.files = {str(tree / module): module for module in modules}
        self.path, self.packages = path, packages
        self.context = _SHARED
        self.seconds: dict[str, float] = {}
        self.shared: dict[str, float] = {}
        self.set_up: set[str] = set()
        self.read: dict[str, set[str]] = {file: set() for file in self.files}
        self.coverage = coverage.Coverage(data_file=None, config_file=False, include=list(self.files))
        self.coverage.start()
        sys.addaudithook(self._opened)

    def _opened(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and (file := str(arguments[0])) in self.read:
            self.read[file].add(self.context)

    def _switch(self, context: str) -> None:
        self.context = context
        self.coverage.switch_context(context)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in self.packages:
                for value in list(vars(module).values()):
                    if isinstance(value, functools._lru_cache_wrapper):
                        value.cache_clear()
        self._switch(item.nodeid)
        try:
            return (yield)
        finally:
            self._switch(_SHARED)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
        before, began = self.context, time.perf_counter()
        if fixturedef.scope != "function":
            self._switch(_SHARED)
        try:
            return (yield)
        finally:
            self._switch(before)
            if fixturedef.scope != "function":
                self.shared[fixturedef.argname] = time.perf_counter() - began
                self.set_up.add(fixturedef.argname)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """A test alone waits for the fixtures that it shares also where another test set them up here."""
        others = {*getattr(item, "fixturenames", ())} - self.set_up
        self.set_up.clear()
        self.seconds[item.nodeid] = self.seconds.get(item.nodeid, 0) + sum(self.shared.get(name, 0) for name in others)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        run = self.coverage.get_data()
        tests = {
            module: {**run.contexts_by_lineno(file), 0: sorted(self.read[file])} for file, module in self.files.items()
        }
        self.path.write_text(json.dumps({"seconds": self.seconds, "tests": tests}), encoding="utf-8")


class Chosen:
    """Runs these tests alone, in this order, and writes the name of each to `path` before it begins: the last one is
    that which failed. Ends the process when a test takes longer than its seconds."""

    def __init__(self, seconds: Mapping[str, float], path: Path) -> None:
        self.seconds = seconds
        self.order = {name: number for number, name in enumerate(seconds)}
        self.path = path

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.order), key=lambda i: self.order[i.nodeid])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        self.path.write_text(item.nodeid, encoding="utf-8")
        signal.setitimer(signal.ITIMER_REAL, self.seconds[item.nodeid])
