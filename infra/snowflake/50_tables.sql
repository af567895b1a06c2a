-- One row per song, album, artist, playlist and credit (SPOTIFY), the rows of the marts (FACTS), and the
-- marts (ANALYTICS). The views are replaced when they change: they hold nothing.
-- Generated from the contract by `python -m spotify_assets.warehouse.setup`; edit the contract instead.

USE ROLE &{loader_role};
USE DATABASE &{database};

CREATE TABLE IF NOT EXISTS SPOTIFY.SONGS (
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  uri VARCHAR COMMENT 'Spotify uri of the track or local file',
  name VARCHAR COMMENT 'Title; empty when Spotify has withdrawn it',
  album_id VARCHAR COMMENT 'The album it was listed on',
  artist_id VARCHAR COMMENT 'First credited artist that has an id',
  duration_ms NUMBER(38,0) COMMENT 'Length in milliseconds; 0 when unknown, null when unreadable',
  is_explicit BOOLEAN COMMENT 'Marked explicit by Spotify; null when unreadable',
  popularity NUMBER(38,0) COMMENT '0 to 100; null where Spotify no longer sends it (0 is a value)',
  isrc VARCHAR COMMENT 'International Standard Recording Code; not unique per song',
  disc_number NUMBER(38,0) COMMENT 'Disc on the album, from 1; 0 when unknown, null when unreadable',
  track_number NUMBER(38,0) COMMENT 'Track on the disc, from 1; 0 when unknown, null when unreadable',
  is_local BOOLEAN COMMENT 'A local file of the playlist''s owner',
  url VARCHAR COMMENT 'Link to open.spotify.com',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per song ever seen in a tracked playlist: as it was on the latest snapshot date that has it, with its first and its last date.';

CREATE TABLE IF NOT EXISTS SPOTIFY.ALBUMS (
  album_id VARCHAR COMMENT 'Spotify id of the album',
  name VARCHAR COMMENT 'Album name; empty when Spotify has withdrawn it',
  album_type VARCHAR COMMENT '`album`, `single` or `compilation`',
  release_date DATE COMMENT 'First day of the released period; null when unknown or impossible',
  release_date_precision VARCHAR COMMENT '`day`, `month` or `year`',
  release_date_text VARCHAR COMMENT 'The release date exactly as Spotify sent it',
  total_tracks NUMBER(38,0) COMMENT 'Tracks on the album',
  url VARCHAR COMMENT 'Link to open.spotify.com',
  image_url VARCHAR COMMENT 'First (largest) image; playlist image links expire within a day',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per album of a song ever seen in a tracked playlist: as it was on the latest snapshot date that has it, with its first and its last date.';

CREATE TABLE IF NOT EXISTS SPOTIFY.ARTISTS (
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  name VARCHAR COMMENT 'Artist name; empty when Spotify has withdrawn it',
  url VARCHAR COMMENT 'Link to open.spotify.com',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per artist ever credited on a song or an album of a tracked playlist: as it was on the latest snapshot date that has it, with its first and its last date.';

CREATE TABLE IF NOT EXISTS SPOTIFY.PLAYLISTS (
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  name VARCHAR COMMENT 'Playlist name; may be empty',
  description VARCHAR COMMENT 'Playlist description as Spotify sends it (HTML entities included)',
  owner_id VARCHAR COMMENT 'User id of the owner; empty where the source did not say',
  owner_name VARCHAR COMMENT 'Display name of the owner; empty where the source did not say',
  is_public BOOLEAN COMMENT 'Whether the playlist is on the owner''s profile; null when Spotify does not say',
  is_collaborative BOOLEAN COMMENT 'Whether others may edit the playlist',
  follower_count NUMBER(38,0) COMMENT 'Followers; Spotify stopped sending it to new apps in 2026',
  spotify_snapshot_id VARCHAR COMMENT 'Spotify''s version id of the playlist; empty for imports without one',
  item_count NUMBER(38,0) COMMENT 'Entries Spotify reported, removed and unreadable ones included',
  entry_count NUMBER(38,0) COMMENT 'Entries in this snapshot: its rows of playlist_items',
  is_complete BOOLEAN COMMENT 'Whether the snapshot holds the whole playlist; absence in an incomplete one is no evidence',
  url VARCHAR COMMENT 'Link to open.spotify.com',
  image_url VARCHAR COMMENT 'First (largest) image; playlist image links expire within a day',
  extracted_at TIMESTAMP_NTZ(6) COMMENT 'When the snapshot was read, UTC',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per playlist ever tracked: as it was on the latest snapshot date that has it, with its first and its last date.';

CREATE TABLE IF NOT EXISTS SPOTIFY.SONG_ARTISTS (
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  position NUMBER(38,0) COMMENT '0-based position among the song''s credits',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per artist credit on a song ever seen in a tracked playlist: as it was on the latest snapshot date that has it, with its first and its last date.';

CREATE TABLE IF NOT EXISTS SPOTIFY.ALBUM_ARTISTS (
  album_id VARCHAR COMMENT 'Spotify id of the album',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  position NUMBER(38,0) COMMENT '0-based position among the album''s credits',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per artist credit on an album ever seen in a tracked playlist: as it was on the latest snapshot date that has it, with its first and its last date.';

CREATE TABLE IF NOT EXISTS SPOTIFY.APPLIED_LOADS (
  table_name VARCHAR COMMENT 'Table of this schema, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  run_id VARCHAR COMMENT 'Run that built the lake rows it read',
  applied_at TIMESTAMP_NTZ(6) COMMENT 'When it was computed, UTC',
  code VARCHAR COMMENT 'Fingerprint of the statements that made the rows; null for older ones'
)
COMMENT = 'One row per table and snapshot date: the loads that a table of this schema was last computed from.';

CREATE TABLE IF NOT EXISTS FACTS.PLAYLIST_CHANGES (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  occurrence NUMBER(38,0) COMMENT '1 for the song''s first place in the playlist, 2 for its second, …',
  change VARCHAR COMMENT '`entered`, `left` or `moved`',
  previous_date DATE COMMENT 'Date of the playlist''s previous whole snapshot',
  from_position NUMBER(38,0) COMMENT '0-based position before; null when it entered',
  to_position NUMBER(38,0) COMMENT '0-based position now; null when it left'
)
COMMENT = 'What the view ANALYTICS.PLAYLIST_CHANGES shows, without the names that it joins.';

CREATE TABLE IF NOT EXISTS FACTS.SONG_STAYS (
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  first_on DATE COMMENT 'Snapshot date on which the stay begins',
  last_on DATE COMMENT 'Last whole snapshot''s date of the stay so far',
  days_present NUMBER(38,0) COMMENT 'Whole snapshots of the playlist in the stay',
  best_position NUMBER(38,0) COMMENT 'Smallest 0-based position in the stay',
  is_open BOOLEAN COMMENT 'Whether it reaches to the playlist''s latest whole snapshot'
)
COMMENT = 'What the view ANALYTICS.SONG_STAYS shows, without the names that it joins.';

CREATE TABLE IF NOT EXISTS FACTS.ARTIST_SHARE (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  slots NUMBER(38,0) COMMENT 'Playlist entries whose song credits the artist',
  songs NUMBER(38,0) COMMENT 'Distinct songs crediting the artist',
  playlists NUMBER(38,0) COMMENT 'Distinct playlists with such an entry',
  slot_share FLOAT COMMENT 'slots divided by all song entries of the day, 0 to 1'
)
COMMENT = 'What the view ANALYTICS.ARTIST_SHARE shows, without the names that it joins.';

CREATE TABLE IF NOT EXISTS FACTS.SONG_POPULARITY (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  popularity NUMBER(38,0) COMMENT '0 to 100',
  previous_popularity NUMBER(38,0) COMMENT 'On the previous date that has one; null on the first',
  change NUMBER(38,0) COMMENT 'popularity minus previous_popularity; null on the first'
)
COMMENT = 'What the view ANALYTICS.SONG_POPULARITY shows, without the names that it joins.';

CREATE TABLE IF NOT EXISTS FACTS.PLAYLIST_WEEK (
  week_start DATE COMMENT 'Monday of the week, UTC',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  change VARCHAR COMMENT '`new`, `returned`, `gone`, `climbed`, `fell` or `stayed`',
  snapshot_date DATE COMMENT 'The playlist''s last whole snapshot of the week',
  previous_date DATE COMMENT 'The one it is compared with; null in the first week',
  from_position NUMBER(38,0) COMMENT '0-based position before; null when it was not there',
  to_position NUMBER(38,0) COMMENT '0-based position now; null when it is gone',
  places NUMBER(38,0) COMMENT 'Places climbed (above 0) or fallen (below 0); null if not in both',
  in_since DATE COMMENT 'First day of its present stay; when gone, of the one that ended',
  longest_place NUMBER(38,0) COMMENT '1 to 10 for the songs that have been there longest'
)
COMMENT = 'What the view ANALYTICS.PLAYLIST_WEEK shows, without the names that it joins.';

CREATE TABLE IF NOT EXISTS FACTS.ARTIST_MOMENTUM (
  week_start DATE COMMENT 'Monday of the week, UTC',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  slot_share FLOAT COMMENT 'Mean part of the song entries on the week''s snapshot dates, 0 to 1',
  previous_share FLOAT COMMENT 'The same of the calendar week before; null without dates',
  momentum FLOAT COMMENT 'slot_share minus previous_share; null without the latter',
  best_playlists NUMBER(38,0) COMMENT 'Most playlists on a day of the week; 0 when gone'
)
COMMENT = 'What the view ANALYTICS.ARTIST_MOMENTUM shows, without the names that it joins.';

CREATE TABLE IF NOT EXISTS FACTS.SONG_DUPLICATES (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  kind VARCHAR COMMENT '`song` or `isrc`',
  duplicate_of VARCHAR COMMENT 'The song''s id, or the ISRC',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  entries NUMBER(38,0) COMMENT 'Entries of the recording',
  songs NUMBER(38,0) COMMENT 'Different songs among them',
  first_position NUMBER(38,0) COMMENT 'Smallest 0-based position',
  last_position NUMBER(38,0) COMMENT 'Largest 0-based position'
)
COMMENT = 'What the view ANALYTICS.SONG_DUPLICATES shows, without the names that it joins.';

CREATE TABLE IF NOT EXISTS FACTS.APPLIED_SNAPSHOTS (
  table_name VARCHAR COMMENT 'Table of the schema ANALYTICS, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  digest VARCHAR COMMENT 'MD5 of the snapshot''s songs and their positions'
)
COMMENT = 'One row per mart that compares snapshots, and whole playlist snapshot that it is computed from.';

CREATE TABLE IF NOT EXISTS FACTS.PENDING_SNAPSHOTS (
  table_name VARCHAR COMMENT 'Table of the schema ANALYTICS, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  digest VARCHAR COMMENT 'As in applied_snapshots; null when there is no whole snapshot any more',
  was_applied BOOLEAN COMMENT 'Whether the mart was computed from another one of this date'
)
COMMENT = 'While a mart is brought up to date: the snapshots that differ from those it was computed from. Empty otherwise.';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.RELEASE_PROFILE (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  release_year NUMBER(38,0) COMMENT 'Year the song''s album was released; null when unknown',
  slots NUMBER(38,0) COMMENT 'Entries of the playlist with that release year',
  slot_share FLOAT COMMENT 'slots divided by the playlist''s song entries that day, 0 to 1',
  median_age_years FLOAT COMMENT 'Median age in years of all the playlist''s songs with a release date, the same on each of its rows of the day; null when none has one'
)
COMMENT = 'One row per snapshot date, playlist and release year of its songs (null: unknown).';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.PLAYLIST_OVERLAP (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  other_playlist_id VARCHAR COMMENT 'Spotify id of the other playlist',
  songs_in_common NUMBER(38,0) COMMENT 'Distinct songs in both',
  songs NUMBER(38,0) COMMENT 'Distinct songs in playlist_id',
  other_songs NUMBER(38,0) COMMENT 'Distinct songs in other_playlist_id',
  jaccard FLOAT COMMENT 'songs_in_common divided by the distinct songs of either, 0 to 1'
)
COMMENT = 'One row per snapshot date and pair of playlists that share a song; playlist_id < other_playlist_id.';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.PLAYLIST_HEALTH (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  is_complete BOOLEAN COMMENT 'Whether the snapshot holds the whole playlist; if not, it is not compared',
  item_count NUMBER(38,0) COMMENT 'Entries Spotify reported',
  entry_count NUMBER(38,0) COMMENT 'Entries in the snapshot',
  tracks NUMBER(38,0) COMMENT 'Entries that are tracks',
  local_files NUMBER(38,0) COMMENT 'Entries that are local files of the owner',
  episodes NUMBER(38,0) COMMENT 'Entries that are podcast episodes',
  missing NUMBER(38,0) COMMENT 'Entries that Spotify has removed',
  withdrawn NUMBER(38,0) COMMENT 'Tracks whose title is empty: Spotify has withdrawn them',
  repeated NUMBER(38,0) COMMENT 'Entries beyond the first of their song'
)
COMMENT = 'One row per playlist snapshot: what its entries are, and whether it is whole. Marts that compare snapshots leave out those that are not.';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.PLAYLIST_FRESHNESS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  entries NUMBER(38,0) COMMENT 'Song entries',
  added_known NUMBER(38,0) COMMENT 'Those with a date of addition',
  added_30_share FLOAT COMMENT 'Part of them added within 30 days, 0 to 1',
  added_90_share FLOAT COMMENT 'Part of them added within 90 days, 0 to 1',
  added_365_share FLOAT COMMENT 'Part of them added within 365 days, 0 to 1',
  released_known NUMBER(38,0) COMMENT 'Song entries with a release date',
  released_30_share FLOAT COMMENT 'Part of them released within 30 days, 0 to 1',
  released_90_share FLOAT COMMENT 'Part of them released within 90 days, 0 to 1',
  released_365_share FLOAT COMMENT 'Part of them released within 365 days, 0 to 1'
)
COMMENT = 'One row per playlist snapshot with songs: how recently its entries were added and released. A part is of the entries whose date is known, and null when none is.';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.APPLIED_LOADS (
  table_name VARCHAR COMMENT 'Table of this schema, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  run_id VARCHAR COMMENT 'Run that built the lake rows it read',
  applied_at TIMESTAMP_NTZ(6) COMMENT 'When it was computed, UTC',
  code VARCHAR COMMENT 'Fingerprint of the statements that made the rows; null for older ones'
)
COMMENT = 'One row per table and snapshot date: the loads that a table of this schema was last computed from.';

CREATE OR REPLACE VIEW ANALYTICS.PLAYLIST_CHANGES (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id COMMENT 'Spotify id of the playlist',
  song_id COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  occurrence COMMENT '1 for the song''s first place in the playlist, 2 for its second, …',
  change COMMENT '`entered`, `left` or `moved`',
  previous_date COMMENT 'Date of the playlist''s previous whole snapshot',
  from_position COMMENT '0-based position before; null when it entered',
  to_position COMMENT '0-based position now; null when it left',
  song_name COMMENT 'Latest known title',
  artist_name COMMENT 'Latest known name of the first credited artist'
)
COPY GRANTS
COMMENT = 'One row per song that entered, left or moved in a playlist since that playlist''s previous whole snapshot. The first one of a playlist has no rows; days without a snapshot are not changes, and a snapshot that is known to be incomplete is not compared (playlist_health names it).'
AS
-- The rows as computed, with the latest names: a song that is renamed costs nothing.
SELECT
  f.snapshot_date, f.playlist_id, f.song_id, f.occurrence, f.change, f.previous_date, f.from_position, f.to_position,
  songs.name AS song_name,
  artists.name AS artist_name
FROM FACTS.PLAYLIST_CHANGES AS f
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = f.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;

CREATE OR REPLACE VIEW ANALYTICS.SONG_STAYS (
  playlist_id COMMENT 'Spotify id of the playlist',
  song_id COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  first_on COMMENT 'Snapshot date on which the stay begins',
  last_on COMMENT 'Last whole snapshot''s date of the stay so far',
  days_present COMMENT 'Whole snapshots of the playlist in the stay',
  best_position COMMENT 'Smallest 0-based position in the stay',
  is_open COMMENT 'Whether it reaches to the playlist''s latest whole snapshot',
  song_name COMMENT 'Latest known title',
  artist_name COMMENT 'Latest known name of the first credited artist'
)
COPY GRANTS
COMMENT = 'One row per unbroken stay of a song in a playlist, from its first whole snapshot to its last. A day without a whole snapshot of the playlist is neither presence nor absence.'
AS
-- The rows as computed, with the latest names: a song that is renamed costs nothing.
SELECT
  f.playlist_id, f.song_id, f.first_on, f.last_on, f.days_present, f.best_position, f.is_open,
  songs.name AS song_name,
  artists.name AS artist_name
FROM FACTS.SONG_STAYS AS f
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = f.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;

CREATE OR REPLACE VIEW ANALYTICS.SONG_RUNS (
  playlist_id COMMENT 'Spotify id of the playlist',
  song_id COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  first_on COMMENT 'First snapshot date in the playlist',
  last_on COMMENT 'Last snapshot date in the playlist',
  days_present COMMENT 'Snapshot dates it was in the playlist',
  longest_run COMMENT 'Most consecutive snapshots of the playlist it was in',
  best_position COMMENT 'Smallest 0-based position it ever had',
  re_entries COMMENT 'Times it came back after a snapshot without it',
  is_present COMMENT 'In the playlist''s latest snapshot',
  song_name COMMENT 'Latest known title',
  artist_name COMMENT 'Latest known name of the first credited artist'
)
COPY GRANTS
COMMENT = 'One row per playlist and song that ever stood in it: how long it stayed and how often it came back, summed over its stays.'
AS
-- The stays of each song in each playlist, summed. A view: song_stays already holds one row per stay.
WITH runs AS (
  SELECT
    playlist_id,
    song_id,
    MIN(first_on) AS first_on,
    MAX(last_on) AS last_on,
    SUM(days_present) AS days_present,
    MAX(days_present) AS longest_run,
    MIN(best_position) AS best_position,
    COUNT(*) - 1 AS re_entries,
    COUNT_IF(is_open) > 0 AS is_present
  FROM FACTS.SONG_STAYS
  GROUP BY playlist_id, song_id
)
SELECT
  r.playlist_id,
  r.song_id,
  r.first_on,
  r.last_on,
  CAST(r.days_present AS NUMBER(38, 0)) AS days_present,
  r.longest_run,
  r.best_position,
  r.re_entries,
  r.is_present,
  songs.name AS song_name,
  artists.name AS artist_name
FROM runs AS r
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = r.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;

CREATE OR REPLACE VIEW ANALYTICS.ARTIST_SHARE (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  artist_id COMMENT 'Spotify id of the artist',
  artist_name COMMENT 'Latest known name',
  slots COMMENT 'Playlist entries whose song credits the artist',
  songs COMMENT 'Distinct songs crediting the artist',
  playlists COMMENT 'Distinct playlists with such an entry',
  slot_share COMMENT 'slots divided by all song entries of the day, 0 to 1'
)
COPY GRANTS
COMMENT = 'One row per snapshot date and artist: how much of all tracked playlists is theirs that day.'
AS
-- The rows as computed, with the latest names: an artist who is renamed costs nothing.
SELECT
  f.snapshot_date,
  f.artist_id,
  artists.name AS artist_name,
  f.slots,
  f.songs,
  f.playlists,
  f.slot_share
FROM FACTS.ARTIST_SHARE AS f
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = f.artist_id;

CREATE OR REPLACE VIEW ANALYTICS.SONG_POPULARITY (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  song_id COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  popularity COMMENT '0 to 100',
  previous_popularity COMMENT 'On the previous date that has one; null on the first',
  change COMMENT 'popularity minus previous_popularity; null on the first',
  song_name COMMENT 'Latest known title',
  artist_name COMMENT 'Latest known name of the first credited artist'
)
COPY GRANTS
COMMENT = 'One row per snapshot date and song of which Spotify sent a popularity (new apps get none since 2026), and what changed since the date before that has one.'
AS
-- The rows as computed, with the latest names: a song that is renamed costs nothing.
SELECT
  f.snapshot_date, f.song_id, f.popularity, f.previous_popularity, f.change,
  songs.name AS song_name,
  artists.name AS artist_name
FROM FACTS.SONG_POPULARITY AS f
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = f.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;

CREATE OR REPLACE VIEW ANALYTICS.PLAYLIST_WEEK (
  week_start COMMENT 'Monday of the week, UTC',
  playlist_id COMMENT 'Spotify id of the playlist',
  song_id COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  change COMMENT '`new`, `returned`, `gone`, `climbed`, `fell` or `stayed`',
  snapshot_date COMMENT 'The playlist''s last whole snapshot of the week',
  previous_date COMMENT 'The one it is compared with; null in the first week',
  from_position COMMENT '0-based position before; null when it was not there',
  to_position COMMENT '0-based position now; null when it is gone',
  places COMMENT 'Places climbed (above 0) or fallen (below 0); null if not in both',
  in_since COMMENT 'First day of its present stay; when gone, of the one that ended',
  longest_place COMMENT '1 to 10 for the songs that have been there longest',
  song_name COMMENT 'Latest known title',
  artist_name COMMENT 'Latest known name of the first credited artist'
)
COPY GRANTS
COMMENT = 'One row per week (from Monday), playlist and song that is new, returned, gone, climbed or fell between the playlist''s last whole snapshot before the week and its last one in it; and the ten songs that have been there longest, changed or not. A playlist''s first week has the latter only.'
AS
-- The rows as computed, with the latest names: a song that is renamed costs nothing.
SELECT
  f.week_start, f.playlist_id, f.song_id, f.change, f.snapshot_date, f.previous_date, f.from_position, f.to_position, f.places, f.in_since, f.longest_place,
  songs.name AS song_name,
  artists.name AS artist_name
FROM FACTS.PLAYLIST_WEEK AS f
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = f.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;

CREATE OR REPLACE VIEW ANALYTICS.ARTIST_MOMENTUM (
  week_start COMMENT 'Monday of the week, UTC',
  artist_id COMMENT 'Spotify id of the artist',
  slot_share COMMENT 'Mean part of the song entries on the week''s snapshot dates, 0 to 1',
  previous_share COMMENT 'The same of the calendar week before; null without dates',
  momentum COMMENT 'slot_share minus previous_share; null without the latter',
  best_playlists COMMENT 'Most playlists on a day of the week; 0 when gone',
  artist_name COMMENT 'Latest known name',
  is_debut COMMENT 'Whether the artist was first seen in this week, in any playlist'
)
COPY GRANTS
COMMENT = 'One row per week (from Monday) and artist with a song in any tracked playlist in it or the week before: how its part of all entries grew or shrank.'
AS
-- The rows as computed, with the latest names, and whether the artist was first seen in the week.
SELECT
  f.week_start,
  f.artist_id,
  f.slot_share,
  f.previous_share,
  f.momentum,
  f.best_playlists,
  artists.name AS artist_name,
  artists.first_seen_on >= f.week_start AND artists.first_seen_on < DATEADD('day', 7, f.week_start) AS is_debut
FROM FACTS.ARTIST_MOMENTUM AS f
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = f.artist_id;

CREATE OR REPLACE VIEW ANALYTICS.SONG_DUPLICATES (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id COMMENT 'Spotify id of the playlist',
  kind COMMENT '`song` or `isrc`',
  duplicate_of COMMENT 'The song''s id, or the ISRC',
  song_id COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  entries COMMENT 'Entries of the recording',
  songs COMMENT 'Different songs among them',
  first_position COMMENT 'Smallest 0-based position',
  last_position COMMENT 'Largest 0-based position',
  song_name COMMENT 'Latest known title',
  artist_name COMMENT 'Latest known name of the first credited artist'
)
COPY GRANTS
COMMENT = 'One row per playlist snapshot and recording that stands in it more than once: the same song, or different songs with one ISRC (a near-duplicate; an ISRC is not unique per recording).'
AS
-- The rows as computed, with the latest names: a song that is renamed costs nothing.
SELECT
  f.snapshot_date, f.playlist_id, f.kind, f.duplicate_of, f.song_id, f.entries, f.songs, f.first_position, f.last_position,
  songs.name AS song_name,
  artists.name AS artist_name
FROM FACTS.SONG_DUPLICATES AS f
LEFT JOIN SPOTIFY.SONGS AS songs ON songs.song_id = f.song_id
LEFT JOIN SPOTIFY.ARTISTS AS artists ON artists.artist_id = songs.artist_id;
