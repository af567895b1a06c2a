-- After the rows that differ were taken out: the snapshots that the mart is computed from now.
INSERT INTO FACTS.APPLIED_SNAPSHOTS (table_name, snapshot_date, playlist_id, digest)
SELECT table_name, snapshot_date, playlist_id, digest
FROM FACTS.PENDING_SNAPSHOTS
WHERE table_name = ? AND digest IS NOT NULL;
