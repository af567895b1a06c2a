-- One row per playlist, recent snapshot and artist, for the artists with the most entries over the period: entries that
-- credit the artist. An entry with two artists counts for both.
WITH recent AS (
    SELECT playlist_id, snapshot_date
    FROM LAKE.PLAYLISTS
    WHERE snapshot_date IN ({loaded})
    QUALIFY ROW_NUMBER() OVER (PARTITION BY playlist_id ORDER BY snapshot_date DESC) <= %(days)s
),
credited AS (
    SELECT i.playlist_id, i.snapshot_date, c.artist_id, COUNT(*) AS slots
    FROM LAKE.PLAYLIST_ITEMS i
    JOIN recent
        ON recent.playlist_id = i.playlist_id
        AND recent.snapshot_date = i.snapshot_date
    JOIN SPOTIFY.SONG_ARTISTS c
        ON c.song_id = i.song_id
    GROUP BY i.playlist_id, i.snapshot_date, c.artist_id
),
leaders AS (
    SELECT playlist_id, artist_id, SUM(slots) AS all_slots
    FROM credited
    GROUP BY playlist_id, artist_id
    QUALIFY ROW_NUMBER() OVER (PARTITION BY playlist_id ORDER BY SUM(slots) DESC, artist_id) <= %(artists)s
)
SELECT
    leaders.playlist_id,
    credited.snapshot_date,
    leaders.artist_id,
    a.name AS artist_name,
    credited.slots
FROM leaders
JOIN credited
    ON credited.playlist_id = leaders.playlist_id
    AND credited.artist_id = leaders.artist_id
JOIN SPOTIFY.ARTISTS a
    ON a.artist_id = leaders.artist_id
ORDER BY leaders.playlist_id, leaders.all_slots DESC, leaders.artist_id, credited.snapshot_date;
