-- Unbroken stays of songs in playlists, counted in whole snapshots: a playlist's snapshots are numbered, and an unbroken
-- sequence of numbers is one stay (gaps and islands). Snapshot 0 is the one up to which the stays stand: what was open
-- then goes on from there, so that one more day reads one day.
--
-- Few rows change with each day (those of the songs that are there), so the table stays small: as many rows as songs
-- ever entered a playlist.
{since},
snapshots AS (
  SELECT
    a.playlist_id,
    a.snapshot_date,
    ROW_NUMBER() OVER (PARTITION BY a.playlist_id ORDER BY a.snapshot_date) AS number,
    COUNT(*) OVER (PARTITION BY a.playlist_id) AS last_number
  FROM FACTS.APPLIED_SNAPSHOTS AS a
  INNER JOIN standing AS s ON s.playlist_id = a.playlist_id AND (s.since IS NULL OR a.snapshot_date > s.since)
  WHERE a.table_name = 'song_stays'
),
presence AS (
  SELECT
    i.playlist_id,
    i.song_id,
    s.number,
    s.last_number,
    i.snapshot_date AS first_on,
    i.snapshot_date AS last_on,
    COUNT(DISTINCT i.snapshot_date) AS days_present,
    MIN(i.position) AS best_position
  FROM LAKE.PLAYLIST_ITEMS AS i
  INNER JOIN snapshots AS s ON s.playlist_id = i.playlist_id AND s.snapshot_date = i.snapshot_date
  WHERE i.song_id IS NOT NULL
  GROUP BY i.playlist_id, i.song_id, i.snapshot_date, s.number, s.last_number
  UNION ALL
  SELECT f.playlist_id, f.song_id, 0, l.last_number, f.first_on, f.last_on, f.days_present, f.best_position
  FROM FACTS.SONG_STAYS AS f
  INNER JOIN (SELECT DISTINCT playlist_id, last_number FROM snapshots) AS l ON l.playlist_id = f.playlist_id
  WHERE f.is_open
),
islands AS (
  SELECT
    presence.*,
    number - ROW_NUMBER() OVER (PARTITION BY playlist_id, song_id ORDER BY number) AS island
  FROM presence
)
SELECT
  playlist_id,
  song_id,
  MIN(first_on) AS first_on,
  MAX(last_on) AS last_on,
  SUM(days_present) AS days_present,
  MIN(best_position) AS best_position,
  MAX(number) = MAX(last_number) AS is_open
FROM islands
GROUP BY playlist_id, song_id, island;
