-- Popularity per day and song, beside that of the previous date that has one.
--
-- Computed in full: a date loaded late changes the row of the song's next date, wherever that is, and the names are the
-- latest ones.
SELECT
  s.snapshot_date,
  s.song_id,
  s.popularity,
  LAG(s.popularity) OVER (PARTITION BY s.song_id ORDER BY s.snapshot_date) AS previous_popularity,
  s.popularity - LAG(s.popularity) OVER (PARTITION BY s.song_id ORDER BY s.snapshot_date) AS change,
  songs.name AS song_name,
  artists.name AS artist_name
FROM LAKE.SONGS AS s
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = s.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id
WHERE s.popularity IS NOT NULL;
