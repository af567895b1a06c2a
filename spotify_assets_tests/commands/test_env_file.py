"""`.env` on the command line: which file is read, and what becomes of one that can't be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spotify_assets.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a person in whose environment nothing is set."""
    monkeypatch.setattr("os.environ", {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def home() -> Result:
    return CliRunner().invoke(main, ["home"])


def test_the_working_folders_file_is_read(folder: Path) -> None:
    (folder / ".env").write_text("# mine\nexport SPOTIFY_ASSETS_HOME='here'\n")

    assert home().output == f"{folder}/here/dagster_home\n"


def test_what_the_environment_says_wins(folder: Path) -> None:
    (folder / ".env").write_text("SPOTIFY_ASSETS_HOME=here\n")
    os.environ["SPOTIFY_ASSETS_HOME"] = "there"

    assert home().output == f"{folder}/there/dagster_home\n"


def test_a_parents_file_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("SPOTIFY_ASSETS_HOME=elsewhere\n")
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)

    assert home().output == f"{below}/.spotify_assets/dagster_home\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nSPOTIFY_CLIENT_SECRET\n", "2"),
        ("A=1\nB=2\nSPOTIFY_CLIENT_ID: x\n", "3"),
        ('A="never closed\nB=1\n', "1"),
    ],
    ids=["no value", "a colon", "an open quote"],
)
def test_a_line_that_cant_be_read_is_an_error_that_names_it(folder: Path, text: str, line: str) -> None:
    (folder / ".env").write_text(text)

    result = home()

    assert result.exit_code == 1
    assert result.output.startswith(f"Error: Line {line} of {folder}/.env is no NAME=value.\n  Write it as NAME=value")


def test_a_file_that_is_no_text_is_an_error(folder: Path) -> None:
    (folder / ".env").write_bytes("SPOTIFY_ASSETS_HOME=héré\n".encode("utf-16"))

    result = home()

    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {folder}/.env can't be read: it is not UTF-8.\n")


def test_a_folder_of_that_name_is_somebody_elses(folder: Path) -> None:
    (folder / ".env").mkdir()

    assert home().exit_code == 0
