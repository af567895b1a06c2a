"""The Power BI semantic model as an asset: refreshed after the marts, where Power BI is configured.

Included in the definitions only when every POWERBI_ variable is set; loading them never reaches Power BI. What the
model holds is documented in `infra/powerbi/semantic_model.md`.
"""

import dagster as dg

from glue_scripts.contract import DIMENSIONS, MARTS
from spotify_assets.assets.warehouse import OWNERS, table_key
from spotify_assets.resources.powerbi import PowerBIResource
from spotify_assets.retries import retried

SEMANTIC_MODEL = dg.AssetKey(["powerbi", "semantic_model"])


def powerbi_assets() -> list[dg.AssetsDefinition]:
    """The semantic model, downstream of every table it imports."""

    @dg.asset(
        key=SEMANTIC_MODEL,
        deps=[
            *(table_key("spotify", name) for name in DIMENSIONS),
            *(table_key("analytics", name) for name in MARTS),
        ],
        group_name="analytics",
        kinds={"powerbi"},
        owners=OWNERS,
        tags={"dagster-powerbi/asset_type": "semantic_model"},
        description=(
            "The Power BI semantic model over the schemas SPOTIFY and ANALYTICS. Materializing refreshes it and waits; "
            "it fails on every end but success. Tables, relations and measures: `infra/powerbi/semantic_model.md`."
        ),
    )
    @retried
    def semantic_model(context: dg.AssetExecutionContext, powerbi: PowerBIResource) -> dg.MaterializeResult:
        refresh = powerbi.refresh()
        return dg.MaterializeResult(
            metadata={
                "refresh_seconds": refresh.seconds,
                "started_at": refresh.started_at,
                "ended_at": refresh.ended_at,
                "request_id": refresh.request_id,
                "model": dg.MetadataValue.url(powerbi.url),
            }
        )

    return [semantic_model]
