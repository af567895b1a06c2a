-- What entered and what left each playlist between its two latest snapshots. A day without a snapshot is no change.
with days as (
  select playlist_id, max(day) as today
  from playlists
  group by playlist_id
),
pairs as (
  select d.playlist_id, d.today, max(p.day) as before
  from days d
  join playlists p on p.playlist_id = d.playlist_id and p.day < d.today
  group by d.playlist_id, d.today
),
present as (
  select distinct p.playlist_id, i.song_id, i.day = p.today as is_today
  from pairs p
  join playlist_items i on i.playlist_id = p.playlist_id and i.day in (p.today, p.before) and i.song_id is not null
),
changes as (
  select playlist_id, song_id, max(case when is_today then 1 else 0 end) as is_in,
    max(case when is_today then 0 else 1 end) as was_in
  from present
  group by playlist_id, song_id
)
select n.name as playlist, case when c.is_in = 1 then 'entered' else 'left' end as change, s.name as song
from changes c
join pairs p on p.playlist_id = c.playlist_id
join playlists n on n.playlist_id = c.playlist_id and n.day = p.today
join songs s on s.song_id = c.song_id and s.day = case when c.is_in = 1 then p.today else p.before end
where c.is_in <> c.was_in
order by playlist, change, song, c.song_id
