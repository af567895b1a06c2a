-- The dates that all of the names come from, and the run of each.
SELECT snapshot_date, run_id
FROM SPOTIFY.APPLIED_LOADS
WHERE table_name IN ('songs', 'albums', 'artists', 'song_artists')
GROUP BY snapshot_date, run_id
HAVING COUNT(*) = 4
ORDER BY snapshot_date;
