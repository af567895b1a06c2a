"""What README and the docs tell a person to type exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from spotify_assets.cli import COMMANDS, main
from spotify_assets_tests.commands.test_homes import run as run_commands
from spotify_assets_tests.spotify.test_payloads import ENTRIES, playlist

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in DOCS)


def test_every_make_target_named_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"`[^`\n]*`|^make .*$", TEXT, re.MULTILINE))))
    listed = subprocess.run(["make", "-qpn", "-C", str(ROOT)], capture_output=True, text=True, check=False).stdout
    targets = set(re.findall(r"^([a-z]+):", listed, re.MULTILINE))

    assert {"demo", "test", "dev", "bench"} <= named
    assert named <= targets


def test_every_command_and_option_named_exists() -> None:
    uses = re.findall(r"spotify-assets ([a-z]+)([^\n`|]*)", TEXT)
    assert {"doctor", "import", "build", "sql", "login", "budget"} <= {name for name, _ in uses}

    for name, rest in uses:
        if name not in COMMANDS:
            pytest.fail(f"README or docs name `spotify-assets {name}`, which is no command")
        help_text = CliRunner().invoke(main, [name, "--help"]).output
        subcommand = re.match(r" ([a-z]+)", rest)
        if subcommand and f"  {subcommand[1]} " in help_text:
            help_text += CliRunner().invoke(main, [name, subcommand[1], "--help"]).output
        for option in re.findall(r"(?<![\w-])--[a-z-]+", rest.split("  ")[0]):
            assert option in help_text, f"spotify-assets {name} has no {option}"


def test_the_page_of_commands_names_each() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^spotify-assets ([a-z]+)", page, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])

    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) >= 5


def test_every_variable_of_the_settings_is_in_the_readme_or_the_operations_page() -> None:
    from spotify_assets.settings import Settings

    text = TEXT.replace("`_", "`SNOWFLAKE_")
    for field in Settings.model_fields:
        if not field.startswith("dagster_cloud"):
            assert field.upper() in text, f"{field.upper()} is documented nowhere"


LOCAL = ("import raw_data/", "build", "home", "budget", "doctor", "sql ")
"""The beginnings of those that need nothing but this machine, in the order in which they are run."""


def test_the_commands_that_need_nothing_but_this_machine_run_as_they_stand(tmp_path: Path) -> None:
    """One process runs them in the order of an archive's way: bring in, build, look."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    written = set(re.findall(r"\.venv/bin/spotify-assets ([^\n)]*[^\n)\s])\"?", blocks))
    commands = [each for start in LOCAL for each in sorted(written) if each.startswith(start) and "<" not in each]
    (tmp_path / "raw_data").mkdir()
    for day in ("2026-03-01", "2026-03-02"):
        (tmp_path / "raw_data" / f"{day}.json").write_text(json.dumps(playlist(tracks=ENTRIES)))
    calls = [(str(tmp_path / "home"), shlex.split(command)) for command in commands if "athena" not in command]

    answers = run_commands([(Path(home), arguments) for home, arguments in calls], tmp_path)

    assert {call[1][0] for call in calls} == {"import", "build", "home", "sql"}
    for (_, arguments), answer in zip(calls, answers, strict=True):
        assert (answer.code, answer.traceback) == (0, ""), (arguments, answer)


def test_every_file_linked_from_the_docs_exists() -> None:
    for path in DOCS:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links {target}"


def test_a_mistake_in_the_environment_is_one_sentence_and_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFORM_ENGINE", "flink")

    result = CliRunner().invoke(main, ["doctor"])

    assert result.exit_code == 1
    assert result.output == "Error: TRANSFORM_ENGINE is 'flink'.\n  Use 'duckdb', 'spark' or 'glue'.\n"
