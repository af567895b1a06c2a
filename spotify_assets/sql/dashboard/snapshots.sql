-- One row per playlist and recent snapshot, oldest first; `snapshots` counts all of the playlist's.
SELECT
    playlist_id,
    snapshot_date,
    item_count,
    COUNT(*) OVER (PARTITION BY playlist_id) AS snapshots
FROM LAKE.PLAYLISTS
WHERE snapshot_date IN ({loaded})
QUALIFY ROW_NUMBER() OVER (PARTITION BY playlist_id ORDER BY snapshot_date DESC) <= %(days)s
ORDER BY playlist_id, snapshot_date;
