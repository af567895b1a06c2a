"""What SPOTIFY_PLAYLISTS accepts, and how it names what it doesn't."""

from __future__ import annotations

import pytest

from spotify_assets.failures import PermanentError
from spotify_assets.settings import SettingsError, load_settings
from spotify_assets.spotify.playlists import PlaylistSelection, parse_playlist, parse_playlists

ID = "37i9dQZF1DWSDoVybeQisg"


@pytest.mark.parametrize(
    "entry",
    [
        ID,
        f"  {ID} ",
        f"spotify:playlist:{ID}",
        f"spotify:user:some.body:playlist:{ID}",
        f"https://open.spotify.com/playlist/{ID}",
        f"https://open.spotify.com/playlist/{ID}?si=ab12&pt=x",
        f"https://open.spotify.com/playlist/{ID}/",
        f"http://open.spotify.com/playlist/{ID}#top",
        f"open.spotify.com/playlist/{ID}",
        f"https://open.spotify.com/intl-de/playlist/{ID}?si=1",
        f"https://open.spotify.com/intl-pt-BR/playlist/{ID}",
        f"https://open.spotify.com/embed/playlist/{ID}",
        f"https://open.spotify.com/user/somebody/playlist/{ID}",
        f"https://play.spotify.com/playlist/{ID}",
    ],
)
def test_an_id_a_uri_and_a_link_name_the_playlist(entry: str) -> None:
    assert parse_playlist(entry) == ID


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "Top 50",
        ID[:-1],
        ID + "x",
        f"spotify:album:{ID}",
        f"spotify:playlist:{ID}:x",
        f"https://open.spotify.com/album/{ID}",
        f"https://example.com/playlist/{ID}",
        f"https://open.spotify.com.example.com/playlist/{ID}",
        f"ftp://open.spotify.com/playlist/{ID}",
        "http://[::1/playlist",
        f"{ID}\n{ID}",
    ],
)
def test_anything_else_is_no_playlist(entry: str) -> None:
    assert parse_playlist(entry) is None


def test_entries_are_kept_in_order_without_repetition() -> None:
    other = "0" * 22

    assert parse_playlists([ID, other, f"spotify:playlist:{ID}"]) == PlaylistSelection((ID, other))


def test_mine_may_stand_beside_others() -> None:
    assert parse_playlists(["Mine", ID]) == PlaylistSelection((ID,), mine=True)


def test_every_bad_entry_is_named() -> None:
    with pytest.raises(PermanentError, match=r"names 'nonsense', 'spotify:album:x', which are no playlist; use a"):
        parse_playlists(["nonsense", ID, "spotify:album:x"])


def test_a_bad_entry_stops_the_location_from_loading() -> None:
    with pytest.raises(SettingsError, match="SPOTIFY_PLAYLISTS names 'nonsense', which is no playlist"):
        load_settings(
            {"SPOTIFY_CLIENT_ID": "id", "SPOTIFY_CLIENT_SECRET": "secret", "SPOTIFY_PLAYLISTS": f"{ID},nonsense"}
        )
