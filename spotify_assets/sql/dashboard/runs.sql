-- The songs that stayed longest: at most `rows` per playlist, longest first. `ties` counts the songs with a run as long.
SELECT
    playlist_id,
    song_name,
    artist_name,
    first_on,
    last_on,
    longest_run,
    best_position,
    re_entries,
    is_present,
    COUNT(*) OVER (PARTITION BY playlist_id, longest_run) AS ties
FROM ANALYTICS.SONG_RUNS
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY playlist_id
    ORDER BY longest_run DESC, days_present DESC, best_position, song_id
) <= %(rows)s
ORDER BY playlist_id, longest_run DESC, days_present DESC, best_position, song_id;
