-- The songs whose popularity changed most on the latest day that has one, largest change first.
SELECT snapshot_date, song_name, artist_name, popularity, previous_popularity, change
FROM ANALYTICS.SONG_POPULARITY
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM ANALYTICS.SONG_POPULARITY)
    AND change <> 0
ORDER BY ABS(change) DESC, change DESC, popularity DESC, song_id
LIMIT %(rows)s;
