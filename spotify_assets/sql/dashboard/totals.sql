-- How many songs and artists were ever seen.
SELECT
    (SELECT COUNT(*) FROM SPOTIFY.SONGS) AS songs,
    (SELECT COUNT(*) FROM SPOTIFY.ARTISTS) AS artists;
