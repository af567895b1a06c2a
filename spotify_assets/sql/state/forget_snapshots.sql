-- Take the snapshots that differ out of the record of those that the mart was computed from.
DELETE FROM FACTS.APPLIED_SNAPSHOTS
WHERE table_name = ?
  AND (snapshot_date, playlist_id) IN (
    SELECT snapshot_date, playlist_id FROM FACTS.PENDING_SNAPSHOTS WHERE table_name = ?
  );
