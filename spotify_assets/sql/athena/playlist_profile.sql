-- Per playlist on the latest day: entries, distinct songs, total hours, share of explicit songs.
select l.name as playlist, count(*) as entries, count(distinct i.song_id) as songs,
  round(sum(s.duration_ms) / 3600000.0, 2) as hours,
  round(avg(case when s.is_explicit then 1.0 when s.is_explicit = false then 0.0 end), 3) as explicit_share
from playlist_items i
join playlists l on l.day = i.day and l.playlist_id = i.playlist_id
left join songs s on s.day = i.day and s.song_id = i.song_id
where i.day = (select max(day) from playlist_items)
group by l.playlist_id, l.name
order by playlist, l.playlist_id
