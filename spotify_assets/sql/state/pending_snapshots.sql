-- Which snapshots on the dates that were loaded, loaded again or are gone differ from those a mart was computed from:
-- by content, so that a date built again for one playlist's sake touches that playlist only. A digest is of the songs
-- and their positions; NULL means that there is no whole snapshot any more, and what is not whole is not compared.
--
-- Reads these dates' rows of LAKE.PLAYLISTS and LAKE.PLAYLIST_ITEMS (tables loaded date by date, so that Snowflake skips
-- the micro-partitions of other dates), and of the mart's own record.
INSERT INTO FACTS.PENDING_SNAPSHOTS (table_name, snapshot_date, playlist_id, digest, was_applied)
WITH entries AS (
  SELECT
    snapshot_date,
    playlist_id,
    LISTAGG(CAST(position AS VARCHAR) || ' ' || song_id, ',') WITHIN GROUP (ORDER BY position) AS places
  FROM LAKE.PLAYLIST_ITEMS
  WHERE song_id IS NOT NULL AND snapshot_date IN ({present})
  GROUP BY snapshot_date, playlist_id
),
snapshots AS (
  SELECT p.snapshot_date, p.playlist_id, MD5(COALESCE(e.places, '')) AS digest
  FROM LAKE.PLAYLISTS AS p
  LEFT JOIN entries AS e ON e.snapshot_date = p.snapshot_date AND e.playlist_id = p.playlist_id
  WHERE p.snapshot_date IN ({present}) AND COALESCE(p.is_complete, TRUE)
),
applied AS (
  SELECT snapshot_date, playlist_id, digest
  FROM FACTS.APPLIED_SNAPSHOTS
  WHERE table_name = ? AND snapshot_date IN ({dates})
)
SELECT
  ? AS table_name,
  COALESCE(s.snapshot_date, a.snapshot_date) AS snapshot_date,
  COALESCE(s.playlist_id, a.playlist_id) AS playlist_id,
  s.digest,
  a.digest IS NOT NULL AS was_applied
FROM snapshots AS s
FULL OUTER JOIN applied AS a ON a.snapshot_date = s.snapshot_date AND a.playlist_id = s.playlist_id
WHERE s.digest IS DISTINCT FROM a.digest;
