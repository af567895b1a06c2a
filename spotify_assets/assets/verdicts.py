"""How a check says what it found: the rule, how often it is broken, rows that show it, and what to do.

Every check's result is made here, so that the UI, an alert and `spotify-assets build` can say it alike. What a rule is
belongs beside its check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from spotify_assets.markdown import escaped, plain
from spotify_assets.private import CheckedMaterialization

REMEDY = "remedy"
"""The metadata of a failed check that says what to do."""

WHAT = "what"
"""The metadata of a failed check that says what it found, without what to do."""

SHOWN_RULES = 20
SHOWN_ROWS = 3


@dataclass(frozen=True)
class Broken:
    """A rule that does not hold: how many `things` break it, and some of them, foreign text as it is.

    Without `things` it is a rule that one thing alone can break.
    """

    rule: str
    count: int
    rows: Sequence[str]
    things: str = "rows"

    def said(self, shown: int = SHOWN_ROWS) -> str:
        """One sentence as Markdown."""
        rows = "; ".join(escaped(row) for row in self.rows[:shown])
        if not self.things:
            return f"{escaped(self.rule)}: not so: {rows}"
        more = ", such as " if self.count > len(self.rows[:shown]) else ": "
        return f"{escaped(self.rule)}: broken by {self.count} {self.things}" + (f"{more}{rows}" if rows else "")


def verdict(
    broken: Sequence[Broken],
    *,
    fine: str,
    remedy: str,
    metadata: Mapping[str, dg.RawMetadataValue] | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    shown: int = SHOWN_ROWS,
    asset: dg.AssetKey | None = None,
    name: str | None = None,
) -> dg.AssetCheckResult:
    """The result of a check: `fine` is what it says when nothing is `broken`, `remedy` what to do when something is.

    `shown` rows of each rule are named, `metadata` is shown either way. `asset` and `name` are for checks of a step of
    several.
    """
    said = "; ".join(each.said(shown) for each in broken[:SHOWN_RULES]).rstrip(".")
    told = {
        "broken": sum(each.count for each in broken),
        WHAT: dg.MetadataValue.md(said),
        REMEDY: dg.MetadataValue.md(remedy),
    }
    return dg.AssetCheckResult(
        passed=not broken,
        asset_key=asset,
        check_name=name,
        severity=severity,
        description=f"{said}. {remedy[:1].upper()}{remedy[1:]}" if broken else fine,
        metadata={**(metadata or {}), **(told if broken else {})},
    )


def evaluation(
    result: dg.AssetCheckResult,
    *,
    blocking: bool | None = None,
    partition: str | None = None,
    target: CheckedMaterialization | None = None,
) -> dg.AssetCheckEvaluation:
    """`result`, which names its asset and check, as the event that Dagster records; `target` is what it is about."""
    assert result.asset_key is not None, "the result of a check says of which asset"
    assert result.check_name is not None, "the result of a check says of which check"
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
        blocking=blocking,
        partition=partition,
        target_materialization_data=target,
    )


def cause(evaluation: dg.AssetCheckEvaluation) -> str:
    """What a failed check found, without what to do, as Markdown."""
    what = evaluation.metadata.get(WHAT)
    return str(what.value) if what else evaluation.description or "no description"


def told(evaluation: dg.AssetCheckEvaluation) -> str:
    """What a failed check found and what to do, as plain text for a terminal."""
    return plain(evaluation.description or "it says no more")
