-- A dimension from nothing but LAKE: what every sequence of merges must come to.
INSERT INTO {target} ({columns})
SELECT {columns}
FROM (
  SELECT
    {attributes},
    MIN(snapshot_date) OVER (PARTITION BY {key}) AS first_seen_on,
    snapshot_date AS last_seen_on
  FROM {source}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY snapshot_date DESC) = 1
) AS seen;
