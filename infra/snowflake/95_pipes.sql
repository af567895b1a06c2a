-- SNOWFLAKE_LOAD=snowpipe: the pipes. Making one assumes the AWS role (003167 until AWS allows it).
-- Generated from the contract by `python -m spotify_assets.warehouse.setup`; edit the contract instead.

USE ROLE &{loader_role};
USE DATABASE &{database};
USE SCHEMA LANDING;

CREATE PIPE IF NOT EXISTS PLAYLISTS
  AUTO_INGEST = TRUE
  COMMENT = 'Every generation of every file of playlists; LAKE shows the current one.'
AS
COPY INTO PLAYLISTS
FROM @LAKE.LAKE_FILES/tables/playlists/
FILE_FORMAT = (FORMAT_NAME = 'LAKE.PARQUET_FILES')
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;

CREATE PIPE IF NOT EXISTS PLAYLIST_ITEMS
  AUTO_INGEST = TRUE
  COMMENT = 'Every generation of every file of playlist_items; LAKE shows the current one.'
AS
COPY INTO PLAYLIST_ITEMS
FROM @LAKE.LAKE_FILES/tables/playlist_items/
FILE_FORMAT = (FORMAT_NAME = 'LAKE.PARQUET_FILES')
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;

CREATE PIPE IF NOT EXISTS SONGS
  AUTO_INGEST = TRUE
  COMMENT = 'Every generation of every file of songs; LAKE shows the current one.'
AS
COPY INTO SONGS
FROM @LAKE.LAKE_FILES/tables/songs/
FILE_FORMAT = (FORMAT_NAME = 'LAKE.PARQUET_FILES')
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;

CREATE PIPE IF NOT EXISTS ALBUMS
  AUTO_INGEST = TRUE
  COMMENT = 'Every generation of every file of albums; LAKE shows the current one.'
AS
COPY INTO ALBUMS
FROM @LAKE.LAKE_FILES/tables/albums/
FILE_FORMAT = (FORMAT_NAME = 'LAKE.PARQUET_FILES')
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;

CREATE PIPE IF NOT EXISTS ARTISTS
  AUTO_INGEST = TRUE
  COMMENT = 'Every generation of every file of artists; LAKE shows the current one.'
AS
COPY INTO ARTISTS
FROM @LAKE.LAKE_FILES/tables/artists/
FILE_FORMAT = (FORMAT_NAME = 'LAKE.PARQUET_FILES')
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;

CREATE PIPE IF NOT EXISTS SONG_ARTISTS
  AUTO_INGEST = TRUE
  COMMENT = 'Every generation of every file of song_artists; LAKE shows the current one.'
AS
COPY INTO SONG_ARTISTS
FROM @LAKE.LAKE_FILES/tables/song_artists/
FILE_FORMAT = (FORMAT_NAME = 'LAKE.PARQUET_FILES')
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;

CREATE PIPE IF NOT EXISTS ALBUM_ARTISTS
  AUTO_INGEST = TRUE
  COMMENT = 'Every generation of every file of album_artists; LAKE shows the current one.'
AS
COPY INTO ALBUM_ARTISTS
FROM @LAKE.LAKE_FILES/tables/album_artists/
FILE_FORMAT = (FORMAT_NAME = 'LAKE.PARQUET_FILES')
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;
