-- The rows as computed, with the latest names: an artist who is renamed costs nothing.
SELECT
  f.snapshot_date,
  f.artist_id,
  artists.name AS artist_name,
  f.slots,
  f.songs,
  f.playlists,
  f.slot_share
FROM FACTS.ARTIST_SHARE AS f
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = f.artist_id;
