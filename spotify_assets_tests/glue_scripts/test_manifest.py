"""What a Spark run is told survives its way through the lake, and what is no manifest is said to be none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from glue_scripts.commit import Source
from glue_scripts.manifest import FORMAT_VERSION, Manifest, ManifestDay, ManifestError

DAY = ManifestDay(
    "2026-01-01",
    (Source("raw/a.jsonl.gz", "e1"), Source("raw/b.jsonl.gz", "e2")),
    "quarantine/day=2026-01-01/run=r1.jsonl",
    "tables/_commits/day=2026-01-01.json",
)
MANIFEST = Manifest("r1", "glue", "staging/run=r1/", {"songs": "tables/songs/run=r1/"}, (DAY,))


def test_it_reads_back_as_it_was_written() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    assert MANIFEST.to_json() == replace(MANIFEST).to_json()


def test_its_stored_form_is_that_of_version_3_which_the_uploaded_script_reads() -> None:
    """Glue runs the script that was uploaded last: another form needs another version, or the two misunderstand."""
    assert MANIFEST.to_json() == (
        b'{"days": [{"commit_key": "tables/_commits/day=2026-01-01.json", "day": "2026-01-01", '
        b'"quarantine_key": "quarantine/day=2026-01-01/run=r1.jsonl", '
        b'"sources": [{"etag": "e1", "key": "raw/a.jsonl.gz"}, {"etag": "e2", "key": "raw/b.jsonl.gz"}]}], '
        b'"engine": "glue", "run_id": "r1", "staging_prefix": "staging/run=r1/", '
        b'"table_prefixes": {"songs": "tables/songs/run=r1/"}, "version": 3}'
    )


def test_an_attempt_has_a_name_of_its_own_wherever_it_writes_and_commits_to_the_same_place() -> None:
    one, other = MANIFEST.attempt(), MANIFEST.attempt()

    assert one.run_id.startswith("r1")
    assert len({one.run_id, other.run_id, "r1"}) == 3
    assert one.staging_prefix == f"staging/run={one.run_id}/"
    assert one.table_prefixes == {"songs": f"tables/songs/run={one.run_id}/"}
    (day,) = one.days
    assert day == replace(DAY, quarantine_key=f"quarantine/day=2026-01-01/run={one.run_id}.jsonl")
    assert one.engine == "glue"


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"7", b"{}", b"\xff", json.dumps({"version": FORMAT_VERSION, "days": [{}]}).encode()],
    ids=["nothing", "half", "a list", "a number", "no version", "no UTF-8", "a day without sources"],
)
def test_what_is_no_manifest_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ManifestError, match="not a manifest: "):
        Manifest.from_json(data)


@pytest.mark.parametrize("version", [FORMAT_VERSION - 1, FORMAT_VERSION + 1])
def test_one_of_another_version_is_named_with_both(version: int) -> None:
    record = {**json.loads(MANIFEST.to_json()), "version": version}

    with pytest.raises(ManifestError, match=f"version {version}, this script reads {FORMAT_VERSION}"):
        Manifest.from_json(json.dumps(record).encode())
