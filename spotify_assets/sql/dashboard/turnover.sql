-- One row per playlist and recent day with a change: how many songs entered and how many left.
WITH recent AS (
    SELECT playlist_id, snapshot_date
    FROM LAKE.PLAYLISTS
    WHERE snapshot_date IN ({loaded})
    QUALIFY ROW_NUMBER() OVER (PARTITION BY playlist_id ORDER BY snapshot_date DESC) <= %(days)s
)
SELECT
    c.playlist_id,
    c.snapshot_date,
    COUNT(CASE WHEN c.change = 'entered' THEN 1 END) AS entered,
    COUNT(CASE WHEN c.change = 'left' THEN 1 END) AS gone
FROM ANALYTICS.PLAYLIST_CHANGES c
JOIN recent
    ON recent.playlist_id = c.playlist_id
    AND recent.snapshot_date = c.snapshot_date
GROUP BY c.playlist_id, c.snapshot_date
ORDER BY c.playlist_id, c.snapshot_date;
