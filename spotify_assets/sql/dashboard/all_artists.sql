-- One row per recent day and artist, for the artists with the most entries over the period in all playlists together.
WITH recent AS (
    SELECT DISTINCT snapshot_date
    FROM LAKE.PLAYLISTS
    WHERE snapshot_date IN ({loaded})
    QUALIFY DENSE_RANK() OVER (ORDER BY snapshot_date DESC) <= %(days)s
),
leaders AS (
    SELECT s.artist_id, SUM(s.slots) AS all_slots
    FROM ANALYTICS.ARTIST_SHARE s
    JOIN recent ON recent.snapshot_date = s.snapshot_date
    GROUP BY s.artist_id
    ORDER BY SUM(s.slots) DESC, s.artist_id
    LIMIT %(artists)s
)
SELECT s.snapshot_date, s.artist_id, s.artist_name, s.slot_share, s.slots, s.playlists
FROM ANALYTICS.ARTIST_SHARE s
JOIN recent ON recent.snapshot_date = s.snapshot_date
JOIN leaders ON leaders.artist_id = s.artist_id
ORDER BY leaders.all_slots DESC, s.artist_id, s.snapshot_date;
