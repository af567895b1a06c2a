-- Each artist's part of all tracked playlists, per day. A song with two artists counts for both, so that the shares of a
-- day may add up to more than 1.
--
-- Computed for the changed dates only: a day's rows depend on that day's entries and credits and nothing else. The
-- artist's name is joined by the view.
WITH entries AS (
  SELECT i.snapshot_date, i.playlist_id, i.song_id
  FROM LAKE.PLAYLIST_ITEMS AS i
  WHERE i.song_id IS NOT NULL AND i.snapshot_date IN ({dates})
),
days AS (
  SELECT snapshot_date, COUNT(*) AS slots FROM entries GROUP BY snapshot_date
),
shares AS (
  SELECT
    e.snapshot_date,
    c.artist_id,
    COUNT(*) AS slots,
    COUNT(DISTINCT e.song_id) AS songs,
    COUNT(DISTINCT e.playlist_id) AS playlists
  FROM entries AS e
  INNER JOIN LAKE.SONG_ARTISTS AS c ON c.snapshot_date = e.snapshot_date AND c.song_id = e.song_id
  GROUP BY e.snapshot_date, c.artist_id
)
SELECT
  s.snapshot_date,
  s.artist_id,
  s.slots,
  s.songs,
  s.playlists,
  CAST(s.slots AS FLOAT) / CAST(days.slots AS FLOAT) AS slot_share
FROM shares AS s
INNER JOIN days ON days.snapshot_date = s.snapshot_date;
