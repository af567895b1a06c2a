"""The docs and `.env.example` say of settings and tables what the code says, values included."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr

from spotify_assets.settings import Settings, load_settings
from spotify_assets.settings.model import SpotifySettings, groups, is_secret
from spotify_assets.spotify.auth import REDIRECT_URI

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_generated_stands_in_the_files(generate: ModuleType) -> None:
    stale = [path.name for path, text in generate.generated() if path.read_text(encoding="utf-8") != text]

    assert not stale, "run `make docs`"


def test_a_default_changed_in_the_settings_alone_makes_docs_and_env_example_stale(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SpotifySettings.model_fields["spotify_daily_call_budget"], "default", 901)

    stale = [path.name for path, text in generate.generated() if path.read_text(encoding="utf-8") != text]

    assert stale == [".env.example", "configuration.md"]


def test_the_check_names_what_is_stale_and_changes_nothing(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (ROOT / ".env.example").read_text(encoding="utf-8")
    monkeypatch.setattr(SpotifySettings.model_fields["spotify_daily_call_budget"], "default", 901)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])

    assert generate.main() == 1
    assert ".env.example differs: run `make docs`" in capsys.readouterr().out
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == before


def test_env_example_is_a_readable_env_file_that_sets_nothing(tmp_path: Path) -> None:
    assert dotenv_values(ROOT / ".env.example") == {}


def test_env_example_with_every_default_taken_in_changes_nothing(tmp_path: Path) -> None:
    text = re.sub(r"^#(?=[A-Z])", "", (ROOT / ".env.example").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = dotenv_values(stream=io.StringIO(text))
    defaults = {
        name: value or ""
        for name, value in named.items()
        if Settings.model_fields[name.lower()].default not in (None, ())
    }

    assert load_settings(defaults) == load_settings({})
    assert named.keys() == {name.upper() for name in Settings.model_fields if not name.startswith("dagster_cloud")}


def test_every_field_is_in_a_group_and_has_its_meaning() -> None:
    assert {name for group in groups() for name in group.model_fields} == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_what_is_called_a_secret_is_one_by_its_type() -> None:
    secret = {name for name in Settings.model_fields if is_secret(name)}

    assert secret == {
        name for name in Settings.model_fields if re.search(r"_secret$|_token$|_key$|_passphrase$|_webhook_url$", name)
    }
    assert {type(load_settings({"SPOTIFY_REFRESH_TOKEN": "x"}).spotify_refresh_token)} == {SecretStr}


def test_people_are_told_the_redirect_address_that_login_listens_on() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    told = {one for page in pages for one in re.findall(r"http://127\.0\.0\.1:\d+/callback", page.read_text())}

    assert told == {REDIRECT_URI}
