-- The rows that are computed again, and those of snapshots that are gone.
DELETE FROM FACTS.PLAYLIST_CHANGES
WHERE (snapshot_date, playlist_id) IN (
{affected}
SELECT snapshot_date, playlist_id FROM affected
UNION
SELECT snapshot_date, playlist_id FROM touched
);
