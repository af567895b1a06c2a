-- Beside each popularity from the first changed date on, that of the song's previous date, as far back as `since`. With
-- dates loaded in order this reads the weeks before the new date; a late date also what lies after it.
MERGE INTO FACTS.SONG_POPULARITY AS t
USING (
  SELECT snapshot_date, song_id, found, popularity - found AS difference
  FROM (
    SELECT
      snapshot_date,
      song_id,
      popularity,
      previous_popularity,
      LAG(popularity) OVER (PARTITION BY song_id ORDER BY snapshot_date) AS found
    FROM FACTS.SONG_POPULARITY
    WHERE snapshot_date >= ?
  ) AS pairs
  WHERE snapshot_date >= ? AND found IS DISTINCT FROM previous_popularity
) AS s
ON t.snapshot_date = s.snapshot_date AND t.song_id = s.song_id
WHEN MATCHED THEN UPDATE SET previous_popularity = s.found, change = s.difference;
