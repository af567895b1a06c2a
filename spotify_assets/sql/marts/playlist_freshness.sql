-- How recently a playlist's entries were added and released, per snapshot. Computed for the changed dates only: a day's
-- rows depend on that day's entries, songs and albums and nothing else.
WITH entries AS (
  SELECT
    i.snapshot_date,
    i.playlist_id,
    DATEDIFF('day', CAST(i.added_at AS DATE), i.snapshot_date) AS added_days,
    DATEDIFF('day', albums.release_date, i.snapshot_date) AS released_days
  FROM LAKE.PLAYLIST_ITEMS AS i
  LEFT JOIN LAKE.SONGS AS songs ON songs.snapshot_date = i.snapshot_date AND songs.song_id = i.song_id
  LEFT JOIN LAKE.ALBUMS AS albums ON albums.snapshot_date = songs.snapshot_date AND albums.album_id = songs.album_id
  WHERE i.song_id IS NOT NULL AND i.snapshot_date IN ({dates})
),
counts AS (
  SELECT
    snapshot_date,
    playlist_id,
    COUNT(*) AS entries,
    COUNT(added_days) AS added_known,
    CAST(COUNT_IF(added_days < 30) AS FLOAT) AS added_30,
    CAST(COUNT_IF(added_days < 90) AS FLOAT) AS added_90,
    CAST(COUNT_IF(added_days < 365) AS FLOAT) AS added_365,
    COUNT(released_days) AS released_known,
    CAST(COUNT_IF(released_days < 30) AS FLOAT) AS released_30,
    CAST(COUNT_IF(released_days < 90) AS FLOAT) AS released_90,
    CAST(COUNT_IF(released_days < 365) AS FLOAT) AS released_365
  FROM entries
  GROUP BY snapshot_date, playlist_id
)
SELECT
  snapshot_date,
  playlist_id,
  entries,
  added_known,
  CASE WHEN added_known > 0 THEN added_30 / CAST(added_known AS FLOAT) END AS added_30_share,
  CASE WHEN added_known > 0 THEN added_90 / CAST(added_known AS FLOAT) END AS added_90_share,
  CASE WHEN added_known > 0 THEN added_365 / CAST(added_known AS FLOAT) END AS added_365_share,
  released_known,
  CASE WHEN released_known > 0 THEN released_30 / CAST(released_known AS FLOAT) END AS released_30_share,
  CASE WHEN released_known > 0 THEN released_90 / CAST(released_known AS FLOAT) END AS released_90_share,
  CASE WHEN released_known > 0 THEN released_365 / CAST(released_known AS FLOAT) END AS released_365_share
FROM counts;
