-- The weeks that are computed again.
DELETE FROM FACTS.PLAYLIST_WEEK
WHERE (playlist_id, week_start) IN (
{affected}
SELECT f.playlist_id, f.week_start
FROM FACTS.PLAYLIST_WEEK AS f
INNER JOIN touched AS t ON t.playlist_id = f.playlist_id AND f.week_start >= t.from_week
);
