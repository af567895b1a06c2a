"""The dashboard asset: one HTML file about everything the warehouse holds.

Only the Dagster side is here; what the page says and how it is drawn is `spotify_assets.dashboard`.
"""

from urllib.parse import quote

import dagster as dg

from spotify_assets.assets.metadata import ANALYSTS
from spotify_assets.assets.warehouse import POOL, send
from spotify_assets.lake.layout import report_key
from spotify_assets.names import PLAIN, Names
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import retried
from spotify_assets.warehouse.session import Session

DASHBOARD_REPORT = report_key("dashboard")
PAGE = "dashboard.html"
"""The page's path where it is served."""

_DESCRIPTION = """\
One self-contained HTML file about the playlists' history, at `reports/dashboard.html` in the lake.

**Shows** every playlist over its whole range: ranks, turnover, how long songs stay, artists, release years,
freshness, health, duplicates, and the list as it was on any day; a page for each song and artist; playlists side by
side; a search; every table as CSV. Whatever is in view has an address (`#/playlist/<id>`, `#/song/<id>`,
`#/artist/<id>`, `#/day/<id>/<date>`, `#/compare/<id>,<id>`).

**Source**: the entries of all snapshots, each date read once per run that loaded it and kept under `reports/parts/`;
the dimensions' names; `song_popularity`. **As of** the latest snapshot date; the same tables say the same.

**Caveats**: nothing is requested from any network, so the file opens anywhere (plotly is inside). Only whole snapshots
are compared. It stays under 6 MB: where all days would not fit, those long past are thinned to one a week, and the page
says so.
"""


def dashboard_assets(names: Names = PLAIN, address: str | None = None) -> list[dg.AssetsDefinition]:
    """The assets of this layer."""

    @dg.asset(
        key=names.dashboard,
        deps=_dependencies(names),
        pool=names.called(POOL),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=names.called("analytics"),
        kinds={"html", "plotly"},
        owners=ANALYSTS,
        description=_DESCRIPTION,
    )
    @names.bound
    @retried
    def dashboard(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        """Read, draw and store the page. A failure leaves the page of before."""
        return _build(context, warehouse, lake, address)

    return [dashboard]


def _dependencies(names: Names) -> list[dg.AssetDep]:
    return [
        *(
            dg.AssetDep(names.warehouse("analytics", mart))
            for mart in ("playlist_changes", "song_runs", "song_popularity")
        ),
        *(
            dg.AssetDep(names.warehouse("spotify", name))
            for name in ("playlists", "songs", "albums", "artists", "song_artists")
        ),
        *(
            dg.AssetDep(names.warehouse("lake", name), partition_mapping=dg.AllPartitionMapping())
            for name in ("playlists", "playlist_items")
        ),
    ]


def _build(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, lake: LakeResource, address: str | None
) -> dg.MaterializeResult:
    from spotify_assets.dashboard.data import DashboardData, DashboardRows, put_together, read_dashboard_rows
    from spotify_assets.dashboard.facts import LatestChanges, facts, read_latest_changes
    from spotify_assets.dashboard.page import render_page
    from spotify_assets.dashboard.report import build_report

    def work(session: Session) -> tuple[DashboardRows, LatestChanges]:
        latest = read_latest_changes(session)
        return read_dashboard_rows(session, lake.store), latest

    def unpacked() -> DashboardData:
        read = send(context, warehouse, lambda session: read_dashboard_rows(session, lake.store, by_pack=False))
        warehouse.release()
        return put_together(read.result)

    sent = send(context, warehouse, work)
    warehouse.release()  # nothing after the page's rows needs it
    rows, latest = sent.result
    dates_read = sum(map(len, rows.windows))
    report = build_report(put_together(rows), unpacked=unpacked)
    page = render_page(report, lake.store)
    lake.store.put(DASHBOARD_REPORT, page)
    url = lake.store.url(DASHBOARD_REPORT)
    return dg.MaterializeResult(
        metadata={
            **sent.metadata,
            "dashboard": dg.MetadataValue.url(page_link(url, address)),
            "dagster/uri": url,
            "as_of": report.last_on or "no snapshot yet",
            "changed": dg.MetadataValue.json(list(facts(latest))),
            "playlists": report.playlists,
            "dates_read": dates_read,
            "dates_kept": len(rows.dates) - dates_read,
            "bytes": len(page),
        }
    )


def page_link(url: str, address: str | None) -> str:
    """Where a browser opens the stored page: at the `address` it is served at, else its page in the S3 console.

    Never the file itself: a browser does not follow a link from a page of http to a file.
    """
    if address:
        return f"{address}/{PAGE}"
    if not url.startswith("s3://"):
        return url
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return f"https://s3.console.aws.amazon.com/s3/object/{bucket}?prefix={quote(key)}"
