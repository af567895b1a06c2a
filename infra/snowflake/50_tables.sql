-- One row per song, album, artist, playlist and credit (SPOTIFY), and the marts (ANALYTICS).
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
COMMENT = 'One row per song_id: the latest attributes ever seen, and when it was seen.';

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
COMMENT = 'One row per album_id: the latest attributes ever seen, and when it was seen.';

CREATE TABLE IF NOT EXISTS SPOTIFY.ARTISTS (
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  name VARCHAR COMMENT 'Artist name; empty when Spotify has withdrawn it',
  url VARCHAR COMMENT 'Link to open.spotify.com',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per artist_id: the latest attributes ever seen, and when it was seen.';

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
COMMENT = 'One row per playlist_id: the latest attributes ever seen, and when it was seen.';

CREATE TABLE IF NOT EXISTS SPOTIFY.SONG_ARTISTS (
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  position NUMBER(38,0) COMMENT '0-based position among the song''s credits',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per song_id and artist_id: the latest attributes ever seen, and when it was seen.';

CREATE TABLE IF NOT EXISTS SPOTIFY.ALBUM_ARTISTS (
  album_id VARCHAR COMMENT 'Spotify id of the album',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  position NUMBER(38,0) COMMENT '0-based position among the album''s credits',
  first_seen_on DATE COMMENT 'Earliest snapshot date it appeared on',
  last_seen_on DATE COMMENT 'Latest snapshot date it appeared on; the attributes are of that day'
)
COMMENT = 'One row per album_id and artist_id: the latest attributes ever seen, and when it was seen.';

CREATE TABLE IF NOT EXISTS SPOTIFY.APPLIED_LOADS (
  table_name VARCHAR COMMENT 'Table of this schema, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  run_id VARCHAR COMMENT 'Run that built the lake rows it read',
  applied_at TIMESTAMP_NTZ(6) COMMENT 'When it was computed, UTC'
)
COMMENT = 'One row per table and snapshot date: the loads that a table of this schema was last computed from.';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.PLAYLIST_CHANGES (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  occurrence NUMBER(38,0) COMMENT '1 for the song''s first place in the playlist, 2 for its second, …',
  change VARCHAR COMMENT '`entered`, `left` or `moved`',
  previous_date DATE COMMENT 'The playlist''s previous snapshot date',
  from_position NUMBER(38,0) COMMENT '0-based position before; null when it entered',
  to_position NUMBER(38,0) COMMENT '0-based position now; null when it left',
  song_name VARCHAR COMMENT 'Latest known title',
  artist_name VARCHAR COMMENT 'Latest known name of the first credited artist'
)
COMMENT = 'One row per song that entered, left or moved in a playlist since that playlist''s previous snapshot. The first snapshot of a playlist has no rows; days without a snapshot are not changes.';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.SONG_RUNS (
  playlist_id VARCHAR COMMENT 'Spotify id of the playlist',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  first_on DATE COMMENT 'First snapshot date in the playlist',
  last_on DATE COMMENT 'Last snapshot date in the playlist',
  days_present NUMBER(38,0) COMMENT 'Snapshot dates it was in the playlist',
  longest_run NUMBER(38,0) COMMENT 'Most consecutive snapshots of the playlist it was in',
  best_position NUMBER(38,0) COMMENT 'Smallest 0-based position it ever had',
  re_entries NUMBER(38,0) COMMENT 'Times it came back after a snapshot without it',
  is_present BOOLEAN COMMENT 'In the playlist''s latest snapshot',
  song_name VARCHAR COMMENT 'Latest known title',
  artist_name VARCHAR COMMENT 'Latest known name of the first credited artist'
)
COMMENT = 'One row per playlist and song that ever stood in it: how long it stayed and how often it came back. A day without a snapshot of the playlist is neither presence nor absence.';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.ARTIST_SHARE (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  artist_id VARCHAR COMMENT 'Spotify id of the artist',
  artist_name VARCHAR COMMENT 'Latest known name',
  slots NUMBER(38,0) COMMENT 'Playlist entries whose song credits the artist',
  songs NUMBER(38,0) COMMENT 'Distinct songs crediting the artist',
  playlists NUMBER(38,0) COMMENT 'Distinct playlists with such an entry',
  slot_share FLOAT COMMENT 'slots divided by all song entries of the day, 0 to 1'
)
COMMENT = 'One row per snapshot date and artist: how much of all tracked playlists is theirs that day.';

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

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.SONG_POPULARITY (
  snapshot_date DATE COMMENT 'UTC day of the snapshot the row was read from',
  song_id VARCHAR COMMENT 'Spotify id of the track; the `spotify:local:…` uri for a local file',
  popularity NUMBER(38,0) COMMENT '0 to 100',
  previous_popularity NUMBER(38,0) COMMENT 'On the previous date that has one; null on the first',
  change NUMBER(38,0) COMMENT 'popularity minus previous_popularity; null on the first',
  song_name VARCHAR COMMENT 'Latest known title',
  artist_name VARCHAR COMMENT 'Latest known name of the first credited artist'
)
COMMENT = 'One row per snapshot date and song, where Spotify still sends a popularity.';

CREATE TRANSIENT TABLE IF NOT EXISTS ANALYTICS.APPLIED_LOADS (
  table_name VARCHAR COMMENT 'Table of this schema, lower case',
  snapshot_date DATE COMMENT 'UTC day of the snapshot',
  run_id VARCHAR COMMENT 'Run that built the lake rows it read',
  applied_at TIMESTAMP_NTZ(6) COMMENT 'When it was computed, UTC'
)
COMMENT = 'One row per table and snapshot date: the loads that a table of this schema was last computed from.';
