"""The one reader of the environment: from variables to Settings, and from what pydantic says to sentences."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Mapping, Sequence

from pydantic import SecretStr, ValidationError

from spotify_assets.failures import PermanentError
from spotify_assets.settings.model import Settings, Switch, is_secret
from spotify_assets.settings.rules import mistakes

log = logging.getLogger(__name__)

_FOREIGN = ("AWS_", "DAGSTER_CLOUD_")
"""Prefixes of other tools' many variables, some of which are one letter from one of ours and rightly so."""

_OF_THE_PROCESS = (
    "dagster_cloud_deployment_name",
    "dagster_cloud_is_branch_deployment",
    "dagster_cloud_pull_request_id",
    "aws_region",
    "aws_default_region",
)

_NEAR = 0.86
"""How alike two names are (difflib's ratio) where one is taken for a slip of the other."""


class SettingsError(PermanentError):
    """The environment can't be used as it is; `parts` has one failure per mistake, the message one sentence each."""

    def __init__(self, parts: Sequence[PermanentError]) -> None:
        super().__init__("\n".join(map(str, parts)))
        self.parts = tuple(parts)


def load_settings(environment: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environment` (default: the process's). Raises SettingsError naming every mistake.

    `overrides` are variables that come from elsewhere, such as a secret's content, and win. Of the process's
    environment, a name that is nearly a setting's is warned of.
    An `.env` file is not read here: Dagster and the command line load it into the environment first.
    """
    if environment is None:
        environment = os.environ
        for name, meant in near_misses(environment).items():
            log.warning("%s is set but is no setting: did you mean %s?", name, meant)
    fields = Settings.model_fields
    given = {**environment, **(overrides or {})}
    return _checked({name.lower(): value for name, value in given.items() if name.isupper() and name.lower() in fields})


def settings_from(values: Mapping[str, object]) -> Settings:
    """The settings with these values, each under its name in lower case, such as `lake_url`; the others are unset.

    Nothing is read from the environment. None and blank text are unset too; a switch may be True or False, which is
    what YAML makes of `on` and `off`. Raises SettingsError naming every mistake, and every name that is no setting's.
    """
    unknown = [name for name in values if name not in Settings.model_fields]
    if unknown:
        raise SettingsError([_unknown(name) for name in unknown])
    return _checked({name: _written(name, value) for name, value in values.items()})


def deployment() -> dict[str, object]:
    """What the environment says of where this process runs, as `settings_from` takes it: Dagster+'s deployment, and the
    region that AWS's libraries take from there anyway.

    Which repository Dagster+ took the code from is left out: it need not be this platform's.
    """
    return {name: os.environ[name.upper()] for name in _OF_THE_PROCESS if name.upper() in os.environ}


def _unknown(name: str) -> PermanentError:
    near = difflib.get_close_matches(name.lower(), Settings.model_fields, n=1, cutoff=_NEAR)
    return PermanentError(
        f"{name} is no setting",
        remedy=f"did you mean {near[0]}?" if near else "docs/configuration.md lists all there are",
    )


def _written(name: str, value: object) -> object:
    """`value` as the model takes it."""
    if isinstance(value, bool) and Settings.model_fields[name].annotation == Switch:
        return "on" if value else "off"
    return value


def near_misses(environment: Mapping[str, str]) -> dict[str, str]:
    """The names in `environment` that are no setting's but nearly so, and the settings' they are near to.

    A name in lower case is one of them: settings are read in upper case only. A setting that is set as well is not what
    was meant.
    """
    settings = {name.upper() for name in Settings.model_fields}
    unset = settings - environment.keys()
    near: dict[str, str] = {}
    for name in sorted(environment.keys() - settings):
        if not name.upper().startswith(_FOREIGN):
            meant = difflib.get_close_matches(name.upper(), unset, n=1, cutoff=_NEAR)
            near.update((name, one) for one in meant)
    return near


def _checked(given: Mapping[str, object]) -> Settings:
    known = {name: value for name, value in given.items() if not _is_blank(value)}
    try:
        settings = Settings.model_validate(known)
    except ValidationError as error:
        raise SettingsError([_mistake(part, known) for part in error.errors()]) from None
    if problems := mistakes(settings):
        raise SettingsError(problems)
    return settings


def _is_blank(value: object) -> bool:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return text is None or (isinstance(text, str) and not text.strip())


def _mistake(error: Mapping[str, object], values: Mapping[str, object]) -> PermanentError:
    """One mistake of pydantic's, in our words; a secret's value is never repeated."""
    location = error["loc"]
    field = str(location[0]) if isinstance(location, tuple) and location else ""
    what = "can't be used" if is_secret(field) else f"is {values.get(field, '')!r}"
    return PermanentError(f"{field.upper()} {what}", remedy=_remedy(error))


def _remedy(error: Mapping[str, object]) -> str:
    context = error.get("ctx")
    bounds: Mapping[str, object] = context if isinstance(context, Mapping) else {}
    match error["type"]:
        case "literal_error":
            return f"use {bounds['expected']}"
        case "int_parsing" | "int_from_float":
            return "use a whole number"
        case "float_parsing":
            return "use a number"
        case "bool_parsing":
            return "use 'true' or 'false'"
        case "greater_than_equal":
            return f"use {bounds['ge']} or more"
        case "less_than_equal":
            return f"use {bounds['le']} or less"
        case _:
            return str(error["msg"]).removeprefix("Value error, ")
