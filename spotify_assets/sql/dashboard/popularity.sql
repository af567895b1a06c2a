-- The popularity of the songs on the given dates.
SELECT snapshot_date, song_id, popularity
FROM ANALYTICS.SONG_POPULARITY
WHERE snapshot_date IN ({dates})
ORDER BY snapshot_date, song_id;
