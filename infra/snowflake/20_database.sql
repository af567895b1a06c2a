-- The database and its schemas: LAKE as loaded, SPOTIFY one row per key, ANALYTICS what changed. The loader makes and owns
-- everything inside, so that it can follow the contract; it gets CREATE DATABASE for the clones of branch deployments.

USE ROLE SYSADMIN;

CREATE DATABASE IF NOT EXISTS &{database} COMMENT = 'Spotify playlist history';

USE DATABASE &{database};

CREATE SCHEMA IF NOT EXISTS LAKE COMMENT = 'Daily snapshots exactly as in the lake';

CREATE SCHEMA IF NOT EXISTS SPOTIFY COMMENT = 'One row per key: latest attributes, first and last seen';

CREATE SCHEMA IF NOT EXISTS FACTS COMMENT = 'The rows behind the views of ANALYTICS, without names; for the loader';

CREATE SCHEMA IF NOT EXISTS ANALYTICS COMMENT = 'What changed, who dominates, what overlaps';

GRANT USAGE, CREATE SCHEMA ON DATABASE &{database} TO ROLE &{loader_role};

GRANT USAGE, CREATE TABLE, CREATE VIEW, CREATE STAGE, CREATE FILE FORMAT ON SCHEMA LAKE TO ROLE &{loader_role};

GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA SPOTIFY TO ROLE &{loader_role};

GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA FACTS TO ROLE &{loader_role};

GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA ANALYTICS TO ROLE &{loader_role};

USE ROLE ACCOUNTADMIN;

GRANT CREATE DATABASE ON ACCOUNT TO ROLE &{loader_role};
