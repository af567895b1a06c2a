-- The ten most popular songs of the latest day. One day only: summing popularity over days counts a song once per
-- snapshot.
select s.name as song, a.name as artist, s.popularity
from songs s
left join artists a on a.day = s.day and a.artist_id = s.artist_id
where s.day = (select max(day) from songs) and s.popularity is not null
order by s.popularity desc, s.name, s.song_id
limit 10
