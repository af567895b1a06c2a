-- One row per playlist, recent snapshot and song near the top: its best position that day, 0-based.
WITH recent AS (
    SELECT playlist_id, snapshot_date
    FROM LAKE.PLAYLISTS
    WHERE snapshot_date IN ({loaded})
    QUALIFY ROW_NUMBER() OVER (PARTITION BY playlist_id ORDER BY snapshot_date DESC) <= %(days)s
)
SELECT
    i.playlist_id,
    i.snapshot_date,
    i.song_id,
    MIN(i.position) AS position,
    MAX(r.song_name) AS song_name,
    MAX(r.artist_name) AS artist_name
FROM LAKE.PLAYLIST_ITEMS i
JOIN recent
    ON recent.playlist_id = i.playlist_id
    AND recent.snapshot_date = i.snapshot_date
LEFT JOIN ANALYTICS.SONG_RUNS r
    ON r.playlist_id = i.playlist_id
    AND r.song_id = i.song_id
WHERE i.song_id IS NOT NULL
    AND i.position < %(depth)s
GROUP BY i.playlist_id, i.snapshot_date, i.song_id
ORDER BY i.playlist_id, i.snapshot_date, position, i.song_id;
