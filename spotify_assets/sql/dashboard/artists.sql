-- One row per artist that was seen on a date or later, with the latest name.
SELECT artist_id, name
FROM SPOTIFY.ARTISTS
WHERE last_seen_on >= %(since)s
ORDER BY artist_id;
