-- The stays of the playlists that are computed anew.
DELETE FROM FACTS.SONG_STAYS
WHERE playlist_id IN (
{since}
SELECT playlist_id FROM standing WHERE since IS NULL
);
