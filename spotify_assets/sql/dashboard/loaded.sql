-- The snapshot dates on which both tables below hold the same run, and that run: half a date would look like songs
-- that left.
SELECT snapshot_date, MAX(run_id) AS run_id
FROM LAKE.LOADS
WHERE table_name IN ('playlists', 'playlist_items')
GROUP BY snapshot_date
HAVING COUNT(*) = 2 AND COUNT(DISTINCT run_id) = 1
ORDER BY snapshot_date;
