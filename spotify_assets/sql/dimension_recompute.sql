-- Dates were loaded again, or are gone. Only keys that were first or last seen on such a date can have changed in a
-- way that a merge does not see: they are computed again from all their dates, and deleted when none is left.
MERGE INTO {target} AS t
USING (
  WITH touched AS (
    SELECT {key} FROM {target} WHERE first_seen_on IN ({dates}) OR last_seen_on IN ({dates})
  ),
  latest AS (
    SELECT
      {source_attributes},
      MIN(l.snapshot_date) OVER (PARTITION BY {source_key}) AS first_seen_on,
      l.snapshot_date AS last_seen_on
    FROM {source} AS l
    INNER JOIN touched ON {on_touched}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY {source_key} ORDER BY l.snapshot_date DESC) = 1
  )
  SELECT {touched_key}, {latest_rest}, latest.first_seen_on, latest.last_seen_on
  FROM touched
  LEFT JOIN latest ON {on_latest}
) AS s
ON {on_key}
WHEN MATCHED AND s.last_seen_on IS NULL THEN DELETE
WHEN MATCHED THEN UPDATE SET
  {assignments},
  last_seen_on = s.last_seen_on,
  first_seen_on = s.first_seen_on;
