-- Bring newly loaded dates into a dimension. The order in which dates arrive does not matter: attributes are those of
-- the latest date the key was ever seen on, first_seen_on only moves back, last_seen_on only forward.
MERGE INTO {target} AS t
USING (
  SELECT {columns}
  FROM (
    SELECT
      {attributes},
      MIN(snapshot_date) OVER (PARTITION BY {key}) AS first_seen_on,
      snapshot_date AS last_seen_on
    FROM {source}
    WHERE snapshot_date IN ({dates})
    QUALIFY ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY snapshot_date DESC) = 1
  ) AS seen
) AS s
ON {on_key}
WHEN MATCHED AND s.last_seen_on >= t.last_seen_on THEN UPDATE SET
  {assignments},
  last_seen_on = s.last_seen_on,
  first_seen_on = LEAST(s.first_seen_on, t.first_seen_on)
WHEN MATCHED AND s.first_seen_on < t.first_seen_on THEN UPDATE SET first_seen_on = s.first_seen_on
WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values});
