-- Each artist's mean part of all song entries per week, beside the calendar week before. Computed for the weeks of the
-- changed dates and the weeks after them, from artist_share of these weeks and of those before. Summed as decimals: a sum
-- of floats depends in its last digit on the order of the rows.
WITH days AS (
  SELECT CAST(DATE_TRUNC('week', snapshot_date) AS DATE) AS week_start, snapshot_date, artist_id, slot_share, playlists
  FROM FACTS.ARTIST_SHARE
  WHERE snapshot_date >= ? AND snapshot_date < ?
),
lengths AS (
  SELECT week_start, COUNT(DISTINCT snapshot_date) AS dates FROM days GROUP BY week_start
),
shares AS (
  SELECT
    d.week_start,
    d.artist_id,
    CAST(SUM(CAST(d.slot_share AS NUMBER(38, 15))) AS FLOAT) / CAST(MAX(l.dates) AS FLOAT) AS slot_share,
    MAX(d.playlists) AS playlists
  FROM days AS d
  INNER JOIN lengths AS l ON l.week_start = d.week_start
  GROUP BY d.week_start, d.artist_id
),
pairs AS (
  SELECT
    COALESCE(n.week_start, CAST(DATEADD('day', 7, b.week_start) AS DATE)) AS week_start,
    COALESCE(n.artist_id, b.artist_id) AS artist_id,
    COALESCE(n.slot_share, CAST(0 AS FLOAT)) AS slot_share,
    b.slot_share AS found,
    COALESCE(n.playlists, 0) AS playlists
  FROM shares AS n
  FULL OUTER JOIN shares AS b
    ON b.artist_id = n.artist_id AND CAST(DATEADD('day', 7, b.week_start) AS DATE) = n.week_start
)
SELECT
  p.week_start,
  p.artist_id,
  p.slot_share,
  CASE WHEN l.week_start IS NOT NULL THEN COALESCE(p.found, CAST(0 AS FLOAT)) END AS previous_share,
  CASE WHEN l.week_start IS NOT NULL THEN p.slot_share - COALESCE(p.found, CAST(0 AS FLOAT)) END AS momentum,
  p.playlists AS best_playlists
FROM pairs AS p
INNER JOIN lengths AS own ON own.week_start = p.week_start
LEFT JOIN lengths AS l ON CAST(DATEADD('day', 7, l.week_start) AS DATE) = p.week_start
WHERE p.week_start IN ({weeks});
