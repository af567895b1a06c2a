-- A warehouse that sleeps after a minute, and a monitor that stops it before the month gets expensive. Resource monitors
-- are ACCOUNTADMIN's.

USE ROLE ACCOUNTADMIN;

CREATE RESOURCE MONITOR IF NOT EXISTS &{warehouse}_MONTHLY WITH
  CREDIT_QUOTA = &{credit_quota}
  FREQUENCY = MONTHLY
  START_TIMESTAMP = IMMEDIATELY
  TRIGGERS ON 75 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND;

CREATE WAREHOUSE IF NOT EXISTS &{warehouse}
  WAREHOUSE_SIZE = XSMALL
  AUTO_SUSPEND = 60
  AUTO_RESUME = TRUE
  INITIALLY_SUSPENDED = TRUE
  RESOURCE_MONITOR = &{warehouse}_MONTHLY
  STATEMENT_TIMEOUT_IN_SECONDS = 3600
  COMMENT = 'Loads and queries Spotify playlist history';

GRANT USAGE, OPERATE ON WAREHOUSE &{warehouse} TO ROLE &{loader_role};

GRANT USAGE ON WAREHOUSE &{warehouse} TO ROLE &{analyst_role};
