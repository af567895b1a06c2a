"""Making mutants of a file, and running tests on them: what `mutants` is made of.

Python is changed by cosmic-ray's operators: an operator into one other, as mutmut does, a comparison into its opposite
and its neighbour. (All exchanges are twice as many, and what they add either fails at once, as text that is divided, or
means the same, as `is` for `==`.) Left alone is what changes no result: annotations and imports for them, the `*` of a
signature, a dataclass that isn't frozen, what isn't kept in a cache. SQL, in `.sql` files and in strings, is changed by
exchanging its comparisons and connectives. Tests run in a fork of a process that has the libraries loaded.
"""

from __future__ import annotations

import ast
import ctypes
import functools
import gc
import importlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spotify_assets_tests import memory
from spotify_assets_tests.choosing import Chosen, Profile, Profiling

_SQL = re.compile(r"\b(select|case when|order by|coalesce|where|is null|is not null)\b", re.IGNORECASE)
"""What makes a string SQL."""

_OPERATORS = (
    "Add_Sub",
    "Sub_Add",
    "Mul_Div",
    "Div_Mul",
    "Mod_Div",
    "FloorDiv_Div",
    "Pow_Mul",
    "BitOr_BitAnd",
    "BitAnd_BitOr",
    "BitXor_BitAnd",
    "LShift_RShift",
    "RShift_LShift",
    "Eq_NotEq",
    "NotEq_Eq",
    "Lt_LtE",
    "Lt_GtE",
    "LtE_Lt",
    "LtE_Gt",
    "Gt_GtE",
    "Gt_LtE",
    "GtE_Gt",
    "GtE_Lt",
    "Is_IsNot",
    "IsNot_Is",
    "Delete_Not",
    "Delete_USub",
)
"""Of cosmic-ray's `Replace…Operator_<from>_<to>`, those used; its other operators are all used."""

_EXCHANGES = (
    (r" and ", " or "),
    (r" or (?!replace)", " and "),
    (r"\bis not null\b", "is null"),
    (r"\bis null\b", "is not null"),
    (r"\bnot like\b", "like"),
    (r"\bnot exists\b", "exists"),
    (r"\bmin_by\(", "max_by("),
    (r"\bmax_by\(", "min_by("),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bleast\(", "greatest("),
    (r"\bgreatest\(", "least("),
    (r"\bleft join\b", "join"),
    (r"\bunion all\b", "union"),
    (r"(?<!\bis )\bdistinct ", ""),
    (r" desc\b", ""),
    (r" <= ", " < "),
    (r" >= ", " > "),
    (r" < ", " <= "),
    (r" > ", " >= "),
    (r" <> ", " = "),
    (r" = ", " <> "),
    (r" - 1\b", " - 2"),
    (r" \+ 1\b", " + 2"),
    (r"\bthen 0\b", "then 2"),
)


_NO_RESULT = re.compile(r"\b(dataclass|cache)\b")
"""Decorators that change no result."""


@dataclass(frozen=True)
class Change:
    """A file's `text` with one place changed, and the line before and after, without its margin."""

    text: str
    line: int
    was: str
    becomes: str


Plugin = Callable[[], object]
"""Makes a plugin for pytest, in the process that uses it."""

Made = Callable[[], Change | None]
"""Makes a mutant; None where it would be the file as it is."""


def changes(path: Path) -> list[Made]:
    """Every mutant of a file, to be made when it is wanted."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        return list(_exchanges(text, [(0, len(text))]))
    return [*_operations(text), *_exchanges(text, list(_sql_strings(text)))]


def _change(text: str, changed: str | None) -> Change | None:
    if changed is None or changed == text:
        return None
    before, after = text.splitlines(), changed.splitlines()
    line = next((n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    return Change(changed, line + 1, before[line].strip(), after[line].strip() if line < len(after) else "")


def _operations(text: str) -> Iterator[Made]:
    import cosmic_ray.plugins
    from cosmic_ray.ast import ast_nodes, get_ast

    untouched = list(_untouched(text))
    tree = get_ast(text)
    for name in sorted(cosmic_ray.plugins.operator_names()):
        _, replaces, exchange = name.partition("Operator_")
        if replaces and exchange not in _OPERATORS:
            continue
        operator_class = cosmic_ray.plugins.get_operator(name)
        if operator_class.arguments():
            continue
        operator = operator_class()
        places = (at for node in ast_nodes(tree) for at in operator.mutation_positions(node))
        for number, (start, _) in enumerate(places):
            if not any(first <= start < last for first, last in untouched):
                yield partial(_operated, text, operator, number)


def _operated(text: str, operator: object, number: int) -> Change | None:
    from cosmic_ray.mutating import mutate_code

    try:
        changed = mutate_code(text, operator, number)
        ast.parse(changed or "")
    except (AttributeError, SyntaxError):  # cosmic-ray 8 on `except module.Error`, and on `*` in a call or a signature
        return None
    return _change(text, changed)


def _untouched(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """What no mutant is made of, (line, column) of begins and ends: signs for readers and tools, and `_NO_RESULT`."""
    for node in ast.walk(ast.parse(text)):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.expr):
                yield (part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0)
        if isinstance(node, ast.arguments) and node.args and node.kwonlyargs:  # the `*` between them
            before, after = node.args[-1], node.kwonlyargs[0]
            yield (before.end_lineno or 0, before.end_col_offset or 0), (after.lineno, after.col_offset)
        for part in getattr(node, "decorator_list", ()):
            if _NO_RESULT.search(ast.unparse(part)):
                yield (part.lineno, 0), (part.end_lineno or 0, part.end_col_offset or 0)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield (node.lineno, 0), (node.end_lineno or 0, node.end_col_offset or 0)


def _sql_strings(text: str) -> Iterator[tuple[int, int]]:
    """Where strings with SQL stand: their offsets. Docstrings are none."""
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        starts_line = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        if token.type == tokenize.STRING and not starts_line and _SQL.search(token.string):
            yield offsets[token.start[0] - 1] + token.start[1], offsets[token.end[0] - 1] + token.end[1]
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = token.type


def _exchanges(text: str, places: Sequence[tuple[int, int]]) -> Iterator[Made]:
    for first, last in places:
        for pattern, other in _EXCHANGES:
            for match in re.finditer(pattern, text[first:last], re.IGNORECASE):
                start, end = first + match.start(), first + match.end()
                if not text[text.rfind("\n", 0, start) + 1 : start].lstrip().startswith("--"):
                    yield partial(_change, text, text[:start] + other + text[end:])


def copied_tree(root: Path, folder: Path) -> Path:
    """The tracked files of `root` in `folder`, compiled."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, folder / name)
    subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=folder, check=True)
    return folder


WITHOUT_SPARK = "not soak and not clouds and not spark"
"""The marks of most modules' tests, as pytest's `-m` has them."""


def run(
    tree: Path,
    tests: Iterable[str],
    changed: Mapping[str, str],
    seconds: float = 600,
    plugin: Plugin | None = None,
    marks: str = WITHOUT_SPARK,
) -> bool:
    """Whether the tests pass, the texts of `changed` files in place, which are put back. Not in that time is not; that
    none of them is left to run is no failure."""
    import_libraries()
    originals = {name: (tree / name).read_bytes() for name in changed}
    scratch = memory.new_folder() or tempfile.mkdtemp()
    try:
        for name, text in changed.items():
            (tree / name).write_text(text, encoding="utf-8")
            for compiled in (tree / name).parent.glob(f"__pycache__/{Path(name).stem}.*.pyc"):
                compiled.unlink()
        gc.freeze()  # what the child's collector looks at is copied
        child = os.fork()
        if child == 0:
            memory.use(scratch)
            sys.dont_write_bytecode = bool(changed)
            _test(tree, [test for test in tests if (tree / test.partition("::")[0]).exists()], plugin, marks)
        return _ended(child, seconds) in _NONE_FAILED
    finally:
        gc.unfreeze()
        shutil.rmtree(scratch, ignore_errors=True)
        for name, original in originals.items():
            (tree / name).write_bytes(original)


def profiled(
    tree: Path, modules: Sequence[str], tests: Sequence[str], marks: str = WITHOUT_SPARK
) -> dict[str, Profile]:
    """Which of the tests run which lines of unchanged modules, by module. Raises RuntimeError when a test fails."""
    written = tree / "profile.json"
    if not run(tree, tests, {}, plugin=lambda: Profiling(tree, modules, written, _OURS), marks=marks):
        raise RuntimeError(f"The tests of {', '.join(modules)} fail without any change: {', '.join(tests)}")
    return Profile.read(written)


def noticed(tree: Path, module: str, text: str, seconds: Mapping[str, float], marks: str = WITHOUT_SPARK) -> str | None:
    """The first of the tests that fails on a module's text, or takes longer than its seconds; None when none does."""
    written = tree / "begun.txt"
    written.unlink(missing_ok=True)
    files = list(dict.fromkeys(test.partition("::")[0] for test in seconds))
    if run(tree, files, {module: text}, sum(seconds.values()), lambda: Chosen(seconds, written), marks):
        return None
    return written.read_text(encoding="utf-8") if written.exists() else next(iter(seconds))


_NONE_FAILED = (0, 5)
"""pytest's exit codes: all passed, nothing was collected."""

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """What children of this process begin and leave, such as a JVM, is waited for here, so that `os.times` has its CPU;
    only Linux can."""
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


LIBRARIES = (
    "boto3",
    "dagster",
    "duckdb",
    "fakesnow",
    "hypothesis",
    "moto.server",
    "obstore.store",
    "pytest",
    "tenacity",
    "xdist.remote",
    "xdist.scheduler",
)
"""What the tests need and no mutant changes, imported before any fork."""


@functools.cache
def import_libraries() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)


def _test(tree: Path, tests: Sequence[str], plugin: Plugin | None, marks: str) -> None:
    """Run tests in this process, a child, and end it: 0 when they pass."""
    code = 1
    try:
        import hypothesis
        import pytest

        os.setsid()
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # nobody reads the smallest example
        hypothesis.settings.register_profile("mutants", phases=phases, database=None, deadline=None)
        os.chdir(tree)
        sys.path[:] = [str(tree), *(entry for entry in sys.path if entry not in ("", str(Path.cwd())))]
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            del sys.modules[name]
        silent = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(silent, stream)
        options = ["-x", "-q", "-n", "0", "-m", marks]
        options += ["--hypothesis-profile", "mutants"]
        code = pytest.main([*options, *tests], [plugin()] if plugin else [])
    finally:
        os._exit(int(code))


_OURS = ("spotify_assets", "glue_scripts", "spotify_assets_tests", "benchmarks")


def _ended(child: int, seconds: float) -> int:
    """The child's exit code, not 0 when it took too long; its whole group is ended."""

    def too_long(*_: object) -> None:
        os.killpg(child, signal.SIGKILL)

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        _, status = os.waitpid(child, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what it began and left, such as a JVM
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-child, 0)
    return os.waitstatus_to_exitcode(status)
