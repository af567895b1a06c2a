"""The Glue job: arguments, Dagster Pipes, and who writes the commit records. The work itself is `spark_tables`'.

Runs unmodified on AWS Glue 5 (Spark 3.5), where `--extra-py-files` carries this package and
`--additional-python-modules` dagster-pipes and duckdb; under a local PySpark 3.5; and by hand without Dagster:

    spark-submit --py-files glue_scripts.zip glue_scripts/playlist_tables.py --lake s3://bucket/lake --manifest KEY

Started by Dagster it reports each date over Pipes and Dagster commits; by hand it writes the commit records itself,
last. `spotify-assets glue manifest` writes a manifest for a run by hand.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from glue_scripts.commit import UnreadDays
from glue_scripts.fingerprint import transformation
from glue_scripts.lake_files import LakeFiles, s3_client
from glue_scripts.manifest import Manifest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PIPES_ARGUMENT = "--dagster-pipes-context"
MESSAGE_SECONDS = 5
"""How often messages are put on S3."""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Our arguments among Glue's own (`--JOB_ID`, `--TempDir`, …), Dagster's and whatever an account adds.

    Abbreviations are off: `--m…` of somebody else's must not become our `--manifest`.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False, description="Build the seven lake tables with Spark.")
    parser.add_argument("--lake", required=True, help="The lake's root: s3://bucket/prefix or file:///folder.")
    parser.add_argument("--manifest", required=True, help="Key of the run's manifest, relative to the lake's root.")
    parser.add_argument("--lake-mirror", help="A copy of the lake to work on, where Spark can't reach the lake itself.")
    known, _ = parser.parse_known_args(arguments)
    return known


def main(arguments: Sequence[str]) -> None:
    """Run the job. Raises on any failure, which is what makes Glue call the run failed."""
    from pyspark.sql import SparkSession

    options = parse_arguments(arguments)
    files = LakeFiles(options.lake_mirror or options.lake)
    manifest = Manifest.from_json(files.read(options.manifest))
    sources = sum(len(day.sources) for day in manifest.days)
    print(f"run {manifest.run_id}: {len(manifest.days)} dates from {sources} raw objects", flush=True)  # noqa: T201
    builder: SparkSession.Builder = SparkSession.builder  # pyright: ignore[reportAssignmentType]
    spark = builder.appName("spotify-assets").getOrCreate()
    if PIPES_ARGUMENT in arguments:
        _report_to_dagster(spark, manifest, files)
    else:
        _commit(spark, manifest, files)


def _report_to_dagster(spark: SparkSession, manifest: Manifest, files: LakeFiles) -> None:
    from dagster_pipes import (
        PipesCliArgsParamsLoader,
        PipesS3ContextLoader,
        PipesS3MessageWriter,
        open_dagster_pipes,
    )

    from glue_scripts.spark_tables import build

    client = s3_client()
    with open_dagster_pipes(
        params_loader=PipesCliArgsParamsLoader(),
        context_loader=PipesS3ContextLoader(client=client),
        message_writer=PipesS3MessageWriter(client=client, interval=MESSAGE_SECONDS),
    ) as pipes:
        try:
            for built in build(spark, manifest, files):
                pipes.report_custom_message({"built_day": built.to_record()})
        except UnreadDays as unread:
            pipes.report_custom_message({"unread_days": {day.isoformat(): why for day, why in unread.reasons.items()}})


def _commit(spark: SparkSession, manifest: Manifest, files: LakeFiles) -> None:
    from glue_scripts.spark_tables import build

    days = {dt.date.fromisoformat(day.day): day for day in manifest.days}
    for built in build(spark, manifest, files):
        day = days[built.day]
        commit = built.commit(
            engine=manifest.engine, code=transformation(), sources=day.sources, committed_at=dt.datetime.now(dt.UTC)
        )
        files.write(day.commit_key, commit.to_json())
        print(f"{built.day}: {built.entries} entries, {built.quarantined} quarantined, committed", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
