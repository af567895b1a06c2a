"""The health of the Spotify end: credentials, scope, consent, playlists and budget, in a handful of calls.

Nothing is stored but the calls spent. How findings are shown belongs to the `doctor` command.
"""

from __future__ import annotations

import datetime as dt

from spotify_assets.failures import PlatformError, TransientError
from spotify_assets.findings import Finding
from spotify_assets.spotify import budget
from spotify_assets.spotify.auth import consent_ends
from spotify_assets.spotify.client import ResourceError, SpotifyClient
from spotify_assets.spotify.errors import PlaylistUnreadableError, in_utc
from spotify_assets.spotify.extract import my_playlists
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.spotify.reading import metadata, unreadable

MOST_PLAYLISTS = 10
"""Playlists looked at one by one, so that a check-up costs a handful of the day's calls."""

EARLY_DAYS = 30
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
        findings.append(Finding("Spotify", False, str(error), f"{when} Stored data are unaffected."))
    except PlatformError as error:
        findings.append(Finding("Spotify sign-in", False, str(error), _CONSENT if grant == "refresh token" else ""))
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
        return Finding(
            subject,
            False,
            "SPOTIFY_CONSENTED_ON is not set: nobody knows when the refresh token dies",
            "Set it to the day of the consent (YYYY-MM-DD).",
        )
    ends = consent_ends(consented_on)
    left = (ends - today).days
    said = f"the refresh token dies on {ends}, in {left} days" if left >= 0 else f"the refresh token died on {ends}"
    return Finding(subject, left > EARLY_DAYS, said, "" if left > EARLY_DAYS else _CONSENT)


def _sign_in(client: SpotifyClient, grant: str) -> Finding:
    """One call that proves the token. Client credentials have no user, so there the token itself is the proof."""
    subject = "Spotify sign-in"
    if grant == "client credentials":
        client.tokens.get_access_token()
        return Finding(
            subject, True, "client credentials are accepted; apps made since February 2026 read no playlists with them"
        )
    user = client.me()
    return Finding(subject, True, f"signed in by {grant} as {user.get('display_name') or user.get('id')}")


def _playlists(client: SpotifyClient, selection: PlaylistSelection) -> list[Finding]:
    findings = []
    ids = list(selection.ids)
    if selection.mine:
        try:
            listed, holes = my_playlists(client)
        except ResourceError as error:
            remedy = "SPOTIFY_PLAYLISTS='mine' needs a user's consent: run `spotify-assets login`."
            return [Finding("Spotify playlists", False, f"the account's playlists can't be listed ({error})", remedy)]
        hidden = f", {holes} hidden by Spotify" if holes else ""
        findings.append(Finding("Spotify playlists", True, f"the account has {len(listed)}{hidden}"))
        ids += [playlist_id for playlist_id in listed if playlist_id not in ids]
    findings += [_playlist(client, playlist_id) for playlist_id in ids[:MOST_PLAYLISTS]]
    if len(ids) > MOST_PLAYLISTS:
        rest = len(ids) - MOST_PLAYLISTS
        findings.append(Finding("Spotify playlists", True, f"{rest} more were not looked at, to spare the day's calls"))
    return findings


def _playlist(client: SpotifyClient, playlist_id: str) -> Finding:
    subject = f"Playlist {playlist_id}"
    try:
        playlist = metadata(client, playlist_id)
        if "items" not in playlist and "tracks" not in playlist:
            client.items(playlist_id, 0)  # the contents are left out where they are not ours: this says why
    except PlaylistUnreadableError as error:
        return _unreadable(subject, str(error))
    except ResourceError as error:
        return _unreadable(subject, str(unreadable(playlist_id, error)))
    return Finding(subject, True, f"readable: {playlist.get('name') or 'no name'}")


def _unreadable(subject: str, message: str) -> Finding:
    said, _, remedy = message.removeprefix(f"{subject} ").rpartition(": ")
    return Finding(subject, False, said, remedy[:1].upper() + remedy[1:])
