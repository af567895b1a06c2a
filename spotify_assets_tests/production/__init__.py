"""Open-source Dagster as a platform team runs it: Postgres, code server, daemon and webserver, as in infra/oss."""
