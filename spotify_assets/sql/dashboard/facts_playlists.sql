-- The playlists read on one date, each with its latest name and how many whole snapshots it had until then.
SELECT p.playlist_id, COALESCE(d.name, '') AS name, COUNT(*) AS snapshots
FROM LAKE.PLAYLISTS p
JOIN LAKE.PLAYLISTS today
    ON today.playlist_id = p.playlist_id
    AND today.snapshot_date = %(day)s
    AND COALESCE(today.is_complete, TRUE)
LEFT JOIN SPOTIFY.PLAYLISTS d
    ON d.playlist_id = p.playlist_id
WHERE COALESCE(p.is_complete, TRUE)
    AND p.snapshot_date IN (SELECT snapshot_date FROM ({loaded}))
GROUP BY p.playlist_id, d.name
ORDER BY p.playlist_id;
