-- The tables that loads replace date by date (SNOWFLAKE_LOAD=copy), and the record of what they hold.
-- Generated from the contract by `python -m spotify_assets.warehouse.setup`; edit the contract instead.

USE ROLE &{loader_role};
USE DATABASE &{database};

CREATE TABLE IF NOT EXISTS LAKE.PLAYLISTS (
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

CREATE TABLE IF NOT EXISTS LAKE.PLAYLIST_ITEMS (
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

CREATE TABLE IF NOT EXISTS LAKE.SONGS (
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

CREATE TABLE IF NOT EXISTS LAKE.ALBUMS (
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

CREATE TABLE IF NOT EXISTS LAKE.ARTISTS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  name VARCHAR COMMENT 'Artist name; empty when Spotify has withdrawn it',
  url VARCHAR COMMENT 'Link to open.spotify.com',
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and artist credited on a song or an album.';

CREATE TABLE IF NOT EXISTS LAKE.SONG_ARTISTS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  position NUMBER(38,0) COMMENT '0-based position among the song''s credits',
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and artist credit on a song.';

CREATE TABLE IF NOT EXISTS LAKE.ALBUM_ARTISTS (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  album_id VARCHAR COMMENT 'Spotify id of the album',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  position NUMBER(38,0) COMMENT '0-based position among the album''s credits',
  run_id VARCHAR COMMENT 'Run that built the row; the date''s commit record names the current one'
)
COMMENT = 'One row per snapshot date and artist credit on an album.';

CREATE TABLE IF NOT EXISTS LAKE.LOADS (
  table_name VARCHAR COMMENT 'Table of the schema LAKE, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  run_id VARCHAR COMMENT 'Run that built the rows',
  row_count NUMBER(38,0) COMMENT 'Rows of the date',
  loaded_at TIMESTAMP_NTZ(6) COMMENT 'When it was loaded, UTC',
  code VARCHAR COMMENT 'Fingerprint of the code that loaded it; null for a pipe or older code'
)
COMMENT = 'One row per lake table and snapshot date: the run whose rows the table holds, even when they are none.';
