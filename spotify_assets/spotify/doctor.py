"""The health of the Spotify end: credentials, scope, consent, playlists and budget, in a handful of calls.

Nothing is stored but the calls spent. How findings are shown belongs to the `doctor` command.
"""

from __future__ import annotations

import datetime as dt

from spotify_assets.failures import PlatformError, TransientError
from spotify_assets.findings import Finding
from spotify_assets.redaction import printable
from spotify_assets.spotify import budget
from spotify_assets.spotify.auth import CONSENT_REMEDY, CONSENT_UNKNOWN, consent_age
from spotify_assets.spotify.client import ResourceError, SpotifyClient
from spotify_assets.spotify.errors import PlaylistUnreadableError, in_utc
from spotify_assets.spotify.listing import my_playlists
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.spotify.reading import PlaylistCalls
from spotify_assets.spotify.snapshot import JsonObject

MOST_PLAYLISTS = 10
"""Playlists looked at one by one, so that a check-up costs a handful of the day's calls."""

_CONSENT = "Consent again with `spotify-assets login`."


def diagnose(
    client: SpotifyClient, selection: PlaylistSelection, *, grant: str, consented_on: dt.date | None
) -> list[Finding]:
    """Look at the budget, the sign-in, the consent's age and the playlists, in this order.

    `grant` says how the account signs in (`Account.grant`). At most two calls and one or two per playlist are made, for
    at most ten playlists; none during a cool-down.
    """
    findings = [_budget(client), _consent(grant, consented_on, client.clock.now().date())]
    try:
        findings.append(_sign_in(client, grant))
        findings.extend(_playlists(client, selection))
    except TransientError as error:
        when = f"Try again at {in_utc(error.retry_at)}." if error.retry_at else "Try again in a few minutes."
        findings.append(
            Finding("Spotify", False, error.what, _sentence(error.remedy, when, "Stored data are unaffected"))
        )
    except PlatformError as error:
        remedy = _sentence(error.remedy) or (_CONSENT if grant == "refresh token" else "")
        findings.append(Finding("Spotify sign-in", False, error.what, remedy))
    finally:
        client.ledger.settle()
    return findings


def _budget(client: SpotifyClient) -> Finding:
    limit = client.ledger.limit
    if limit is None:
        return Finding("Spotify call budget", True, "the sandbox has no quota")
    state, now = client.ledger.state(), client.clock.now()
    spent = budget.spent(state, now)
    if state.cool_down:
        until = in_utc(state.cool_down.until)
        return Finding("Spotify call budget", False, f"cooling down: {state.cool_down.reason}", f"Wait until {until}.")
    if spent >= limit:
        free = in_utc(budget.frees_at(state, now, limit) or now)
        return Finding(
            "Spotify call budget", False, f"{spent} of {limit} calls spent in 24 hours", f"Wait until {free}."
        )
    return Finding("Spotify call budget", True, f"{spent} of {limit} calls spent in the last 24 hours")


def _consent(grant: str, consented_on: dt.date | None, today: dt.date) -> Finding:
    subject = "Spotify consent"
    if grant != "refresh token":
        return Finding(subject, True, f"sign-in by {grant}: nothing expires")
    if consented_on is None:
        return Finding(subject, False, CONSENT_UNKNOWN, "Set it to the day of the consent (YYYY-MM-DD).")
    consent = consent_age(consented_on, today)
    return Finding(subject, not consent.is_ending, str(consent), _sentence(CONSENT_REMEDY) if consent.is_ending else "")


def _sentence(*parts: str) -> str:
    """The parts as sentences."""
    return " ".join(f"{part[:1].upper()}{part[1:].rstrip('.')}." for part in parts if part)


def _sign_in(client: SpotifyClient, grant: str) -> Finding:
    """One call that proves the token. Client credentials have no user, so there the token itself is the proof."""
    subject = "Spotify sign-in"
    if grant == "client credentials":
        client.tokens.get_access_token()
        return Finding(
            subject, True, "client credentials are accepted; apps made since February 2026 read no playlists with them"
        )
    user = client.me()
    return Finding(subject, True, f"signed in by {grant} as {_shown(user, 'display_name', 'id')}")


def _shown(body: JsonObject, *names: str) -> str:
    """The first of the texts that is there, fit for a terminal."""
    texts = [value for name in names if isinstance(value := body.get(name), str) and value]
    return printable(texts[0])[:100] if texts else "no name"


def _playlists(client: SpotifyClient, selection: PlaylistSelection) -> list[Finding]:
    findings = []
    ids = list(selection.ids)
    if selection.mine:
        try:
            listing = my_playlists(client)
        except ResourceError as error:
            remedy = "SPOTIFY_PLAYLISTS='mine' needs a user's consent: run `spotify-assets login`."
            return [
                Finding("Spotify playlists", False, f"the account's playlists can't be listed ({error.what})", remedy)
            ]
        hidden = f", {listing.holes} hidden by Spotify" if listing.holes else ""
        said = f"the account has {len(listing.playlists)}{hidden}"
        if listing.lacks:
            said = f"Spotify lists {len(listing.playlists)} of {listing.total}"
        remedy = "Spotify loses some at times: what was listed on the days before is read all the same."
        findings.append(Finding("Spotify playlists", not listing.lacks, said, remedy if listing.lacks else ""))
        ids += [playlist_id for playlist_id in listing.playlists if playlist_id not in ids]
    findings += [_playlist(client, playlist_id) for playlist_id in ids[:MOST_PLAYLISTS]]
    if len(ids) > MOST_PLAYLISTS:
        rest = len(ids) - MOST_PLAYLISTS
        findings.append(Finding("Spotify playlists", True, f"{rest} more were not looked at, to spare the day's calls"))
    return findings


def _playlist(client: SpotifyClient, playlist_id: str) -> Finding:
    subject = f"Playlist {playlist_id}"
    calls = PlaylistCalls(client, playlist_id)
    try:
        playlist = calls.metadata()
        if "items" not in playlist and "tracks" not in playlist:
            calls.page(0)  # the contents are left out where they are not ours: this says why
    except PlaylistUnreadableError as error:
        return Finding(subject, False, error.what.removeprefix(f"{subject} "), _sentence(error.remedy))
    return Finding(subject, True, f"readable: {_shown(playlist, 'name')}")
