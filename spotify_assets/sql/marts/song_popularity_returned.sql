-- The same for the songs that had no date within the weeks before: all dates of these songs, and of no others.
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
    WHERE song_id IN (
      SELECT f.song_id
      FROM FACTS.SONG_POPULARITY AS f
      INNER JOIN SPOTIFY.SONGS AS songs ON songs.song_id = f.song_id
      WHERE f.snapshot_date >= ? AND f.previous_popularity IS NULL AND songs.first_seen_on < ?
    )
  ) AS pairs
  WHERE found IS DISTINCT FROM previous_popularity
) AS s
WHERE t.snapshot_date >= ? AND t.snapshot_date = s.snapshot_date AND t.song_id = s.song_id;
