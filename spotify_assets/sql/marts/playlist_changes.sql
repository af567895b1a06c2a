-- What entered, left or moved since the playlist's own previous snapshot. Snapshot dates come from LAKE.PLAYLISTS, so a
-- playlist without entries still has had a snapshot, and a day without one is no change.
--
-- Computed in full: a date loaded late or again changes the comparison of the next snapshot of every playlist on it,
-- wherever that is, and the names are the latest ones. One ordered pass over the entries costs less than finding out.
WITH loaded AS (
  -- Only dates on which both tables hold the same run: half a date would look like songs that left.
  SELECT snapshot_date
  FROM LAKE.LOADS
  WHERE table_name IN ('playlists', 'playlist_items')
  GROUP BY snapshot_date
  HAVING COUNT(*) = 2 AND COUNT(DISTINCT run_id) = 1
),
snapshots AS (
  SELECT
    playlist_id,
    snapshot_date,
    LAG(snapshot_date) OVER (PARTITION BY playlist_id ORDER BY snapshot_date) AS previous_date
  FROM LAKE.PLAYLISTS
  WHERE snapshot_date IN (SELECT snapshot_date FROM loaded)
),
places AS (
  SELECT
    snapshot_date,
    playlist_id,
    song_id,
    position,
    ROW_NUMBER() OVER (PARTITION BY snapshot_date, playlist_id, song_id ORDER BY position) AS occurrence
  FROM LAKE.PLAYLIST_ITEMS
  WHERE song_id IS NOT NULL
),
now_places AS (
  SELECT s.snapshot_date, s.previous_date, s.playlist_id, p.song_id, p.occurrence, p.position
  FROM snapshots AS s
  INNER JOIN places AS p ON p.playlist_id = s.playlist_id AND p.snapshot_date = s.snapshot_date
  WHERE s.previous_date IS NOT NULL
),
previous_places AS (
  SELECT s.snapshot_date, s.previous_date, s.playlist_id, p.song_id, p.occurrence, p.position
  FROM snapshots AS s
  INNER JOIN places AS p ON p.playlist_id = s.playlist_id AND p.snapshot_date = s.previous_date
),
differences AS (
  SELECT
    COALESCE(n.snapshot_date, b.snapshot_date) AS snapshot_date,
    COALESCE(n.playlist_id, b.playlist_id) AS playlist_id,
    COALESCE(n.song_id, b.song_id) AS song_id,
    COALESCE(n.occurrence, b.occurrence) AS occurrence,
    COALESCE(n.previous_date, b.previous_date) AS previous_date,
    b.position AS from_position,
    n.position AS to_position
  FROM now_places AS n
  FULL OUTER JOIN previous_places AS b
    ON b.snapshot_date = n.snapshot_date
    AND b.playlist_id = n.playlist_id
    AND b.song_id = n.song_id
    AND b.occurrence = n.occurrence
  WHERE n.position IS DISTINCT FROM b.position
)
SELECT
  d.snapshot_date,
  d.playlist_id,
  d.song_id,
  d.occurrence,
  CASE WHEN d.from_position IS NULL THEN 'entered' WHEN d.to_position IS NULL THEN 'left' ELSE 'moved' END AS change,
  d.previous_date,
  d.from_position,
  d.to_position,
  songs.name AS song_name,
  artists.name AS artist_name
FROM differences AS d
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = d.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;
