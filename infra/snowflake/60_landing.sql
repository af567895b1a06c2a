-- SNOWFLAKE_LOAD=snowpipe: landing tables, and views in place of copy mode's tables.
-- The views are replaced when they change: they hold nothing.
-- Generated from the contract by `python -m spotify_assets.warehouse.setup`; edit the contract instead.

USE ROLE &{loader_role};
USE DATABASE &{database};
CREATE SCHEMA IF NOT EXISTS LANDING;

CREATE TABLE IF NOT EXISTS LANDING.PLAYLISTS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
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
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and playlist: what Spotify said about the playlist that day.';

CREATE TABLE IF NOT EXISTS LANDING.PLAYLIST_ITEMS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  position NUMBER(38,0) COMMENT '0-based position in the playlist',
  item_type VARCHAR COMMENT '`track`, `local`, `episode`, `missing` (removed by Spotify), or what Spotify sent',
  item_uri VARCHAR COMMENT 'Spotify uri of the entry; null when missing',
  song_id VARCHAR COMMENT 'The song of a track or local entry',
  name VARCHAR COMMENT 'Title as shown in the playlist; null when missing',
  added_at TIMESTAMP_NTZ(6) COMMENT 'When it was added, UTC; null when Spotify does not know',
  added_by VARCHAR COMMENT 'User id of who added it; null when Spotify does not say',
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date, playlist and position: the entries exactly as they stood.';

CREATE TABLE IF NOT EXISTS LANDING.SONGS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
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
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and song found in any tracked playlist.';

CREATE TABLE IF NOT EXISTS LANDING.ALBUMS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  album_id VARCHAR COMMENT 'Spotify id of the album',
  name VARCHAR COMMENT 'Album name; empty when Spotify has withdrawn it',
  album_type VARCHAR COMMENT '`album`, `single` or `compilation`',
  release_date DATE COMMENT 'First day of the released period; null when unknown or impossible',
  release_date_precision VARCHAR COMMENT '`day`, `month` or `year`',
  release_date_text VARCHAR COMMENT 'The release date exactly as Spotify sent it',
  total_tracks NUMBER(38,0) COMMENT 'Tracks on the album',
  url VARCHAR COMMENT 'Link to open.spotify.com',
  image_url VARCHAR COMMENT 'First (largest) image; playlist image links expire within a day',
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and album of any song found.';

CREATE TABLE IF NOT EXISTS LANDING.ARTISTS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  name VARCHAR COMMENT 'Artist name; empty when Spotify has withdrawn it',
  url VARCHAR COMMENT 'Link to open.spotify.com',
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and artist credited on a song or an album.';

CREATE TABLE IF NOT EXISTS LANDING.SONG_ARTISTS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  position NUMBER(38,0) COMMENT '0-based position among the song''s credits',
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and artist credit on a song.';

CREATE TABLE IF NOT EXISTS LANDING.ALBUM_ARTISTS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  album_id VARCHAR COMMENT 'Spotify id of the album',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  position NUMBER(38,0) COMMENT '0-based position among the album''s credits',
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and artist credit on an album.';

CREATE TABLE IF NOT EXISTS LANDING.COMMITS (
  table_name VARCHAR COMMENT 'Table of the schema LAKE, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  run_id VARCHAR COMMENT 'Run that built the rows',
  row_count NUMBER(38,0) COMMENT 'Rows of the date',
  committed_at TIMESTAMP_NTZ(6) COMMENT 'When the lake made the run current, UTC; of a date''s, the last counts',
  recorded_at TIMESTAMP_NTZ(6) COMMENT 'When it was recorded here, UTC'
)
COMMENT = 'One row per commit record of the lake and table: the run, and how many rows it has.';

CREATE TABLE IF NOT EXISTS LAKE.LOADS (
  table_name VARCHAR COMMENT 'Table of the schema LAKE, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  run_id VARCHAR COMMENT 'Run that built the rows',
  row_count NUMBER(38,0) COMMENT 'Rows of the date',
  loaded_at TIMESTAMP_NTZ(6) COMMENT 'When it was loaded, UTC',
  code VARCHAR COMMENT 'Fingerprint of the code that loaded it; null for a pipe or older code'
)
COMMENT = 'One row per lake table and snapshot date: the run whose rows the table holds, even when they are none.';

CREATE OR REPLACE VIEW LAKE.PLAYLISTS (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id COMMENT 'Spotify id of the playlist',
  name COMMENT 'Playlist name; may be empty',
  description COMMENT 'Playlist description as Spotify sends it (HTML entities included)',
  owner_id COMMENT 'User id of the owner; empty where the source did not say',
  owner_name COMMENT 'Display name of the owner; empty where the source did not say',
  is_public COMMENT 'Whether the playlist is on the owner''s profile; null when Spotify does not say',
  is_collaborative COMMENT 'Whether others may edit the playlist',
  follower_count COMMENT 'Followers; Spotify stopped sending it to new apps in 2026',
  spotify_snapshot_id COMMENT 'Spotify''s version id of the playlist; empty for imports without one',
  item_count COMMENT 'Entries Spotify reported, removed and unreadable ones included',
  entry_count COMMENT 'Entries in this snapshot: its rows of playlist_items',
  is_complete COMMENT 'Whether the snapshot holds the whole playlist; absence in an incomplete one is no evidence',
  url COMMENT 'Link to open.spotify.com',
  image_url COMMENT 'First (largest) image; playlist image links expire within a day',
  extracted_at COMMENT 'When the snapshot was read, UTC',
  run_id COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COPY GRANTS
COMMENT = 'One row per snapshot date and playlist: what Spotify said about the playlist that day.'
AS
SELECT l.snapshot_date, l.playlist_id, l.name, l.description, l.owner_id, l.owner_name, l.is_public, l.is_collaborative, l.follower_count, l.spotify_snapshot_id, l.item_count, COALESCE(l.entry_count, item_count) AS entry_count, COALESCE(l.is_complete, TRUE) AS is_complete, l.url, l.image_url, l.extracted_at, l.run_id
FROM LANDING.PLAYLISTS AS l
INNER JOIN LAKE.LOADS AS c
  ON c.table_name = 'playlists' AND c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, l.snapshot_date, l.playlist_id ORDER BY l.run_id) = 1;

CREATE OR REPLACE VIEW LAKE.PLAYLIST_ITEMS (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id COMMENT 'Spotify id of the playlist',
  position COMMENT '0-based position in the playlist',
  item_type COMMENT '`track`, `local`, `episode`, `missing` (removed by Spotify), or what Spotify sent',
  item_uri COMMENT 'Spotify uri of the entry; null when missing',
  song_id COMMENT 'The song of a track or local entry',
  name COMMENT 'Title as shown in the playlist; null when missing',
  added_at COMMENT 'When it was added, UTC; null when Spotify does not know',
  added_by COMMENT 'User id of who added it; null when Spotify does not say',
  run_id COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COPY GRANTS
COMMENT = 'One row per snapshot date, playlist and position: the entries exactly as they stood.'
AS
SELECT l.snapshot_date, l.playlist_id, l.position, l.item_type, l.item_uri, l.song_id, l.name, l.added_at, l.added_by, l.run_id
FROM LANDING.PLAYLIST_ITEMS AS l
INNER JOIN LAKE.LOADS AS c
  ON c.table_name = 'playlist_items' AND c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, l.snapshot_date, l.playlist_id, l.position ORDER BY l.run_id) = 1;

CREATE OR REPLACE VIEW LAKE.SONGS (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  song_id COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  uri COMMENT 'Spotify uri of the track or local file',
  name COMMENT 'Title; empty when Spotify has withdrawn it',
  album_id COMMENT 'The album it was listed on',
  artist_id COMMENT 'First credited artist that has an id',
  duration_ms COMMENT 'Length in milliseconds; 0 when unknown, null when unreadable',
  is_explicit COMMENT 'Marked explicit by Spotify; null when unreadable',
  popularity COMMENT '0 to 100; null where Spotify no longer sends it (0 is a value)',
  isrc COMMENT 'International Standard Recording Code; not unique per song',
  disc_number COMMENT 'Disc on the album, from 1; 0 when unknown, null when unreadable',
  track_number COMMENT 'Track on the disc, from 1; 0 when unknown, null when unreadable',
  is_local COMMENT 'A local file of the playlist''s owner',
  url COMMENT 'Link to open.spotify.com',
  run_id COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COPY GRANTS
COMMENT = 'One row per snapshot date and song found in any tracked playlist.'
AS
SELECT l.snapshot_date, l.song_id, l.uri, l.name, l.album_id, l.artist_id, l.duration_ms, l.is_explicit, l.popularity, l.isrc, l.disc_number, l.track_number, l.is_local, l.url, l.run_id
FROM LANDING.SONGS AS l
INNER JOIN LAKE.LOADS AS c
  ON c.table_name = 'songs' AND c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, l.snapshot_date, l.song_id ORDER BY l.run_id) = 1;

CREATE OR REPLACE VIEW LAKE.ALBUMS (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  album_id COMMENT 'Spotify id of the album',
  name COMMENT 'Album name; empty when Spotify has withdrawn it',
  album_type COMMENT '`album`, `single` or `compilation`',
  release_date COMMENT 'First day of the released period; null when unknown or impossible',
  release_date_precision COMMENT '`day`, `month` or `year`',
  release_date_text COMMENT 'The release date exactly as Spotify sent it',
  total_tracks COMMENT 'Tracks on the album',
  url COMMENT 'Link to open.spotify.com',
  image_url COMMENT 'First (largest) image; playlist image links expire within a day',
  run_id COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COPY GRANTS
COMMENT = 'One row per snapshot date and album of any song found.'
AS
SELECT l.snapshot_date, l.album_id, l.name, l.album_type, l.release_date, l.release_date_precision, l.release_date_text, l.total_tracks, l.url, l.image_url, l.run_id
FROM LANDING.ALBUMS AS l
INNER JOIN LAKE.LOADS AS c
  ON c.table_name = 'albums' AND c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, l.snapshot_date, l.album_id ORDER BY l.run_id) = 1;

CREATE OR REPLACE VIEW LAKE.ARTISTS (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  artist_id COMMENT 'Spotify id of the artist',
  name COMMENT 'Artist name; empty when Spotify has withdrawn it',
  url COMMENT 'Link to open.spotify.com',
  run_id COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COPY GRANTS
COMMENT = 'One row per snapshot date and artist credited on a song or an album.'
AS
SELECT l.snapshot_date, l.artist_id, l.name, l.url, l.run_id
FROM LANDING.ARTISTS AS l
INNER JOIN LAKE.LOADS AS c
  ON c.table_name = 'artists' AND c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, l.snapshot_date, l.artist_id ORDER BY l.run_id) = 1;

CREATE OR REPLACE VIEW LAKE.SONG_ARTISTS (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  song_id COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  artist_id COMMENT 'Spotify id of the artist',
  position COMMENT '0-based position among the song''s credits',
  run_id COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COPY GRANTS
COMMENT = 'One row per snapshot date and artist credit on a song.'
AS
SELECT l.snapshot_date, l.song_id, l.artist_id, l.position, l.run_id
FROM LANDING.SONG_ARTISTS AS l
INNER JOIN LAKE.LOADS AS c
  ON c.table_name = 'song_artists' AND c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, l.snapshot_date, l.song_id, l.artist_id ORDER BY l.run_id) = 1;

CREATE OR REPLACE VIEW LAKE.ALBUM_ARTISTS (
  snapshot_date COMMENT 'UTC day of the snapshot the row was read from',
  album_id COMMENT 'Spotify id of the album',
  artist_id COMMENT 'Spotify id of the artist',
  position COMMENT '0-based position among the album''s credits',
  run_id COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COPY GRANTS
COMMENT = 'One row per snapshot date and artist credit on an album.'
AS
SELECT l.snapshot_date, l.album_id, l.artist_id, l.position, l.run_id
FROM LANDING.ALBUM_ARTISTS AS l
INNER JOIN LAKE.LOADS AS c
  ON c.table_name = 'album_artists' AND c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, l.snapshot_date, l.album_id, l.artist_id ORDER BY l.run_id) = 1;
