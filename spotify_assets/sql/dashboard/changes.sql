-- What changed in each playlist's latest snapshot: at most `rows` rows per playlist and kind of change, those nearest
-- the top first (moves: the farthest first); `total` counts them all.
WITH latest AS (
    SELECT playlist_id, MAX(snapshot_date) AS snapshot_date
    FROM LAKE.PLAYLISTS
    WHERE snapshot_date IN ({loaded})
    GROUP BY playlist_id
)
SELECT
    c.playlist_id,
    c.change,
    c.from_position,
    c.to_position,
    c.song_name,
    c.artist_name,
    COUNT(*) OVER (PARTITION BY c.playlist_id, c.change) AS total
FROM ANALYTICS.PLAYLIST_CHANGES c
JOIN latest
    ON latest.playlist_id = c.playlist_id
    AND latest.snapshot_date = c.snapshot_date
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY c.playlist_id, c.change
    ORDER BY
        COALESCE(ABS(c.to_position - c.from_position), 0) DESC,
        COALESCE(c.to_position, c.from_position),
        c.song_id,
        c.occurrence
) <= %(rows)s
ORDER BY
    c.playlist_id,
    c.change,
    COALESCE(ABS(c.to_position - c.from_position), 0) DESC,
    COALESCE(c.to_position, c.from_position),
    c.song_id,
    c.occurrence;
