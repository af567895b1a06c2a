"""Writes what the docs say of settings and tables from where these are defined: `make docs`, or `--check`.

Whole files: `.env.example`, docs/data-model.md. Parts of files, between `<!-- generated: NAME -->` and
`<!-- /generated -->`: the settings in docs/configuration.md, and which deployment sets which in docs/operations.md. A
test holds them.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS, Table
from spotify_assets.settings.model import DEPLOYMENTS, DagsterPlusSettings, groups, is_secret

ROOT = Path(__file__).resolve().parents[1]

AWS_VARIABLES = (
    (
        "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`",
        "○ or a profile",
        "○ secret, or a role",
        "○ secret, or a role",
        "its role",
    ),
)
"""Read by AWS's own libraries, not by the settings."""

SCHEMAS = (
    (
        "LAKE",
        LAKE_TABLES,
        "The seven tables of the lake as they are: one row per snapshot date and key. The same rows lie in the lake as "
        "Parquet, in the Data Catalog for Athena, and in the warehouse's schema `LAKE`.",
    ),
    ("SPOTIFY", DIMENSIONS, "One row per id, whatever the date: the latest attributes, and when it was seen."),
    ("ANALYTICS", MARTS, "What changed, computed from the other two."),
)


def generated() -> Iterator[tuple[Path, str]]:
    """Every file with something generated in it, and its whole text as it should be."""
    yield ROOT / ".env.example", env_example()
    yield ROOT / "docs" / "data-model.md", data_model()
    for name, part in (("docs/configuration.md", settings_table()), ("docs/operations.md", deployments_table())):
        path = ROOT / name
        yield path, between_marks(path.read_text(encoding="utf-8"), part)


def between_marks(text: str, part: str) -> str:
    """`text` with `part` between its marks. Raises ValueError where there are none."""
    marks = re.compile(r"(<!-- generated: [^\n]* -->\n).*?(<!-- /generated -->)", re.DOTALL)
    if not marks.search(text):
        raise ValueError("no <!-- generated: … --> … <!-- /generated --> in the text")
    return marks.sub(lambda match: f"{match[1]}\n{part}\n{match[2]}", text)


def settings_table() -> str:
    """Every setting with its default and meaning, as one Markdown table."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for group in groups():
        if group is not DagsterPlusSettings:
            lines.append(f"| **{group.__doc__}** | | |")
            for name, field in group.model_fields.items():
                value = written(field.default)
                lines.append(f"| `{name.upper()}` | {f'`{value}`' if value else '–'} | {field.description} |")
    return "\n".join(lines) + "\n"


def deployments_table() -> str:
    """Which deployment sets which variable, as one Markdown table; neighbours that are alike share a row."""
    rows: list[tuple[list[str], tuple[str, ...]]] = []
    for group in groups():
        for name, field in group.model_fields.items():
            extra: Any = field.json_schema_extra
            cells = tuple(extra["deployments"])
            if is_secret(name):
                cells = tuple(re.sub(r"^(○|\*\*●\*\*)", r"\1 secret", cell) for cell in cells)
            if rows and rows[-1][1] == cells and prefix(rows[-1][0][-1]) == prefix(name):
                rows[-1][0].append(name.upper())
            else:
                rows.append(([name.upper()], cells))
    lines = [f"| variable | {' | '.join(DEPLOYMENTS)} |", "|---" * (len(DEPLOYMENTS) + 1) + "|"]
    lines += [f"| {', '.join(f'`{name}`' for name in names)} | {' | '.join(cells)} |" for names, cells in rows]
    lines += [f"| {' | '.join(row)} |" for row in AWS_VARIABLES]
    return "\n".join(lines) + "\n"


def prefix(name: str) -> str:
    return name.upper().split("_")[0]


def env_example() -> str:
    """A file to copy to `.env`: every setting, commented out, with its default or an example."""
    lines = [
        "# Copy to .env and fill in what you have. Everything is optional: with nothing set, the whole line runs on",
        "# this machine on fictional data. Each end switches on alone when its credentials are set. Take away the #",
        "# before a name to set it; what stands there is the default, or an example where there is none.",
    ]
    for group in groups():
        if group is not DagsterPlusSettings:
            lines += ["", f"# --- {group.__doc__}"]
            for name, field in group.model_fields.items():
                lines.append(f"# {(field.description or '').replace('`', '')}")
                lines.append(f"#{name.upper()}={written(field.default) or example(field)}")
    return "\n".join(lines) + "\n"


def written(value: object) -> str:
    """A default as it is written into the environment; empty where there is none."""
    if value is None or value == ():
        return ""
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def example(field: FieldInfo) -> str:
    return str(field.examples[0]) if field.examples else ""


def data_model() -> str:
    """docs/data-model.md."""
    parts = [
        "# Data model\n\n"
        "<!-- Written by `make docs` from glue_scripts/contract.py; change that. -->\n\n"
        "Every table and column, as the contract has them. Types are Snowflake's. A column may be null where it says "
        "so; a blocking check holds the others. Timestamps are UTC without a zone.\n\n"
        + "\n".join(
            f"- [`{schema}`](#{schema.lower()}): " + ", ".join(f"[{name}](#{schema.lower()}{name})" for name in tables)
            for schema, tables, _ in SCHEMAS
        )
        + "\n\n"
        + relations()
    ]
    for schema, tables, about in SCHEMAS:
        parts.append(f"## {schema}\n\n{about}\n")
        parts += [table_section(schema, table) for table in tables.values()]
    return "\n".join(parts)


def relations() -> str:
    """The references between the tables of one date, as a Mermaid diagram."""
    lines = ["```mermaid", "erDiagram"]
    for table in LAKE_TABLES.values():
        for reference in table.references:
            lines.append(f"    {table.name} }}o--|| {reference.table} : {'_'.join(reference.columns)}")
    return "\n".join([*lines, "```"]) + "\n"


def table_section(schema: str, table: Table) -> str:
    """One table: its description, key, references and columns."""
    lines = [f"### {schema}.{table.name}", "", table.description, "", f"Key: {', '.join(f'`{c}`' for c in table.key)}."]
    for reference in table.references:
        columns, target = ", ".join(reference.columns), ", ".join(reference.target_columns)
        lines.append(f"`{columns}` refers to `{schema}.{reference.table}` (`{target}`).")
    lines += ["", "| column | type | null | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{column.name}` | `{column.type.snowflake}` | {'yes' if column.nullable else ''} | "
        f"{column.description.replace('|', chr(92) + '|')} |"
        for column in table.columns
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write what differs, or with `--check` name it and answer 1."""
    stale = [
        (path, text) for path, text in generated() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        print(f"{path.relative_to(ROOT)} {'differs: run `make docs`' if '--check' in sys.argv else 'written'}")
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
