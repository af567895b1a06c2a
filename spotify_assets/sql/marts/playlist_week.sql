-- What a week changed in a playlist: its last whole snapshot of the week beside the last one before the week, each song
-- by its best position; and the ten songs that have been there longest (since when says song_stays).
{affected},
wanted AS (
  SELECT playlist_id, snapshot_date FROM affected
  UNION
  SELECT playlist_id, previous_date FROM affected WHERE previous_date IS NOT NULL
),
places AS (
  SELECT i.playlist_id, i.snapshot_date, i.song_id, MIN(i.position) AS position
  FROM LAKE.PLAYLIST_ITEMS AS i
  INNER JOIN wanted AS w ON w.playlist_id = i.playlist_id AND w.snapshot_date = i.snapshot_date
  WHERE i.song_id IS NOT NULL
  GROUP BY i.playlist_id, i.snapshot_date, i.song_id
),
now_places AS (
  SELECT a.week_start, a.playlist_id, a.snapshot_date, a.previous_date, p.song_id, p.position
  FROM affected AS a
  INNER JOIN places AS p ON p.playlist_id = a.playlist_id AND p.snapshot_date = a.snapshot_date
),
previous_places AS (
  SELECT a.week_start, a.playlist_id, a.snapshot_date, a.previous_date, p.song_id, p.position
  FROM affected AS a
  INNER JOIN places AS p ON p.playlist_id = a.playlist_id AND p.snapshot_date = a.previous_date
),
pairs AS (
  SELECT
    COALESCE(n.week_start, b.week_start) AS week_start,
    COALESCE(n.playlist_id, b.playlist_id) AS playlist_id,
    COALESCE(n.song_id, b.song_id) AS song_id,
    COALESCE(n.snapshot_date, b.snapshot_date) AS snapshot_date,
    COALESCE(n.previous_date, b.previous_date) AS previous_date,
    b.position AS from_position,
    n.position AS to_position
  FROM now_places AS n
  FULL OUTER JOIN previous_places AS b
    ON b.week_start = n.week_start AND b.playlist_id = n.playlist_id AND b.song_id = n.song_id
),
firsts AS (
  SELECT s.playlist_id, s.song_id, MIN(s.first_on) AS first_on
  FROM FACTS.SONG_STAYS AS s
  WHERE s.playlist_id IN (SELECT playlist_id FROM affected)
  GROUP BY s.playlist_id, s.song_id
),
dated AS (
  SELECT p.*, s.first_on AS in_since, f.first_on AS first_on
  FROM pairs AS p
  LEFT JOIN FACTS.SONG_STAYS AS s
    ON s.playlist_id = p.playlist_id
    AND s.song_id = p.song_id
    AND s.first_on <= CASE WHEN p.to_position IS NULL THEN p.previous_date ELSE p.snapshot_date END
    AND s.last_on >= CASE WHEN p.to_position IS NULL THEN p.previous_date ELSE p.snapshot_date END
  LEFT JOIN firsts AS f ON f.playlist_id = p.playlist_id AND f.song_id = p.song_id
),
ranked AS (
  SELECT
    dated.*,
    CASE WHEN to_position IS NOT NULL THEN
      ROW_NUMBER() OVER (
        PARTITION BY week_start, playlist_id, to_position IS NULL
        ORDER BY in_since, to_position, song_id
      )
    END AS place
  FROM dated
)
SELECT
  r.week_start,
  r.playlist_id,
  r.song_id,
  CASE
    WHEN r.to_position IS NULL THEN 'gone'
    WHEN r.previous_date IS NULL OR r.from_position = r.to_position THEN 'stayed'
    WHEN r.from_position IS NULL AND r.first_on < r.in_since THEN 'returned'
    WHEN r.from_position IS NULL THEN 'new'
    WHEN r.to_position < r.from_position THEN 'climbed'
    ELSE 'fell'
  END AS change,
  r.snapshot_date,
  r.previous_date,
  r.from_position,
  r.to_position,
  r.from_position - r.to_position AS places,
  r.in_since,
  CASE WHEN r.place <= 10 THEN r.place END AS longest_place
FROM ranked AS r
WHERE r.place <= 10 OR (r.previous_date IS NOT NULL AND r.from_position IS DISTINCT FROM r.to_position);
