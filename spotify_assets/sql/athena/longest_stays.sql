-- The twenty songs with the most snapshot days in a playlist, with their first and last day and best position.
select l.name as playlist, s.name as song, t.days_present, t.first_on, t.last_on, t.best_position
from (
  select playlist_id, song_id, count(distinct day) as days_present, min(day) as first_on, max(day) as last_on,
    min(position) as best_position
  from playlist_items
  where song_id is not null
  group by playlist_id, song_id
) t
join songs s on s.song_id = t.song_id and s.day = t.last_on
join playlists l on l.playlist_id = t.playlist_id and l.day = t.last_on
order by t.days_present desc, t.first_on, playlist, song, t.song_id
limit 20
