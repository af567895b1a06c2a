"""What every asset shows alike, put on at the root: its layer's tags, kinds that are true, its code.

What one asset alone shows belongs beside that asset; freshness in `automation.freshness`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import dagster as dg

from spotify_assets.names import PLAIN, Names
from spotify_assets.settings import Settings

_CODE = "dagster/code_references"

_NAMES_PEOPLE = {"playlist_snapshots", "playlists", "playlist_items"}
"""Tables that hold Spotify user names: who owns a playlist, who added an entry."""


def conventional(spec: dg.AssetSpec, settings: Settings, names: Names = PLAIN) -> dg.AssetSpec:
    """`spec` with its layer's tags, and with no kind that is not true of this deployment."""
    group = names.uncalled(spec.group_name or "default")
    names_people = spec.key.path[-1] in _NAMES_PEOPLE and "glue_catalog" not in spec.key.path
    return spec.replace_attributes(
        kinds=_true(spec.kinds, settings),
        tags={
            **{name: value for name, value in spec.tags.items() if not name.startswith("dagster/kind/")},
            "domain": "spotify",
            "layer": group,
            "personal_data": "yes" if names_people else "no",
        },
    )


def _true(kinds: set[str], settings: Settings) -> set[str]:
    """`snowflake` on Snowflake alone, else `duckdb`, which the embedded warehouse is; `s3` only where the lake is."""
    if "snowflake" in kinds and settings.warehouse_name == "embedded":
        kinds = (kinds - {"snowflake"}) | {"duckdb"}
    return kinds if settings.lake_is_on_s3 else kinds - {"s3"}


def with_code_links(
    assets: Sequence[dg.AssetsDefinition | dg.AssetSpec], settings: Settings
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """`assets` with a link to their code: the file here; on Dagster+, the file of the deployed commit.

    On Dagster+ a path in a container helps nobody: without a known repository there is no link.
    """
    linked = [_with_file(each) if isinstance(each, dg.AssetsDefinition) else each for each in assets]
    if settings.dagster_plus is None:
        return linked
    if settings.source_code is None:
        return [
            each.map_asset_specs(_without_links) if isinstance(each, dg.AssetsDefinition) else each for each in linked
        ]
    url, commit, platform = settings.source_code
    mapping = dg.AnchorBasedFilePathMapping(Path(__file__), "spotify_assets/conventions.py")
    on_git = dg.link_code_references_to_git(linked, url, commit, platform=platform, file_path_mapping=mapping)
    return cast("list[dg.AssetsDefinition | dg.AssetSpec]", [*on_git])


def _with_file(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """`asset` with a reference to its function. `dg.with_source_code_references` would name the decorator's file."""
    compute = asset.op.compute_fn
    function = inspect.unwrap(cast("Callable[..., object]", getattr(compute, "decorated_fn", compute)))
    own = dg.LocalFileCodeReference(
        file_path=inspect.getsourcefile(function) or "", line_number=inspect.getsourcelines(function)[1]
    )

    def referenced(spec: dg.AssetSpec) -> dg.AssetSpec:
        others = spec.metadata.get(_CODE)
        kept = others.code_references if isinstance(others, dg.CodeReferencesMetadataValue) else []
        value = dg.CodeReferencesMetadataValue(code_references=[own, *kept])
        return spec.replace_attributes(metadata={**spec.metadata, _CODE: value})

    return asset.map_asset_specs(referenced)


def _without_links(spec: dg.AssetSpec) -> dg.AssetSpec:
    return spec.replace_attributes(
        metadata={**spec.metadata, _CODE: dg.CodeReferencesMetadataValue(code_references=[])}
    )
