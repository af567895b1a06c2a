-- The popularity of the latest day's ten most popular songs on every day they were seen.
select s.day, s.name as song, s.popularity
from songs s
where s.popularity is not null and s.song_id in (
  select song_id from songs
  where day = (select max(day) from songs) and popularity is not null
  order by popularity desc, name, song_id
  limit 10
)
order by song, s.song_id, s.day
