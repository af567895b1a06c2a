-- Up to which snapshot the stays of each touched playlist stand (`since`). A playlist that only got later snapshots goes
-- on from its last; one that got an earlier one, or one again, or lost one, is computed anew (NULL).
WITH touched AS (
  SELECT snapshot_date, playlist_id, was_applied FROM FACTS.PENDING_SNAPSHOTS WHERE table_name = 'song_stays'
),
untouched AS (
  SELECT a.playlist_id, MAX(a.snapshot_date) AS last_on
  FROM FACTS.APPLIED_SNAPSHOTS AS a
  LEFT JOIN touched AS t ON t.playlist_id = a.playlist_id AND t.snapshot_date = a.snapshot_date
  WHERE a.table_name = 'song_stays' AND t.playlist_id IS NULL
  GROUP BY a.playlist_id
),
standing AS (
  SELECT
    t.playlist_id,
    CASE WHEN COUNT_IF(t.was_applied OR t.snapshot_date < u.last_on) = 0 THEN MAX(u.last_on) END AS since
  FROM touched AS t
  LEFT JOIN untouched AS u ON u.playlist_id = t.playlist_id
  GROUP BY t.playlist_id
)
