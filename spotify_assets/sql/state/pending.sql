-- The dates that a table was not yet computed from, as it is now: `loaded` NULL means that the date is gone, `applied`
-- NULL that it is new. Only the difference travels, however long the history is.
SELECT
  COALESCE(l.snapshot_date, a.snapshot_date) AS snapshot_date,
  l.run_id AS loaded,
  a.run_id AS applied,
  a.code
FROM (
  {agreed}
) AS l
FULL OUTER JOIN (
  SELECT snapshot_date, run_id, code FROM {applied} WHERE table_name = ?
) AS a ON a.snapshot_date = l.snapshot_date
WHERE l.run_id IS DISTINCT FROM a.run_id OR a.code IS DISTINCT FROM ?
ORDER BY 1;
