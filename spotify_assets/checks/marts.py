"""Checks of the marts: one blocking check per mart, so that one bad mart stops only what reads it."""

import dagster as dg

from glue_scripts.contract import MARTS
from spotify_assets.checks.warehouse import keys_hold


def mart_checks() -> list[dg.AssetChecksDefinition]:
    """`keys_hold` of each mart."""
    return [keys_hold("analytics", table) for table in MARTS.values()]
