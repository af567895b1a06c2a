"""What benchmarks print becomes the tables of docs/performance.md, each in its place."""

from __future__ import annotations

from benchmarks.table import HEADING, replaced, section

PRINTED = """\
  DuckDB engine, 1,000 entries                                  0.130 s     90 MiB
    against the barest DuckDB pass, six tables                  0.100 s     80 MiB   ratio 1.30
"""


def test_a_row_for_each_line_with_baselines_marked() -> None:
    made = section("engine", PRINTED, "2026-11-26, 2 cores.")

    assert made.splitlines() == [
        "### engine",
        "",
        "2026-11-26, 2 cores.",
        "",
        "| what | figures |",
        "|---|---|",
        "| DuckDB engine, 1,000 entries | 0.130 s · 90 MiB |",
        "| – against the barest DuckDB pass, six tables | 0.100 s · 80 MiB · ratio 1.30 |",
    ]


def test_a_table_takes_the_place_of_its_older_one_and_leaves_the_others() -> None:
    page = "# Performance\n\nText.\n"
    for name, text in (("warehouse", "first"), ("engine", "old"), ("engine", "new")):
        page = replaced(page, name, section(name, f"  {text}   1 s\n", "here"))

    assert page.startswith("# Performance\n\nText.\n\n## Measured\n")
    assert page.count(HEADING) == 1
    assert "old" not in page
    assert page.index("| new | 1 s |") < page.index("| first | 1 s |")
