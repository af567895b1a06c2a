-- What entered, left or moved since the playlist's own previous whole snapshot. A playlist without entries still has had
-- a snapshot; a day without one is no change, nor is what an incomplete snapshot lacks.
--
-- Computed for the affected snapshots only, from the entries of these and of those they are compared with. Snowflake
-- skips the micro-partitions of all other dates: LAKE.PLAYLIST_ITEMS is loaded date by date, and the join on
-- snapshot_date prunes while it runs.
{affected},
wanted AS (
  SELECT playlist_id, snapshot_date FROM affected WHERE previous_date IS NOT NULL
  UNION
  SELECT playlist_id, previous_date FROM affected WHERE previous_date IS NOT NULL
),
places AS (
  SELECT
    i.snapshot_date,
    i.playlist_id,
    i.song_id,
    i.position,
    ROW_NUMBER() OVER (PARTITION BY i.snapshot_date, i.playlist_id, i.song_id ORDER BY i.position) AS occurrence
  FROM LAKE.PLAYLIST_ITEMS AS i
  INNER JOIN wanted AS w ON w.playlist_id = i.playlist_id AND w.snapshot_date = i.snapshot_date
  WHERE i.song_id IS NOT NULL
),
now_places AS (
  SELECT a.snapshot_date, a.previous_date, a.playlist_id, p.song_id, p.occurrence, p.position
  FROM affected AS a
  INNER JOIN places AS p ON p.playlist_id = a.playlist_id AND p.snapshot_date = a.snapshot_date
  WHERE a.previous_date IS NOT NULL
),
previous_places AS (
  SELECT a.snapshot_date, a.previous_date, a.playlist_id, p.song_id, p.occurrence, p.position
  FROM affected AS a
  INNER JOIN places AS p ON p.playlist_id = a.playlist_id AND p.snapshot_date = a.previous_date
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
  d.to_position
FROM differences AS d;
