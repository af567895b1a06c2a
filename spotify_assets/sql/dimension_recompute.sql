-- Dates were loaded again, or are gone. Only keys that were first or last seen on such a date can have changed in a
-- way that a merge does not see, and of those only the ones that are no longer there on that date (the merge brings in
-- the others): they are computed again from all their dates, and deleted when none is left. Mostly there are none.
MERGE INTO {target} AS t
USING (
  WITH touched AS (
    SELECT DISTINCT {dimension_key}
    FROM {target} AS d
    LEFT JOIN {source} AS f ON {on_first} AND f.snapshot_date = d.first_seen_on AND f.snapshot_date IN ({dates})
    LEFT JOIN {source} AS e ON {on_last} AND e.snapshot_date = d.last_seen_on AND e.snapshot_date IN ({dates})
    WHERE (d.first_seen_on IN ({dates}) AND f.snapshot_date IS NULL)
      OR (d.last_seen_on IN ({dates}) AND e.snapshot_date IS NULL)
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
