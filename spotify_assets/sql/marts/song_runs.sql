-- How long a song stayed in a playlist and how often it came back, counted in snapshots of that playlist: its snapshots
-- are numbered, and an unbroken sequence of numbers is one run (gaps and islands).
--
-- Computed in full: a date loaded late renumbers every later snapshot of its playlists.
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
    ROW_NUMBER() OVER (PARTITION BY playlist_id ORDER BY snapshot_date) AS snapshot_number,
    COUNT(*) OVER (PARTITION BY playlist_id) AS snapshots
  FROM LAKE.PLAYLISTS
  WHERE snapshot_date IN (SELECT snapshot_date FROM loaded)
),
presence AS (
  SELECT i.playlist_id, i.song_id, i.snapshot_date, s.snapshot_number, s.snapshots, MIN(i.position) AS position
  FROM LAKE.PLAYLIST_ITEMS AS i
  INNER JOIN snapshots AS s ON s.playlist_id = i.playlist_id AND s.snapshot_date = i.snapshot_date
  WHERE i.song_id IS NOT NULL
  GROUP BY i.playlist_id, i.song_id, i.snapshot_date, s.snapshot_number, s.snapshots
),
islands AS (
  SELECT
    presence.*,
    snapshot_number - ROW_NUMBER() OVER (PARTITION BY playlist_id, song_id ORDER BY snapshot_number) AS island
  FROM presence
),
runs AS (
  SELECT
    playlist_id,
    song_id,
    island,
    MIN(snapshot_date) AS first_on,
    MAX(snapshot_date) AS last_on,
    COUNT(*) AS days,
    MIN(position) AS best_position,
    MAX(snapshot_number) AS last_number,
    MAX(snapshots) AS snapshots
  FROM islands
  GROUP BY playlist_id, song_id, island
),
songs_in_playlists AS (
  SELECT
    playlist_id,
    song_id,
    MIN(first_on) AS first_on,
    MAX(last_on) AS last_on,
    SUM(days) AS days_present,
    MAX(days) AS longest_run,
    MIN(best_position) AS best_position,
    COUNT(*) - 1 AS re_entries,
    MAX(last_number) = MAX(snapshots) AS is_present
  FROM runs
  GROUP BY playlist_id, song_id
)
SELECT
  r.playlist_id,
  r.song_id,
  r.first_on,
  r.last_on,
  r.days_present,
  r.longest_run,
  r.best_position,
  r.re_entries,
  r.is_present,
  songs.name AS song_name,
  artists.name AS artist_name
FROM songs_in_playlists AS r
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = r.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;
