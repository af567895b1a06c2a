-- The popularity of each song on the changed dates; song_popularity_previous.sql sets beside it that of the song's
-- previous date that has one.
SELECT
  s.snapshot_date,
  s.song_id,
  s.popularity,
  CAST(NULL AS NUMBER(38, 0)) AS previous_popularity,
  CAST(NULL AS NUMBER(38, 0)) AS change
FROM LAKE.SONGS AS s
WHERE s.popularity IS NOT NULL AND s.snapshot_date IN ({dates});
