"""The Power BI semantic model as an asset: refreshed after the marts, where Power BI is configured.

Included in the definitions only when every POWERBI_ variable is set; loading them never reaches Power BI. What the
model holds is documented in `infra/powerbi/semantic_model.md`.
"""

import dagster as dg

from glue_scripts.contract import DIMENSIONS, MARTS
from spotify_assets.assets.metadata import ANALYSTS
from spotify_assets.names import PLAIN, Names
from spotify_assets.resources.powerbi import PowerBIResource
from spotify_assets.retries import retried


def powerbi_assets(names: Names = PLAIN) -> list[dg.AssetsDefinition]:
    """The semantic model, downstream of every table it imports."""

    @dg.asset(
        key=names.semantic_model,
        deps=[
            *(names.warehouse("spotify", name) for name in DIMENSIONS),
            *(names.warehouse("analytics", name) for name in MARTS),
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=names.called("analytics"),
        kinds={"powerbi"},
        owners=ANALYSTS,
        tags={"dagster-powerbi/asset_type": "semantic_model"},
        description=(
            "The Power BI semantic model over the schemas SPOTIFY and ANALYTICS. Materializing refreshes it and waits; "
            "it fails on every end but success. Tables, relations and measures: `infra/powerbi/semantic_model.md`."
        ),
    )
    @names.bound
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
