-- The stays of each song in each playlist, summed. A view: song_stays already holds one row per stay.
WITH runs AS (
  SELECT
    playlist_id,
    song_id,
    MIN(first_on) AS first_on,
    MAX(last_on) AS last_on,
    SUM(days_present) AS days_present,
    MAX(days_present) AS longest_run,
    MIN(best_position) AS best_position,
    COUNT(*) - 1 AS re_entries,
    COUNT_IF(is_open) > 0 AS is_present
  FROM FACTS.SONG_STAYS
  GROUP BY playlist_id, song_id
)
SELECT
  r.playlist_id,
  r.song_id,
  r.first_on,
  r.last_on,
  CAST(r.days_present AS NUMBER(38, 0)) AS days_present,
  r.longest_run,
  r.best_position,
  r.re_entries,
  r.is_present,
  songs.name AS song_name,
  artists.name AS artist_name
FROM runs AS r
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = r.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;
