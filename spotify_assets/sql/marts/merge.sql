-- Rows that go on keep their key; what is new is added.
MERGE INTO {target} AS t
USING (
{select}
) AS s
ON {on_key}
WHEN MATCHED THEN UPDATE SET
  {assignments}
WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values});
