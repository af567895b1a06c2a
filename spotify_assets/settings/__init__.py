"""Every environment variable, read and validated in one place. Nothing here connects to anything.

`load_settings()` is the only reader of the environment; `model` says which variables there are and what each must be.
"""

from spotify_assets.settings.model import (
    Settings,
    SnowflakeLoad,
    SpotifySource,
    TransformEngineName,
    WarehouseName,
    WithoutSnapshots,
)
from spotify_assets.settings.process import (
    configured_dagster_home,
    export_event_batch_size,
    export_java_home,
    exported_dagster_home,
    java_home,
)
from spotify_assets.settings.reading import SettingsError, load_settings

__all__ = [
    "Settings",
    "SettingsError",
    "SnowflakeLoad",
    "SpotifySource",
    "TransformEngineName",
    "WarehouseName",
    "WithoutSnapshots",
    "configured_dagster_home",
    "export_event_batch_size",
    "export_java_home",
    "exported_dagster_home",
    "java_home",
    "load_settings",
]
