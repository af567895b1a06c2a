-- The latest name of each artist on the rows of all dates; touches only rows whose artist has changed its name.
UPDATE ANALYTICS.ARTIST_SHARE
SET artist_name = artists.name
FROM SPOTIFY.ARTISTS AS artists
WHERE artists.artist_id = ARTIST_SHARE.artist_id
  AND ARTIST_SHARE.artist_name IS DISTINCT FROM artists.name;
