"""The warehouse as a plain library: statements, loads, merges, marts, reconciliation.

Everything here speaks Snowflake SQL to a `session.Session` and knows neither Dagster nor which warehouse answers.
"""
