-- The pairs among the playlists that share most, on the latest day of the whole set.
WITH today AS (
    SELECT o.*
    FROM ANALYTICS.PLAYLIST_OVERLAP o
    WHERE o.snapshot_date = (SELECT MAX(snapshot_date) FROM LAKE.PLAYLISTS WHERE snapshot_date IN ({loaded}))
),
sides AS (
    SELECT playlist_id, songs_in_common FROM today
    UNION ALL
    SELECT other_playlist_id AS playlist_id, songs_in_common FROM today
),
chosen AS (
    SELECT playlist_id
    FROM sides
    GROUP BY playlist_id
    ORDER BY SUM(songs_in_common) DESC, playlist_id
    LIMIT %(pairs_of)s
)
SELECT t.playlist_id, t.other_playlist_id, t.songs_in_common, t.songs, t.other_songs, t.jaccard
FROM today t
JOIN chosen a ON a.playlist_id = t.playlist_id
JOIN chosen b ON b.playlist_id = t.other_playlist_id
ORDER BY t.playlist_id, t.other_playlist_id;
