-- What the entries of a playlist are, per snapshot. Computed for the changed dates only: a day's rows depend on that
-- day's playlists, entries and songs and nothing else.
WITH entries AS (
  SELECT
    i.snapshot_date,
    i.playlist_id,
    COUNT(*) AS entries,
    COUNT_IF(i.item_type = 'track') AS tracks,
    COUNT_IF(i.item_type = 'local') AS local_files,
    COUNT_IF(i.item_type = 'episode') AS episodes,
    COUNT_IF(i.item_type = 'missing') AS missing,
    COUNT_IF(i.item_type = 'track' AND songs.name = '') AS withdrawn,
    COUNT(i.song_id) - COUNT(DISTINCT i.song_id) AS repeated
  FROM LAKE.PLAYLIST_ITEMS AS i
  LEFT JOIN LAKE.SONGS AS songs ON songs.snapshot_date = i.snapshot_date AND songs.song_id = i.song_id
  WHERE i.snapshot_date IN ({dates})
  GROUP BY i.snapshot_date, i.playlist_id
)
SELECT
  p.snapshot_date,
  p.playlist_id,
  COALESCE(p.is_complete, TRUE) AS is_complete,
  p.item_count,
  COALESCE(e.entries, 0) AS entry_count,
  COALESCE(e.tracks, 0) AS tracks,
  COALESCE(e.local_files, 0) AS local_files,
  COALESCE(e.episodes, 0) AS episodes,
  COALESCE(e.missing, 0) AS missing,
  COALESCE(e.withdrawn, 0) AS withdrawn,
  COALESCE(e.repeated, 0) AS repeated
FROM LAKE.PLAYLISTS AS p
LEFT JOIN entries AS e ON e.snapshot_date = p.snapshot_date AND e.playlist_id = p.playlist_id
WHERE p.snapshot_date IN ({dates});
