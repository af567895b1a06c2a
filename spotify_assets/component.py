"""The platform as a `dg` component, for somebody's own Dagster project: `type: spotify_assets.PlaylistHistory`.

Its attributes are the settings, by their names in lower case, and a prefix. What they must be is said by `settings`,
what they come to by `definitions`; here is only how Dagster's YAML gets there. Importing this is light: `dg` does it
for every package that registers components.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import dagster as dg
import jinja2
from pydantic import BaseModel, ConfigDict, Field, SecretStr, create_model

from spotify_assets.names import Names
from spotify_assets.settings import Settings, Switch, deployment, is_secret, settings_from

_SCAFFOLDED = (
    "spotify_client_id",
    "spotify_client_secret",
    "spotify_refresh_token",
    "spotify_consented_on",
    "spotify_playlists",
    "lake_url",
    "spotify_assets_automation",
)
"""What a new `defs.yaml` reads from the environment; with none of it set, the sandbox runs in the project's folder."""


class _Attributes(dg.Model):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def _attributes() -> type[dg.Model]:
    """The schema of the attributes: each may be a template, so each may be text. Judging is left to `settings`."""
    fields: dict[str, Any] = {
        "key_prefix": (
            str | list[str] | None,
            Field(
                default=None,
                description="comes before every asset key and every name, such as `music` or `music/rock`; two "
                "instances in one code location need two",
            ),
        )
    }
    for name, field in Settings.model_fields.items():
        kind = SecretStr | None if is_secret(name) else _kind(field.annotation) | None
        unset = "" if field.default in (None, ()) else f"; unset, `{field.default}`"
        about = Field(default=None, description=f"{field.description}{unset}", examples=field.examples)
        fields[name] = (kind, about)
    return cast("type[dg.Model]", create_model("PlaylistHistoryAttributes", __base__=_Attributes, **fields))


def _kind(annotation: Any) -> Any:
    """The type of a setting in YAML: numbers, choices and lists as they are, everything else as text."""
    if annotation == tuple[str, ...]:
        return list[str] | str
    if annotation == Switch:
        return Switch | bool | str  # YAML reads `on` and `off` as true and false
    union = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    kinds = [kind for kind in union if kind in (int, float, bool) or get_origin(kind) is Literal]
    return functools.reduce(operator.or_, [*kinds, str])


_ATTRIBUTES = _attributes()


class ScaffoldParameters(BaseModel):
    """What `dg scaffold defs` takes."""

    key_prefix: str | None = Field(
        default=None, description="comes before every asset key and name; for a second instance in the project"
    )


class PlaylistHistoryScaffolder(dg.Scaffolder[ScaffoldParameters]):
    """Writes a `defs.yaml` that runs as it is, on the sandbox, and on an account once its variables are set."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParameters]:
        return ScaffoldParameters

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParameters]) -> None:
        prefix = request.params.key_prefix
        own = {} if prefix is None else {"key_prefix": prefix, "spotify_assets_home": f".spotify_assets/{prefix}"}
        variables = "".join(f"{part}_" for part in Names.of(prefix or ()).prefix)
        read = {name: f"{{{{ env.{(variables + name).upper()} }}}}" for name in _SCAFFOLDED}
        dg.scaffold_component(request, {**own, **read})


@dg.scaffold_with(PlaylistHistoryScaffolder)
@dataclasses.dataclass(kw_only=True)
class PlaylistHistory(dg.Component, dg.Resolvable):
    """Daily snapshots of Spotify playlists, their tables in a lake and a warehouse, and what changed.

    Every attribute is a setting of the platform; with none, its sandbox runs in the project's folder. Nothing is read
    from the environment but what the attributes name, such as `{{ env.SPOTIFY_CLIENT_SECRET }}`, Dagster+'s name of
    the deployment, and what AWS's libraries read themselves.
    """

    settings: Settings = dataclasses.field(default_factory=lambda: settings_from(deployment()))
    key_prefix: str | Sequence[str] = ()

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        return dg.ComponentTypeSpec(
            tags=["spotify", "s3", "glue", "snowflake"],
            produces=["asset", "asset_check", "job", "schedule", "sensor", "resource"],
        )

    @classmethod
    def model(cls) -> type[BaseModel]:
        return _ATTRIBUTES

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> PlaylistHistory:
        """The component with its templates rendered. Raises SettingsError naming every mistake."""
        given = {name: _rendered(context.at_path(name), getattr(model, name)) for name in model.model_fields_set}
        key_prefix = cast("str | Sequence[str] | None", given.pop("key_prefix", None)) or ()
        Names.of(key_prefix)
        return cls(settings=settings_from({**deployment(), **given}), key_prefix=key_prefix)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        from spotify_assets.definitions import build_defs

        home = Path(context.project_root) / self.settings.spotify_assets_home
        return build_defs(self.settings.model_copy(update={"spotify_assets_home": home}), key_prefix=self.key_prefix)


def _rendered(context: dg.ResolutionContext, value: object) -> object:
    """`value` with its templates rendered: text, or whatever is no text, such as a list. A secret stays one."""
    if isinstance(value, SecretStr):
        return SecretStr(str(text)) if (text := _rendered(context, value.get_secret_value())) is not None else None
    if isinstance(value, list):
        return [_rendered(context.at_path(place), one) for place, one in enumerate(value)]
    if not isinstance(value, str):
        return value
    resolved = context.resolve_value(value)
    if resolved is None or isinstance(resolved, list | tuple):
        return resolved
    # Dagster's templates read what they render as Python (jinja2's `NativeTemplate`): an id of digits would be a
    # number, a secret such as 12e45 another secret.
    return jinja2.Template(value).render(**context.scope)
