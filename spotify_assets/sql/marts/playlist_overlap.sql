-- Pairs of playlists that share songs, per day.
--
-- Computed for the changed dates only: the join of each day's songs with themselves is the most expensive statement
-- here, and a day's rows depend on that day's entries and nothing else.
WITH songs AS (
  SELECT DISTINCT i.snapshot_date, i.playlist_id, i.song_id
  FROM LAKE.PLAYLIST_ITEMS AS i
  WHERE i.song_id IS NOT NULL AND i.snapshot_date IN ({dates})
),
sizes AS (
  SELECT snapshot_date, playlist_id, COUNT(*) AS songs FROM songs GROUP BY snapshot_date, playlist_id
),
pairs AS (
  SELECT
    a.snapshot_date,
    a.playlist_id,
    b.playlist_id AS other_playlist_id,
    COUNT(*) AS songs_in_common
  FROM songs AS a
  INNER JOIN songs AS b
    ON b.snapshot_date = a.snapshot_date AND b.song_id = a.song_id AND a.playlist_id < b.playlist_id
  GROUP BY a.snapshot_date, a.playlist_id, b.playlist_id
)
SELECT
  p.snapshot_date,
  p.playlist_id,
  p.other_playlist_id,
  p.songs_in_common,
  s.songs,
  o.songs AS other_songs,
  CAST(p.songs_in_common AS FLOAT) / CAST(s.songs + o.songs - p.songs_in_common AS FLOAT) AS jaccard
FROM pairs AS p
INNER JOIN sizes AS s ON s.snapshot_date = p.snapshot_date AND s.playlist_id = p.playlist_id
INNER JOIN sizes AS o ON o.snapshot_date = p.snapshot_date AND o.playlist_id = p.other_playlist_id;
