-- Two roles: the loader owns the tables and may load; analysts may read. Run by someone who may use USERADMIN and
-- SECURITYADMIN. The loader's user signs in with a key pair: set its RSA_PUBLIC_KEY yourself (ALTER USER … SET
-- RSA_PUBLIC_KEY = '…'), so that no key passes through here.

USE ROLE USERADMIN;

CREATE ROLE IF NOT EXISTS &{loader_role} COMMENT = 'Loads Spotify playlist history and computes from it';

CREATE ROLE IF NOT EXISTS &{analyst_role} COMMENT = 'Reads Spotify playlist history';

CREATE USER IF NOT EXISTS &{user}
  TYPE = SERVICE
  DEFAULT_ROLE = &{loader_role}
  DEFAULT_WAREHOUSE = &{warehouse}
  COMMENT = 'Dagster, signing in with a key pair';

USE ROLE SECURITYADMIN;

GRANT ROLE &{loader_role} TO USER &{user};

GRANT ROLE &{analyst_role} TO ROLE &{loader_role};

GRANT ROLE &{loader_role} TO ROLE SYSADMIN;
