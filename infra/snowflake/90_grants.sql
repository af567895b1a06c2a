-- Analysts read every schema that is meant for them, now and later. Landing tables and pipes stay the loader's.

USE ROLE SECURITYADMIN;

GRANT USAGE ON DATABASE &{database} TO ROLE &{analyst_role};

GRANT USAGE ON SCHEMA &{database}.LAKE TO ROLE &{analyst_role};

GRANT USAGE ON SCHEMA &{database}.SPOTIFY TO ROLE &{analyst_role};

GRANT USAGE ON SCHEMA &{database}.ANALYTICS TO ROLE &{analyst_role};

GRANT SELECT ON ALL TABLES IN SCHEMA &{database}.LAKE TO ROLE &{analyst_role};

GRANT SELECT ON ALL TABLES IN SCHEMA &{database}.SPOTIFY TO ROLE &{analyst_role};

GRANT SELECT ON ALL TABLES IN SCHEMA &{database}.ANALYTICS TO ROLE &{analyst_role};

GRANT SELECT ON ALL VIEWS IN SCHEMA &{database}.LAKE TO ROLE &{analyst_role};

GRANT SELECT ON ALL VIEWS IN SCHEMA &{database}.ANALYTICS TO ROLE &{analyst_role};

GRANT SELECT ON FUTURE TABLES IN SCHEMA &{database}.LAKE TO ROLE &{analyst_role};

GRANT SELECT ON FUTURE TABLES IN SCHEMA &{database}.SPOTIFY TO ROLE &{analyst_role};

GRANT SELECT ON FUTURE TABLES IN SCHEMA &{database}.ANALYTICS TO ROLE &{analyst_role};

GRANT SELECT ON FUTURE VIEWS IN SCHEMA &{database}.LAKE TO ROLE &{analyst_role};

GRANT SELECT ON FUTURE VIEWS IN SCHEMA &{database}.ANALYTICS TO ROLE &{analyst_role};
