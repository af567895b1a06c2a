-- The song that has stood longest, in snapshots in a row, in a playlist that was read on one date, and still stands.
SELECT r.playlist_id, r.song_name, r.artist_name, r.longest_run
FROM ANALYTICS.SONG_RUNS r
JOIN LAKE.PLAYLISTS today
    ON today.playlist_id = r.playlist_id
    AND today.snapshot_date = %(day)s
    AND COALESCE(today.is_complete, TRUE)
WHERE r.is_present
ORDER BY r.longest_run DESC, r.best_position, r.playlist_id, r.song_name
LIMIT 1;
