-- The release years of each playlist's latest snapshot; a null year counts the entries whose year is unknown.
WITH latest AS (
    SELECT playlist_id, MAX(snapshot_date) AS snapshot_date
    FROM LAKE.PLAYLISTS
    WHERE snapshot_date IN ({loaded})
    GROUP BY playlist_id
)
SELECT p.playlist_id, p.release_year, p.slots, p.median_age_years
FROM ANALYTICS.RELEASE_PROFILE p
JOIN latest
    ON latest.playlist_id = p.playlist_id
    AND latest.snapshot_date = p.snapshot_date
ORDER BY p.playlist_id, p.release_year;
