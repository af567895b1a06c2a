r"""How the command line writes: foreign text is shown exactly, does nothing to the terminal, and is never cut in pipes.

Every command prints through here. On a terminal, characters that it would act on are written out (`\x1b`); in a pipe,
CSV and JSON are the values themselves. What is said belongs to the commands.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.status import Status
from rich.table import Table
from rich.text import Text

from spotify_assets.redaction import visible

_NARROWEST = 8
"""Cells that a column is given at least where a table must fold; below that, each row becomes a block of lines."""

_RIGHT = "right"


def say(text: str, *, style: str = "", err: bool = False) -> None:
    """One message, as it is: no markup, no emoji codes, no line broken that the terminal would not break."""
    _console(err=err).print(Text(visible(text), style=style), soft_wrap=True)


def say_marked(mark: str, style: str, text: str, *, err: bool = False) -> None:
    """A message after a coloured word."""
    _console(err=err).print(Text.assemble((mark, style), visible(text)), soft_wrap=True)


def write(text: str) -> None:
    """Data for a program on standard output: exactly `text` in a pipe, and harmless on a terminal."""
    sys.stdout.write(visible(text) if sys.stdout.isatty() else text)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Rows as a table: folded to the width of a terminal, as wide as it needs to be in a pipe.

    Where a terminal is too narrow to give each column a few letters, every row is a block with one line per column.
    """
    console = _console()
    if title:
        console.print(Text(title))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold" if _on_terminal() else "")
    numbers = [all(isinstance(row[place], int | float | None) for row in rows) for place in range(len(columns))]
    for name, number in zip(columns, numbers, strict=True):
        table.add_column(Text(one_line(name)), overflow="fold", justify=_RIGHT if number and rows else "left")
    for row in rows:
        table.add_row(*map(_cell, row))
    if not _on_terminal():
        console.width = max(1, Measurement.get(console, console.options.update(max_width=1_000_000), table).maximum)
    elif sum(min(_widest(columns, rows, place), _NARROWEST) + 2 for place in range(len(columns))) > console.width:
        _show_blocks(console, columns, rows)
        return
    console.print(table)


def one_line(text: str) -> str:
    """`text` on one line, with line breaks and tabs written out too."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


class Progress:
    """What a long command is at: a spinner on a terminal, a line per step where nobody looks on."""

    def __init__(self, spinner: Status | None) -> None:
        self._spinner = spinner
        self._began = time.monotonic()
        self._dates = ""

    def step(self, name: str) -> None:
        """The step called `name` (Dagster's key of it) has ended."""
        self._tell(f"{name.replace('__', '/')} done")

    def dates(self, stretch: tuple[dt.date, dt.date], done: int, left: int) -> None:
        """The dates of `stretch` are at work (over, when none is left), `done` being behind it."""
        first, last = stretch
        self._dates = f"{first}{f' to {last}' if last != first else ''} ({done} dates done, {left} left): "
        self._tell("begun" if left else "done")

    def keep(self, text: str) -> None:
        """Something that is over, which stays to be read."""
        if self._spinner:
            self._spinner.console.print(Text(visible(text)), soft_wrap=True)
        else:
            self._line(visible(text))

    def _tell(self, text: str) -> None:
        text = visible(f"{self._dates}{text}")
        if self._spinner:
            self._spinner.update(Text(f"{text} …"))
        else:
            self._line(text)

    def _line(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self._began:7.1f} s  {text}", err=True)


@contextmanager
def progress(text: str) -> Iterator[Progress]:
    """Shows on standard error what is being done; on a terminal nothing of it stays."""
    if not _on_terminal(err=True):
        yield Progress(None)
        return
    with _console(err=True).status(Text(text)) as spinner:
        yield Progress(spinner)


def _console(*, err: bool = False) -> Console:
    return Console(highlight=False, markup=False, emoji=False, stderr=err)


def _on_terminal(*, err: bool = False) -> bool:
    return (sys.stderr if err else sys.stdout).isatty()


def _cell(value: object) -> RenderableType:
    if value is None:
        return Text("NULL", style="dim")
    if isinstance(value, bool):
        return "true" if value else "false"
    return Text(one_line(str(value)))


def _widest(columns: Sequence[str], rows: Sequence[Sequence[object]], place: int) -> int:
    return max(cell_len(str(text)) for text in [columns[place], *(row[place] for row in rows)])


def _show_blocks(console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for number, row in enumerate(rows, 1):
        console.print(Text(f"── row {number} ", style="bold"))
        block = Table.grid(padding=(0, 2))
        block.add_column(overflow="fold")
        block.add_column(overflow="fold")
        for name, value in zip(columns, row, strict=True):
            block.add_row(Text(one_line(name), style="bold"), _cell(value))
        console.print(block)
