-- The snapshot dates of which all the tables named hold the same run, and that run: half a date would look like songs
-- that left.
SELECT snapshot_date, MAX(run_id) AS run_id
FROM LAKE.LOADS
WHERE table_name IN ({tables})
GROUP BY snapshot_date
HAVING COUNT(*) = {count} AND COUNT(DISTINCT run_id) = 1;
