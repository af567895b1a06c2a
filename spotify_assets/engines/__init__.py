"""How the seven tables of a set of dates are built: DuckDB in the process, local Spark, AWS Glue."""
