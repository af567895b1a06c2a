-- One row per playlist and snapshot of a window of dates: what it holds, in order, as one text of keys with a blank
-- between two. A key is the song's id, else the entry's uri, else nothing (an entry Spotify removed). `positions` is
-- null unless some were not read: then the 0-based position of each key.
WITH entries AS (
    SELECT
        playlist_id,
        snapshot_date,
        LISTAGG(REPLACE(COALESCE(song_id, item_uri, ''), ' ', '+'), ' ') WITHIN GROUP (ORDER BY position) AS keys,
        CASE
            WHEN COUNT(*) <> MAX(position) + 1 THEN LISTAGG(position, ' ') WITHIN GROUP (ORDER BY position)
        END AS positions,
        COUNT(*) AS entries,
        COUNT(CASE WHEN song_id IS NOT NULL THEN added_at END) AS dated,
        COUNT_IF(song_id IS NOT NULL AND DATEDIFF('day', added_at, snapshot_date) < 30) AS under_30_days,
        COUNT_IF(song_id IS NOT NULL AND DATEDIFF('day', added_at, snapshot_date) < 90) AS under_90_days,
        COUNT_IF(song_id IS NOT NULL AND DATEDIFF('day', added_at, snapshot_date) < 365) AS under_365_days,
        COUNT_IF(item_type = 'local') AS local_files,
        COUNT_IF(item_type = 'missing') AS missing,
        COUNT_IF(song_id IS NULL AND item_type <> 'missing') AS others,
        COUNT_IF(item_type = 'track' AND COALESCE(name, '') = '') AS withdrawn
    FROM LAKE.PLAYLIST_ITEMS
    WHERE snapshot_date BETWEEN %(first_on)s AND %(last_on)s
    GROUP BY playlist_id, snapshot_date
)
SELECT
    p.playlist_id,
    p.snapshot_date,
    p.item_count,
    COALESCE(p.is_complete, TRUE) AS is_complete,
    COALESCE(e.entries, 0) AS entries,
    e.keys,
    e.positions,
    COALESCE(e.dated, 0) AS dated,
    COALESCE(e.under_30_days, 0) AS under_30_days,
    COALESCE(e.under_90_days, 0) AS under_90_days,
    COALESCE(e.under_365_days, 0) AS under_365_days,
    COALESCE(e.local_files, 0) AS local_files,
    COALESCE(e.missing, 0) AS missing,
    COALESCE(e.others, 0) AS others,
    COALESCE(e.withdrawn, 0) AS withdrawn
FROM LAKE.PLAYLISTS p
LEFT JOIN entries e
    ON e.playlist_id = p.playlist_id
    AND e.snapshot_date = p.snapshot_date
WHERE p.snapshot_date BETWEEN %(first_on)s AND %(last_on)s
ORDER BY p.playlist_id, p.snapshot_date;
