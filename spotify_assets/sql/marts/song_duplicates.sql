-- Recordings that stand in a playlist more than once, per snapshot: the same song, or different songs with one ISRC.
-- Computed for the changed dates only: a day's rows depend on that day's entries and songs and nothing else.
WITH entries AS (
  SELECT i.snapshot_date, i.playlist_id, i.position, i.song_id, songs.isrc
  FROM LAKE.PLAYLIST_ITEMS AS i
  LEFT JOIN LAKE.SONGS AS songs ON songs.snapshot_date = i.snapshot_date AND songs.song_id = i.song_id
  WHERE i.song_id IS NOT NULL AND i.snapshot_date IN ({dates})
)
SELECT
  snapshot_date,
  playlist_id,
  'song' AS kind,
  song_id AS duplicate_of,
  song_id,
  COUNT(*) AS entries,
  1 AS songs,
  MIN(position) AS first_position,
  MAX(position) AS last_position
FROM entries
GROUP BY snapshot_date, playlist_id, song_id
HAVING COUNT(*) > 1
UNION ALL
SELECT
  snapshot_date,
  playlist_id,
  'isrc' AS kind,
  isrc AS duplicate_of,
  MIN(song_id) AS song_id,
  COUNT(*) AS entries,
  COUNT(DISTINCT song_id) AS songs,
  MIN(position) AS first_position,
  MAX(position) AS last_position
FROM entries
WHERE isrc <> ''
GROUP BY snapshot_date, playlist_id, isrc
HAVING COUNT(DISTINCT song_id) > 1;
