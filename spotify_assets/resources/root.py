"""Which resource stands behind each name, for a deployment's settings: the one table of swappable ends.

| name        | nothing set        | set                                                        |
|-------------|--------------------|------------------------------------------------------------|
| `spotify`   | the sandbox        | `SPOTIFY_CLIENT_ID`: the Web API                           |
| `lake`      | a local folder     | `LAKE_URL`: S3                                             |
| `engine`    | DuckDB             | `TRANSFORM_ENGINE`: local Spark, AWS Glue                  |
| `warehouse` | embedded           | `SNOWFLAKE_ACCOUNT`: Snowflake                             |
"""

from __future__ import annotations

from spotify_assets.resources.duckdb_engine import DuckDBEngine
from spotify_assets.resources.engine import TransformEngine
from spotify_assets.resources.lake import lake_resource
from spotify_assets.resources.spotify import spotify_resource
from spotify_assets.resources.warehouse import warehouse_resource
from spotify_assets.settings import Settings


def resources(settings: Settings) -> dict[str, object]:
    """Every resource by the name assets ask for it."""
    return {
        "spotify": spotify_resource(settings),
        "lake": lake_resource(settings),
        "engine": engine_resource(settings),
        "warehouse": warehouse_resource(settings),
    }


def engine_resource(settings: Settings) -> TransformEngine:
    """The engine TRANSFORM_ENGINE names."""
    return DuckDBEngine()
