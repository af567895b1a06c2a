"""The marts as assets: what changed, who dominates, what overlaps. One asset and one SELECT of `sql/marts` each.

How a mart is replaced belongs in `spotify_assets.warehouse.marts`; what a column means belongs in the contract.
"""

import dagster as dg

from glue_scripts.contract import MARTS, Table
from spotify_assets.assets.metadata import ColumnSource, column_lineage, column_schema
from spotify_assets.assets.warehouse import (
    KINDS,
    OWNERS,
    POOL,
    applied_metadata,
    sample,
    send,
    table_key,
)
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import RETRY_POLICY, speak_to_dagster
from spotify_assets.warehouse import marts
from spotify_assets.warehouse.sql import qualified

GROUP = "analytics"

_DATE = ("lake/playlist_items", "snapshot_date")
_PLAYLIST = ("lake/playlist_items", "playlist_id")
_SONG = ("lake/playlist_items", "song_id")
_POSITION = ("lake/playlist_items", "position")
_SNAPSHOT = ("lake/playlists", "snapshot_date")
_NAMES = {
    "song_name": [("spotify/songs", "name")],
    "artist_name": [("spotify/artists", "name"), ("spotify/songs", "artist_id")],
}

LINEAGE: dict[str, dict[str, list[tuple[str, str]]]] = {
    "playlist_changes": {
        "snapshot_date": [_SNAPSHOT],
        "playlist_id": [("lake/playlists", "playlist_id")],
        "song_id": [_SONG],
        "occurrence": [_SONG, _POSITION],
        "change": [_SONG, _POSITION, _SNAPSHOT],
        "previous_date": [_SNAPSHOT],
        "from_position": [_POSITION],
        "to_position": [_POSITION],
        **_NAMES,
    },
    "song_runs": {
        "playlist_id": [_PLAYLIST],
        "song_id": [_SONG],
        "first_on": [_DATE],
        "last_on": [_DATE],
        "days_present": [_DATE],
        "longest_run": [_DATE, _SNAPSHOT],
        "best_position": [_POSITION],
        "re_entries": [_DATE, _SNAPSHOT],
        "is_present": [_DATE, _SNAPSHOT],
        **_NAMES,
    },
    "artist_share": {
        "snapshot_date": [_DATE],
        "artist_id": [("lake/song_artists", "artist_id")],
        "artist_name": [("spotify/artists", "name")],
        "slots": [_SONG, ("lake/song_artists", "song_id")],
        "songs": [_SONG, ("lake/song_artists", "song_id")],
        "playlists": [_PLAYLIST, ("lake/song_artists", "song_id")],
        "slot_share": [_SONG, ("lake/song_artists", "song_id")],
    },
    "release_profile": {
        "snapshot_date": [_DATE],
        "playlist_id": [_PLAYLIST],
        "release_year": [("lake/albums", "release_date"), ("lake/songs", "album_id")],
        "slots": [_SONG],
        "slot_share": [_SONG],
        "median_age_years": [("lake/albums", "release_date"), _DATE],
    },
    "playlist_overlap": {
        "snapshot_date": [_DATE],
        "playlist_id": [_PLAYLIST],
        "other_playlist_id": [_PLAYLIST],
        "songs_in_common": [_SONG],
        "songs": [_SONG],
        "other_songs": [_SONG],
        "jaccard": [_SONG],
    },
    "song_popularity": {
        "snapshot_date": [("lake/songs", "snapshot_date")],
        "song_id": [("lake/songs", "song_id")],
        "popularity": [("lake/songs", "popularity")],
        "previous_popularity": [("lake/songs", "popularity")],
        "change": [("lake/songs", "popularity")],
        **_NAMES,
    },
}
"""Where each column of each mart comes from, as `layer/table` and column."""


def mart_assets() -> list[dg.AssetsDefinition]:
    """The six marts of schema ANALYTICS."""
    return [_mart(table) for table in MARTS.values()]


def _mart(table: Table) -> dg.AssetsDefinition:
    @dg.asset(
        key=table_key("analytics", table.name),
        deps=[_dependency(path) for path in marts.READS[table.name]],
        retry_policy=RETRY_POLICY,
        pool=POOL,
        group_name=GROUP,
        kinds=KINDS,
        owners=OWNERS,
        description=(
            f"{table.description}\n\nGrain: {', '.join(table.key)}. "
            + (
                "Dates whose lake rows changed are computed again, the others are kept. "
                if table.name in marts.PER_DAY
                else "Computed in full. "
            )
            + f"Reads {', '.join(_sql_name(path) for path in marts.READS[table.name])}; a date is left out while the "
            f"lake tables hold different runs of it. Table `{qualified('analytics', table.name)}`."
        ),
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(_lineage(table)),
        },
    )
    def build(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
        with speak_to_dagster(context):
            return _build(context, warehouse, table)

    return build


def _build(context: dg.AssetExecutionContext, warehouse: WarehouseResource, table: Table) -> dg.MaterializeResult:
    newest_first = "snapshot_date" if "snapshot_date" in table.key else "last_on"
    sent = send(
        context,
        warehouse,
        lambda session: (
            marts.build(session, table.name),
            sample(session, "analytics", table, newest_first=newest_first),
        ),
    )
    built, shown = sent.result
    return dg.MaterializeResult(
        metadata={
            **sent.metadata,
            **(applied_metadata(built.pending) if built.pending is not None else {}),
            "dagster/row_count": built.rows,
            "dagster/table_name": warehouse.table_name("analytics", table.name),
            "preview": shown,
        }
    )


def _dependency(path: str) -> dg.AssetDep:
    layer, table = path.split("/")
    if layer == "lake":
        return dg.AssetDep(table_key(layer, table), partition_mapping=dg.AllPartitionMapping())
    return dg.AssetDep(table_key(layer, table))


def _lineage(table: Table) -> dict[str, list[ColumnSource]]:
    return {
        column: [(table_key(*path.split("/")), name) for path, name in sources]
        for column, sources in LINEAGE[table.name].items()
    }


def _sql_name(path: str) -> str:
    layer, table = path.split("/")
    return f"`{qualified(layer, table)}`"
