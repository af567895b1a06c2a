-- One row: the period, and how much was ever seen in it. Dates are null before the first snapshot.
SELECT
    (SELECT MIN(snapshot_date) FROM LAKE.PLAYLISTS WHERE snapshot_date IN ({loaded})) AS first_on,
    (SELECT MAX(snapshot_date) FROM LAKE.PLAYLISTS WHERE snapshot_date IN ({loaded})) AS last_on,
    (SELECT COUNT(DISTINCT snapshot_date) FROM LAKE.PLAYLISTS WHERE snapshot_date IN ({loaded})) AS days,
    (SELECT COUNT(*) FROM SPOTIFY.PLAYLISTS) AS playlists,
    (SELECT COUNT(*) FROM SPOTIFY.SONGS) AS songs,
    (SELECT COUNT(*) FROM SPOTIFY.ARTISTS) AS artists;
