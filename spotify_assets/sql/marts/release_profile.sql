-- How old the music of a playlist is, per day: its entries by release year, and the median age of its songs.
--
-- Computed for the changed dates only: a day's rows depend on that day's entries, songs and albums and nothing else.
WITH entries AS (
  SELECT i.snapshot_date, i.playlist_id, i.song_id, albums.release_date
  FROM LAKE.PLAYLIST_ITEMS AS i
  LEFT JOIN LAKE.SONGS AS songs ON songs.snapshot_date = i.snapshot_date AND songs.song_id = i.song_id
  LEFT JOIN LAKE.ALBUMS AS albums ON albums.snapshot_date = songs.snapshot_date AND albums.album_id = songs.album_id
  WHERE i.song_id IS NOT NULL AND i.snapshot_date IN ({dates})
),
ages AS (
  SELECT DISTINCT
    snapshot_date,
    playlist_id,
    song_id,
    CAST(DATEDIFF('day', release_date, snapshot_date) AS FLOAT) / CAST(365.25 AS FLOAT) AS age_years
  FROM entries
  WHERE release_date IS NOT NULL
),
medians AS (
  SELECT snapshot_date, playlist_id, MEDIAN(age_years) AS median_age_years FROM ages GROUP BY snapshot_date, playlist_id
),
totals AS (
  SELECT snapshot_date, playlist_id, COUNT(*) AS slots FROM entries GROUP BY snapshot_date, playlist_id
),
years AS (
  SELECT snapshot_date, playlist_id, YEAR(release_date) AS release_year, COUNT(*) AS slots
  FROM entries
  GROUP BY snapshot_date, playlist_id, YEAR(release_date)
)
SELECT
  y.snapshot_date,
  y.playlist_id,
  y.release_year,
  y.slots,
  CAST(y.slots AS FLOAT) / CAST(t.slots AS FLOAT) AS slot_share,
  m.median_age_years
FROM years AS y
INNER JOIN totals AS t ON t.snapshot_date = y.snapshot_date AND t.playlist_id = y.playlist_id
LEFT JOIN medians AS m ON m.snapshot_date = y.snapshot_date AND m.playlist_id = y.playlist_id;
