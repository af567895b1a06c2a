-- The weeks to compute again: of each playlist those from its first snapshot that differs on, which is the current week
-- alone when a day is added. Each week ends with its last whole snapshot and is compared with the one before it.
WITH touched AS (
  SELECT playlist_id, CAST(DATE_TRUNC('week', MIN(snapshot_date)) AS DATE) AS from_week
  FROM FACTS.PENDING_SNAPSHOTS
  WHERE table_name = 'playlist_week'
  GROUP BY playlist_id
),
weeks AS (
  SELECT
    a.playlist_id,
    CAST(DATE_TRUNC('week', a.snapshot_date) AS DATE) AS week_start,
    MAX(a.snapshot_date) AS snapshot_date
  FROM FACTS.APPLIED_SNAPSHOTS AS a
  WHERE a.table_name = 'playlist_week' AND a.playlist_id IN (SELECT playlist_id FROM touched)
  GROUP BY a.playlist_id, CAST(DATE_TRUNC('week', a.snapshot_date) AS DATE)
),
compared AS (
  SELECT
    playlist_id,
    week_start,
    snapshot_date,
    LAG(snapshot_date) OVER (PARTITION BY playlist_id ORDER BY week_start) AS previous_date
  FROM weeks
),
affected AS (
  SELECT c.playlist_id, c.week_start, c.snapshot_date, c.previous_date
  FROM compared AS c
  INNER JOIN touched AS t ON t.playlist_id = c.playlist_id AND c.week_start >= t.from_week
)
