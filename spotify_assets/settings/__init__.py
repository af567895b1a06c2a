"""Every setting, read and validated in one place. Nothing here connects to anything.

`load_settings()` is the only reader of the environment, `settings_from()` takes values instead; `model` says which
settings there are and what each must be.
"""

from spotify_assets.settings.model import (
    Settings,
    SnowflakeLoad,
    SpotifySource,
    Switch,
    TransformEngineName,
    WarehouseName,
    WithoutSnapshots,
    is_secret,
)
from spotify_assets.settings.process import (
    configured_dagster_home,
    export_event_batch_size,
    export_java_home,
    exported_dagster_home,
    java_home,
)
from spotify_assets.settings.reading import SettingsError, deployment, load_settings, settings_from

__all__ = [
    "Settings",
    "SettingsError",
    "SnowflakeLoad",
    "SpotifySource",
    "Switch",
    "TransformEngineName",
    "WarehouseName",
    "WithoutSnapshots",
    "configured_dagster_home",
    "deployment",
    "export_event_batch_size",
    "export_java_home",
    "exported_dagster_home",
    "is_secret",
    "java_home",
    "load_settings",
    "settings_from",
]
