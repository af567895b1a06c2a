-- The rows as computed, with the latest names: a song that is renamed costs nothing.
SELECT
  {columns},
  songs.name AS song_name,
  artists.name AS artist_name
FROM {facts} AS f
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = f.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;
