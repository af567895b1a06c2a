-- Beside each popularity from the first changed date on, that of the song's previous date, as far back as `since`. With
-- dates loaded in order this reads the weeks before the new date, and writes on it; a late date also what lies after it.
UPDATE FACTS.SONG_POPULARITY AS t
SET previous_popularity = s.found, change = t.popularity - s.found
FROM (
  SELECT snapshot_date, song_id, found
  FROM (
    SELECT
      snapshot_date,
      song_id,
      previous_popularity,
      LAG(popularity) OVER (PARTITION BY song_id ORDER BY snapshot_date) AS found
    FROM FACTS.SONG_POPULARITY
    WHERE snapshot_date >= ?
  ) AS pairs
  WHERE found IS DISTINCT FROM previous_popularity
) AS s
WHERE t.snapshot_date >= ? AND t.snapshot_date = s.snapshot_date AND t.song_id = s.song_id;
