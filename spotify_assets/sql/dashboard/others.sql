-- The entries of a window of dates that are no songs (episodes and what else Spotify sends): one row per uri.
SELECT REPLACE(item_uri, ' ', '+') AS item_uri, MAX(item_type) AS item_type, MAX(name) AS name
FROM LAKE.PLAYLIST_ITEMS
WHERE snapshot_date BETWEEN %(first_on)s AND %(last_on)s
    AND song_id IS NULL
    AND item_uri IS NOT NULL
GROUP BY item_uri
ORDER BY item_uri;
