-- The snapshot dates that the page shows, and the run of each.
{agreed}
ORDER BY snapshot_date;
