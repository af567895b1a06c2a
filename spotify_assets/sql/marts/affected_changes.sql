-- A snapshot concerns itself and the playlist's next one: affected are the snapshots that differ, and of each playlist
-- those with one that differs since the snapshot they are compared with. Reads the mart's own record of the playlists
-- touched: one narrow row per snapshot.
WITH touched AS (
  SELECT snapshot_date, playlist_id FROM FACTS.PENDING_SNAPSHOTS WHERE table_name = 'playlist_changes'
),
snapshots AS (
  SELECT
    playlist_id,
    snapshot_date,
    LAG(snapshot_date) OVER (PARTITION BY playlist_id ORDER BY snapshot_date) AS previous_date
  FROM FACTS.APPLIED_SNAPSHOTS
  WHERE table_name = 'playlist_changes' AND playlist_id IN (SELECT playlist_id FROM touched)
),
affected AS (
  SELECT DISTINCT s.playlist_id, s.snapshot_date, s.previous_date
  FROM snapshots AS s
  INNER JOIN touched AS t
    ON t.playlist_id = s.playlist_id
    AND t.snapshot_date <= s.snapshot_date
    AND (s.previous_date IS NULL OR t.snapshot_date >= s.previous_date)
)
