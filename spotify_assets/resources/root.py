"""Which resource stands behind each name, for a deployment's settings: the one table of swappable ends.

| name                | nothing set        | set                                                        |
|---------------------|--------------------|------------------------------------------------------------|
| `spotify`           | the sandbox        | `SPOTIFY_CLIENT_ID`: the Web API                           |
| `lake`              | a local folder     | `LAKE_URL`: S3                                             |
| `engine`            | DuckDB             | `TRANSFORM_ENGINE`: local Spark, AWS Glue                  |
| `warehouse`         | embedded           | `SNOWFLAKE_ACCOUNT`: Snowflake                             |
| `catalog`           | not there          | `GLUE_DATABASE`: the Glue Data Catalog                     |
| `athena`            | not there          | `ATHENA_WORKGROUP`: Athena over that catalog               |
| `powerbi`           | not there          | `POWERBI_…`: the semantic model                            |
"""

from __future__ import annotations

from spotify_assets.engines.engine import TransformEngine
from spotify_assets.resources.lake import lake_resource
from spotify_assets.resources.spotify import spotify_resource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.settings import Settings


def resources(settings: Settings) -> dict[str, object]:
    """Every resource by the name assets ask for it. Nothing is connected to yet."""
    resources: dict[str, object] = {
        "spotify": spotify_resource(settings),
        "lake": lake_resource(settings),
        "engine": engine_resource(settings),
        "warehouse": warehouse_resource(settings),
    }
    if settings.catalog_database:
        from spotify_assets.resources.catalog import catalog_resource

        resources["catalog"] = catalog_resource(settings)
    if settings.athena_workgroup:
        from spotify_assets.resources.athena import athena_resource

        resources["athena"] = athena_resource(settings)
    if settings.powerbi_is_on:
        from spotify_assets.resources.powerbi import powerbi_resource

        resources["powerbi"] = powerbi_resource(settings)
    return resources


def engine_resource(settings: Settings) -> TransformEngine:
    """The engine TRANSFORM_ENGINE names."""
    if settings.transform_engine == "glue":
        from spotify_assets.engines.glue_engine import glue_engine

        return glue_engine(settings)
    if settings.transform_engine == "spark":
        from spotify_assets.engines.spark_engine import SparkEngine

        return SparkEngine()
    from spotify_assets.engines.duckdb_engine import DuckDBEngine

    return DuckDBEngine()


def warehouse_resource(settings: Settings) -> WarehouseResource:
    """The warehouse the settings name. Connects to nothing and imports no driver."""
    if settings.warehouse_name == "snowflake":
        from spotify_assets.resources.warehouse_snowflake import snowflake_warehouse

        return snowflake_warehouse(settings)
    from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse

    return EmbeddedWarehouse(folder=str(settings.home / "warehouse"), database=settings.snowflake_database)
