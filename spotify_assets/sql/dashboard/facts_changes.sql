-- What changed on one date: the counts of each playlist and kind of change, and on them the row that stands out: the
-- highest entry, the farthest move (to the highest place).
SELECT
    c.playlist_id,
    c.change,
    c.from_position,
    c.to_position,
    c.song_name,
    c.artist_name,
    COUNT(*) OVER (PARTITION BY c.playlist_id, c.change) AS total
FROM ANALYTICS.PLAYLIST_CHANGES c
WHERE c.snapshot_date = %(day)s
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY c.playlist_id, c.change
    ORDER BY
        COALESCE(ABS(c.to_position - c.from_position), 0) DESC,
        COALESCE(c.to_position, c.from_position),
        c.song_id,
        c.occurrence
) = 1
ORDER BY c.playlist_id, c.change;
