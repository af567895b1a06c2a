-- One row per artist ever seen, with the latest name.
SELECT artist_id, name
FROM SPOTIFY.ARTISTS
ORDER BY artist_id;
