-- The twenty artists with the most playlist slots on the latest day. Every credited artist counts, not only the first.
select a.name as artist, count(*) as slots, count(distinct i.song_id) as songs, count(distinct i.playlist_id) as playlists
from playlist_items i
join song_artists c on c.day = i.day and c.song_id = i.song_id
join artists a on a.day = c.day and a.artist_id = c.artist_id
where i.day = (select max(day) from playlist_items)
group by a.artist_id, a.name
order by slots desc, artist, a.artist_id
limit 20
