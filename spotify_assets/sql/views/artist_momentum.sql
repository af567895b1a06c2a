-- The rows as computed, with the latest names, and whether the artist was first seen in the week.
SELECT
  f.week_start,
  f.artist_id,
  f.slot_share,
  f.previous_share,
  f.momentum,
  f.best_playlists,
  artists.name AS artist_name,
  artists.first_seen_on >= f.week_start AND artists.first_seen_on < DATEADD('day', 7, f.week_start) AS is_debut
FROM FACTS.ARTIST_MOMENTUM AS f
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = f.artist_id;
