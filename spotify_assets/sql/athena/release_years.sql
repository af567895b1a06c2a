-- How many songs of each playlist were released in each year, on the latest day; the year is null when unknown.
select l.name as playlist, year(b.release_date) as release_year, count(distinct i.song_id) as songs
from playlist_items i
join playlists l on l.day = i.day and l.playlist_id = i.playlist_id
join songs s on s.day = i.day and s.song_id = i.song_id
left join albums b on b.day = s.day and b.album_id = s.album_id
where i.day = (select max(day) from playlist_items)
group by l.playlist_id, l.name, year(b.release_date)
order by playlist, l.playlist_id, release_year
