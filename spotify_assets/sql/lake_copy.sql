-- Exactly the files of the commits. FORCE, because the load history must not decide what a run loads: the same file
-- is loaded again when a date is loaded again. Columns a file lacks (written before the contract had them) are NULL.
COPY INTO {target}
FROM @{stage}/
FILES = ({files})
FILE_FORMAT = (FORMAT_NAME = '{format}')
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE
FORCE = TRUE
ON_ERROR = ABORT_STATEMENT;
