"""`spotify-assets doctor`: whether everything that is configured can be reached, and what to fix.

How each end is examined is that end's business; here the findings are gathered and shown.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import click

from glue_scripts.fingerprint import transformation
from spotify_assets.commands.terminal import say, say_marked
from spotify_assets.failures import PlatformError, of_system
from spotify_assets.findings import Finding
from spotify_assets.lake import layout, state, watch
from spotify_assets.settings import Settings, load_settings
from spotify_assets.storage.object_store import open_lake

_SETUP_ROLE = "ACCOUNTADMIN"


@click.command("doctor")
def command() -> None:
    """Check the settings and reach every configured service; say what to fix.

    Reads only, but for one object that is written to the lake and deleted again. On the real Spotify it spends a
    handful of the day's calls. Exit code 1 when something needs fixing.
    """
    settings = load_settings()
    say(
        f"Spotify: {settings.source}   lake: {settings.lake}   engine: {settings.transform_engine}   "
        f"warehouse: {settings.warehouse_name}   home: {settings.home}"
    )
    ailing = 0
    for finding in examine(settings):
        mark, style = ("ok ", "green") if finding.ok else ("fix", "red")
        say_marked(mark, style, f"  {finding.subject}: {finding.detail}")
        if not finding.ok:
            ailing += 1
            if finding.remedy:
                say(f"     {finding.remedy[:1].upper()}{finding.remedy[1:].rstrip('.')}.")
    if ailing:
        say(f"{ailing} to fix.")
        raise SystemExit(1)
    say("Everything that is configured answers.")


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at every end in turn; an end that can't be reached is a finding, and the others are still looked at."""
    ends = (
        ("lake", _lake),
        ("Spotify", _spotify),
        ("engine", _engine),
        ("catalog", _catalog),
        ("Athena", _athena),
        ("warehouse", _warehouse),
    )
    for subject, look in ends:
        yield from _guarded(subject, look, settings)


def _guarded(subject: str, look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except PlatformError as error:
        yield Finding(subject, ok=False, detail=error.what, remedy=error.remedy)
    except OSError as error:
        refused = of_system(error)
        yield Finding(subject, ok=False, detail=refused.what, remedy=refused.remedy)


def _lake(settings: Settings) -> Iterator[Finding]:
    store = open_lake(settings)
    probe = f"{layout.STATE_PREFIX}doctor_{uuid.uuid4().hex}"
    written = store.create(probe, b"probe") and not store.create(probe, b"probe again") and store.get(probe) == b"probe"
    store.delete([probe])
    yield Finding(
        "lake",
        written,
        f"{store.url()} can be read and written" if written else "what was written did not come back",
        "" if written else "Use a store that honours conditional writes (If-None-Match), as S3 does.",
    )
    raw, committed = state.raw_days(store), state.committed_days(store)
    span = f", {raw[0]} to {raw[-1]}" if raw else ""
    yield Finding("history", True, f"{len(raw)} dates with snapshots{span}; {len(committed)} built")
    commits, unreadable = watch.readable_commits(store, committed)
    for sentence in unreadable.values():
        yield Finding("history", False, sentence)
    outdated = state.outdated_days(commits, transformation())
    if outdated:
        yield Finding(
            "history",
            True,
            f"{len(outdated)} dates were built by other code ({state.shown(outdated)}): `spotify-assets build "
            "--outdated` builds them again",
        )


def _spotify(settings: Settings) -> Iterator[Finding]:
    from spotify_assets.resources.spotify import spotify_resource
    from spotify_assets.spotify.doctor import diagnose

    spotify = spotify_resource(settings).access
    day = spotify.today()
    findings = diagnose(
        spotify.client(open_lake(settings), day),
        spotify.selection(day),
        grant=spotify.account.grant,
        consented_on=settings.spotify_consented_on,
    )
    for finding in findings:
        on_purpose = spotify.source == "sandbox" and not finding.ok and finding.subject.startswith("Playlist")
        detail = f"{finding.detail} (on purpose: it is the sandbox)"
        yield Finding(finding.subject, True, detail) if on_purpose else finding


def _engine(settings: Settings) -> Iterator[Finding]:
    from spotify_assets.resources.root import engine_resource

    engine = engine_resource(settings)
    yield Finding("engine", True, f"{engine.engine_name}: {engine.examine()}")


def _catalog(settings: Settings) -> Iterator[Finding]:
    if settings.catalog_database:
        from spotify_assets.resources.catalog import catalog_resource

        yield Finding("catalog", True, catalog_resource(settings).examine())
    elif settings.lake_is_on_s3:
        yield Finding(
            "catalog", True, "off: the lake's tables are not in the Data Catalog; GLUE_DATABASE switches it on"
        )


def _athena(settings: Settings) -> Iterator[Finding]:
    if settings.athena_workgroup:
        from spotify_assets.resources.athena import athena_resource

        yield Finding("Athena", True, athena_resource(settings).examine())
    elif settings.lake_is_on_s3:
        yield Finding(
            "Athena", True, "off: no saved queries and no row counts by Athena; ATHENA_WORKGROUP switches it on"
        )


def _warehouse(settings: Settings) -> Iterator[Finding]:
    from spotify_assets.resources.root import warehouse_resource

    warehouse = warehouse_resource(settings)
    ((answer,),) = warehouse.execute("select current_database()")
    yield Finding("warehouse", True, f"{warehouse.location} answers, database {answer}")
    if settings.warehouse_name == "snowflake":
        ((roles,),) = warehouse.execute("select current_available_roles()")
        if _SETUP_ROLE in json.loads(str(roles)):
            yield Finding(
                "warehouse",
                False,
                f"{settings.snowflake_user} may still act as {_SETUP_ROLE}, which only `snowflake setup` needs",
                f"say in Snowflake: REVOKE ROLE {_SETUP_ROLE} FROM USER {settings.snowflake_user}",
            )
