-- The lake's root as a stage. Making it asks AWS for nothing; the first COPY and the first pipe do.

USE ROLE &{loader_role};

USE DATABASE &{database};

CREATE FILE FORMAT IF NOT EXISTS LAKE.PARQUET_FILES
  TYPE = PARQUET
  USE_LOGICAL_TYPE = TRUE
  COMMENT = 'The lake''s Parquet files: dates and UTC timestamps by their logical types';

CREATE STAGE IF NOT EXISTS LAKE.LAKE_FILES
  URL = '&{lake_url}/'
  STORAGE_INTEGRATION = &{integration}
  FILE_FORMAT = (FORMAT_NAME = 'LAKE.PARQUET_FILES')
  COMMENT = 'The lake''s root';
