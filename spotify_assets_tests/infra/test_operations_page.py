"""The operations page and the Power BI model are about what exists: settings, alarms, parameters, links, columns."""

from __future__ import annotations

import json
import re

import pytest

from glue_scripts.contract import DIMENSIONS, MARTS
from spotify_assets import insights
from spotify_assets.settings import Settings
from spotify_assets_tests.infra.template import ROOT, load

PAGE = (ROOT / "docs" / "operations.md").read_text()
MODEL = (ROOT / "infra" / "powerbi" / "semantic_model.md").read_text()
TABLES = {name.upper(): table for name, table in {**DIMENSIONS, **MARTS}.items()}


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"\n## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_setting_is_in_the_table_and_every_variable_in_it_is_a_setting() -> None:
    named = set(
        re.findall(
            r"`([A-Z][A-Z_]+)`",
            "\n".join(
                line.split("|")[1]
                for line in section("Environment variables per deployment").splitlines()
                if "|" in line
            ),
        )
    )
    known = {name.upper() for name in Settings.model_fields}
    assert known - named == set()
    assert named - known == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_the_numbers_for_insights_are_listed_by_the_names_that_stay() -> None:
    named = set(re.findall(r"^\| `([a-z_]+)` \|", section("Reading costs"), flags=re.MULTILINE))
    assert named == {value for name, value in vars(insights).items() if name.isupper()}


def test_every_alarm_of_the_template_has_a_remedy() -> None:
    types = ("AWS::CloudWatch::Alarm", "AWS::Budgets::Budget")
    resources = load()["Resources"]
    alarms = {name for name, resource in resources.items() if resource["Type"] in types} | {"GlueJobFailures"}
    remedied = set(re.findall(r"^\| `(\w+)`", section("Alerts and their remedies"), re.MULTILINE))
    assert alarms <= remedied


def test_every_parameter_given_to_the_template_exists() -> None:
    given = set(re.findall(r"[ '`]([A-Z][A-Za-z]+)=<?", PAGE))
    assert {"AlertEmail", "SnowflakeExternalId", "GitHubRepository", "ExtractionCodeKey"} <= given
    assert given <= load()["Parameters"].keys()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE))))
def test_every_link_leads_somewhere(link: str) -> None:
    if link.startswith("#"):
        titles = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
        assert link[1:] in {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    else:
        assert (ROOT / "docs" / link).resolve().exists()


class TestSemanticModel:
    """The documented model over SPOTIFY and ANALYTICS."""

    def test_the_connection_file_is_for_snowflake(self) -> None:
        found = json.loads((ROOT / "infra" / "powerbi" / "spotify_assets.pbids").read_text())
        (connection,) = found["connections"]
        assert (connection["details"]["protocol"], connection["mode"]) == ("snowflake", "Import")

    def test_it_has_every_table_of_both_schemas_and_none_of_the_lake(self) -> None:
        listed = set(re.findall(r"^\| `([A-Z_]+)` \| `(SPOTIFY|ANALYTICS)`", MODEL, re.MULTILINE))
        assert listed == {
            *((name.upper(), "SPOTIFY") for name in DIMENSIONS),
            *((name.upper(), "ANALYTICS") for name in MARTS),
        }

    def test_every_column_it_names_exists(self) -> None:
        named = set(re.findall(r"\b([A-Z_]{4,})\[([A-Z_]+)\]", MODEL))
        assert len(named) > 20
        for table, column in named:
            assert column.lower() in TABLES[table].column_names, f"{table}[{column}]"

    def test_relations_lead_to_a_key(self) -> None:
        for table, column in re.findall(r"\| `([A-Z_]+)\[([A-Z_]+)\]`(?:, both directions)? \|$", MODEL, re.MULTILINE):
            assert TABLES[table].key == (column.lower(),)

    def test_no_measure_sums_over_loads(self) -> None:
        """A SUM may stand only where one day of a daily table is held fast."""
        measures = re.findall(r"```dax\n(.*?)```", MODEL, re.DOTALL)
        for measure in "\n\n".join(measures).split("\n\n"):
            if "SUM (" in measure or "AVERAGE (" in measure:
                assert "[SNAPSHOT_DATE] = LastDay" in measure, measure
