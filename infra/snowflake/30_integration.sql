-- Who may read the lake on S3. The integration is made once and then only altered: making it anew would change its
-- external id, and AWS would refuse the new one. Set-up prints the two values that AWS has to trust as soon as it is there
-- (`DESC INTEGRATION`); `spotify-assets snowflake trust` prints them at any time.

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
