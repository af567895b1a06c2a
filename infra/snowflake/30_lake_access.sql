-- Reading the lake on S3. The integration is made once and then only altered: making it anew would change its external
-- id, and AWS would refuse the new one. `DESC INTEGRATION` shows the IAM user and external id that AWS has to trust.

USE ROLE ACCOUNTADMIN;

CREATE STORAGE INTEGRATION IF NOT EXISTS &{integration}
  TYPE = EXTERNAL_STAGE
  STORAGE_PROVIDER = 'S3'
  ENABLED = TRUE
  STORAGE_AWS_ROLE_ARN = '&{aws_role_arn}'
  STORAGE_ALLOWED_LOCATIONS = ('&{lake_url}/')
  COMMENT = 'Reads the tables of the playlist lake';

ALTER STORAGE INTEGRATION IF EXISTS &{integration} SET
  ENABLED = TRUE
  STORAGE_AWS_ROLE_ARN = '&{aws_role_arn}'
  STORAGE_ALLOWED_LOCATIONS = ('&{lake_url}/');

GRANT USAGE ON INTEGRATION &{integration} TO ROLE &{loader_role};

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
