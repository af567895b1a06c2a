"""The dashboard's check: the file that was stored is whole and needs nothing but itself."""

import dagster as dg

from spotify_assets.assets.dashboard import DASHBOARD_REPORT
from spotify_assets.assets.verdicts import Broken, verdict
from spotify_assets.dashboard.integrity import inspect_page
from spotify_assets.names import PLAIN, Names
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import retried


def dashboard_checks(names: Names = PLAIN) -> list[dg.AssetChecksDefinition]:
    """The checks of this layer."""
    remedy = f"materialize `{names.dashboard.to_user_string()}`: it is drawn anew from the warehouse."

    @dg.asset_check(
        asset=names.dashboard,
        name="page_is_whole_and_self_contained",
        description="The stored page is complete, its data can be read and is of the date it names, it refers to "
        "nothing outside itself, and its own policy forbids every request.",
    )
    @names.bound
    @retried
    def page_is_whole_and_self_contained(lake: LakeResource) -> dg.AssetCheckResult:
        """Read the stored page back."""
        content = lake.store.get_or_none(DASHBOARD_REPORT)
        if content is None:
            missing = Broken("the page is there", 1, [f"nothing at {lake.store.url(DASHBOARD_REPORT)}"], "")
            return verdict([missing], fine="", remedy=remedy)
        page = inspect_page(content)
        problems = [Broken("the page is whole and needs nothing else", len(page.problems), page.problems, "problems")]
        return verdict(
            problems if page.problems else [],
            fine=f"{page.size} bytes, as of {page.as_of or 'no snapshot yet'}",
            remedy=remedy,
            shown=len(page.problems),
            metadata={
                "bytes": page.size,
                "as_of": page.as_of or "no snapshot yet",
                "playlists": page.playlists,
                "problems": list(page.problems),
            },
        )

    return [page_is_whole_and_self_contained]
