-- Every song of the latest day with its album: one row per song, because both sides are held to the same day.
select s.name as song, b.name as album, b.album_type, b.release_date, b.release_date_precision, b.total_tracks
from songs s
left join albums b on b.day = s.day and b.album_id = s.album_id
where s.day = (select max(day) from songs)
order by song, s.song_id
