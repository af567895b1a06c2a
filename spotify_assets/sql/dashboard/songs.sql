-- One row per song ever seen, with its latest attributes; `artist_ids` are those credited, in order, a blank between.
WITH credits AS (
    SELECT song_id, LISTAGG(artist_id, ' ') WITHIN GROUP (ORDER BY position, artist_id) AS artist_ids
    FROM SPOTIFY.SONG_ARTISTS
    GROUP BY song_id
)
SELECT
    REPLACE(s.song_id, ' ', '+') AS song_id,
    s.name,
    s.isrc,
    s.is_local,
    a.release_date,
    c.artist_ids
FROM SPOTIFY.SONGS s
LEFT JOIN credits c
    ON c.song_id = s.song_id
LEFT JOIN SPOTIFY.ALBUMS a
    ON a.album_id = s.album_id
ORDER BY s.song_id;
