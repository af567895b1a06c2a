-- One row per song that was seen, or whose album was, on a date or later, with its latest attributes; `artist_ids` are
-- those credited, in order, a blank between. The few whose album alone was seen are found apart: in one condition with
-- the others all songs there ever were would be joined.
WITH seen AS (
    SELECT s.song_id, s.name, s.isrc, s.is_local, a.release_date
    FROM SPOTIFY.SONGS s
    LEFT JOIN SPOTIFY.ALBUMS a
        ON a.album_id = s.album_id
    WHERE s.last_seen_on >= %(since)s
    UNION ALL
    SELECT s.song_id, s.name, s.isrc, s.is_local, a.release_date
    FROM SPOTIFY.SONGS s
    INNER JOIN SPOTIFY.ALBUMS a
        ON a.album_id = s.album_id
    WHERE s.last_seen_on < %(since)s
        AND a.last_seen_on >= %(since)s
),
credits AS (
    SELECT song_id, LISTAGG(artist_id, ' ') WITHIN GROUP (ORDER BY position, artist_id) AS artist_ids
    FROM SPOTIFY.SONG_ARTISTS
    WHERE song_id IN (SELECT song_id FROM seen)
    GROUP BY song_id
)
SELECT
    REPLACE(s.song_id, ' ', '+') AS song_id,
    s.name,
    s.isrc,
    s.is_local,
    s.release_date,
    c.artist_ids
FROM seen s
LEFT JOIN credits c
    ON c.song_id = s.song_id
ORDER BY s.song_id;
