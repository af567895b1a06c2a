-- One row per playlist ever seen.
SELECT playlist_id, name, owner_name
FROM SPOTIFY.PLAYLISTS
ORDER BY playlist_id;
