"""What `make mutants` changes, and why some may live: once survivors, modules, equivalents.

`NAMED` are changes that once survived, each with the tests that must fail by it. `TARGETS` are the modules that mutants
are made of, with the tests that are their own. `EQUIVALENT` has a reason for each mutant that no test can notice.
"""

from __future__ import annotations

from dataclasses import dataclass

from spotify_assets_tests.mutating import Change

_TESTS = "spotify_assets_tests"


@dataclass(frozen=True)
class Mutant:
    """`was` stands once in `file`; with `becomes` in its place, one of `tests` must fail."""

    what: str
    file: str
    was: str
    becomes: str
    tests: tuple[str, ...]


NAMED = (
    Mutant(
        "the vacuum forgets that a commit names its quarantine",
        "spotify_assets/lake/vacuum.py",
        "    if commit.quarantine_key:\n        yield commit.quarantine_key\n",
        "",
        (f"{_TESTS}/lake/test_vacuum.py",),
    ),
    Mutant(
        "the vacuum reads the commits before it lists",
        "spotify_assets/lake/vacuum.py",
        "        old = [file for file in store.list(prefix) if now - file.last_modified > KEEP]\n"
        "        days = sorted({day for file in old if (day := day_of(file.key))})\n"
        "        commits, unreadable = watch.readable_commits(store, days)\n",
        "        days = sorted({day for file in store.list(prefix) if (day := day_of(file.key))})\n"
        "        commits, unreadable = watch.readable_commits(store, days)\n"
        "        old = [file for file in store.list(prefix) if now - file.last_modified > KEEP]\n",
        (f"{_TESTS}/lake/test_vacuum.py",),
    ),
    Mutant(
        "the events sensor forgets dates past those of one tick",
        "spotify_assets/automation/sensors.py",
        " | set(later)",
        "",
        (f"{_TESTS}/automation/test_lake_events.py",),
    ),
    Mutant(
        "what is lost and could not be built is looked at again a round later",
        "spotify_assets/automation/sensors.py",
        ", today, files.lost)",
        ", today)",
        (f"{_TESTS}/automation/test_lost_files.py",),
    ),
    Mutant(
        "a lost folder is found one date at a time",
        "spotify_assets/lake/watch.py",
        "if not found or len(lost)",
        "if found or not found or len(lost)",
        (f"{_TESTS}/automation/test_lost_files.py",),
    ),
    Mutant(
        "an empty name wins over a name",
        "glue_scripts/tables.py",
        "case when {name} <> '' then 0 else 1 end, playlist_id, position",
        "case when {name} <> '' then 1 else 0 end, playlist_id, position",
        (f"{_TESTS}/engines/test_duckdb_engine.py", f"{_TESTS}/engines/test_oddities.py"),
    ),
    Mutant(
        "an artist's credits win in another order",
        "glue_scripts/tables.py",
        "order by case when name <> '' then 0 else 1 end, playlist_id, position, credited_on, credit_position",
        "order by case when name <> '' then 0 else 1 end, playlist_id, position, credit_position, credited_on",
        (f"{_TESTS}/engines/test_duckdb_engine.py", f"{_TESTS}/engines/test_oddities.py"),
    ),
    Mutant(
        "the first day of 1970 counts as a day",
        "glue_scripts/tables.py",
        "case when added_at not like '1970-01-01%' then",
        "case when true then",
        (f"{_TESTS}/engines/test_duckdb_engine.py", f"{_TESTS}/engines/test_oddities.py"),
    ),
    Mutant(
        "a call of the minute that has just left the budget's window counts for ever",
        "spotify_assets/spotify/budget.py",
        "minute + _MINUTE + WINDOW > now",
        "minute + _MINUTE + WINDOW >= now",
        (f"{_TESTS}/spotify/test_budget.py",),
    ),
    Mutant(
        "a 429 of Snowflake is final",
        "spotify_assets/resources/warehouse_snowflake.py",
        "status in (408, 429)",
        "status in (408,)",
        (f"{_TESTS}/resources/test_warehouse_snowflake.py::test_what_snowflake_says_about_sql_is_never_transient",),
    ),
    Mutant(
        "an object is rejected before its reason is written",
        "spotify_assets/spotify/landing.py",
        '    _record(store, f"{target}.reason.json", dropped, adopted, [reason])\n'
        "    return _moved(folder, dropped, target, Outcome(dropped.name, adopted, rejected=_utf8(reason), "
        "moved_to=target))\n",
        "    moved = _moved(folder, dropped, target, Outcome(dropped.name, adopted, rejected=_utf8(reason), "
        "moved_to=target))\n"
        '    _record(store, f"{target}.reason.json", dropped, adopted, [reason])\n'
        "    return moved\n",
        (f"{_TESTS}/spotify/test_landing.py",),
    ),
)

TARGETS: dict[str, tuple[str, ...]] = {
    "glue_scripts/commit.py": ("glue_scripts/test_commit.py", "lake/test_state.py"),
    "glue_scripts/contract.py": (
        "glue_scripts/test_contract.py",
        "test_generated_docs.py",
        "lake/test_catalog_tables.py",
    ),
    "glue_scripts/fingerprint.py": ("glue_scripts/test_fingerprint.py",),
    "glue_scripts/judging.py": ("engines/test_duckdb_engine.py", "engines/test_oddities.py"),
    "glue_scripts/lake_files.py": ("glue_scripts", "engines/test_duckdb_engine.py"),
    "glue_scripts/leaves.py": ("engines/test_duckdb_engine.py", "engines/test_oddities.py"),
    "glue_scripts/manifest.py": ("glue_scripts/test_manifest.py",),
    "glue_scripts/playlist_tables.py": (
        "glue_scripts/test_playlist_tables.py",
        "engines/test_glue_engine.py",
        "commands/test_glue.py",
    ),
    "glue_scripts/raw_reader.py": ("engines/test_duckdb_engine.py", "glue_scripts/test_spark_reader.py"),
    "glue_scripts/spans.py": ("glue_scripts/test_spans.py",),
    "glue_scripts/spark_reader.py": (
        "glue_scripts/test_spark_reader.py",
        "glue_scripts/test_lake_files.py",
        "engines/test_spark_engine.py",
    ),
    "glue_scripts/spark_tables.py": (
        "engines/test_spark_engine.py",
        "engines/test_attempts.py",
        "engines/test_unread_days.py",
    ),
    "glue_scripts/tables.py": (
        "engines/test_complete_snapshots.py",
        "engines/test_duckdb_engine.py",
        "engines/test_oddities.py",
        "glue_scripts/test_spark_reader.py",
    ),
    "spotify_assets/automation/planning.py": ("automation/test_planning.py",),
    "spotify_assets/lake/known_dates.py": ("local/test_known_dates.py",),
    "spotify_assets/lake/state.py": ("lake/test_state.py",),
    "spotify_assets/lake/vacuum.py": ("lake/test_vacuum.py",),
    "spotify_assets/sql/dimension_*.sql": ("warehouse/test_marts.py", "warehouse/test_incremental.py"),
    "spotify_assets/sql/lake_copy.sql": ("warehouse/test_loads.py",),
    "spotify_assets/sql/marts/*.sql": (
        "warehouse/test_histories.py",
        "warehouse/test_marts.py",
        "warehouse/test_incremental.py",
    ),
    "spotify_assets/sql/state/*.sql": (
        "warehouse/test_state.py",
        "warehouse/test_marts.py",
        "warehouse/test_incremental.py",
    ),
    "spotify_assets/sql/views/*.sql": ("warehouse/test_marts.py", "warehouse/test_histories.py"),
    "spotify_assets/spotify/budget.py": ("spotify/test_budget.py",),
    "spotify_assets/spotify/responses.py": ("spotify/test_responses.py", "spotify/test_fault_matrix.py"),
    "spotify_assets/warehouse/dimensions.py": ("warehouse/test_marts.py", "warehouse/test_code.py"),
    "spotify_assets/warehouse/loads.py": ("warehouse/test_loads.py",),
    "spotify_assets/warehouse/marts.py": (
        "warehouse/test_state.py",
        "warehouse/test_marts.py",
        "warehouse/test_code.py",
    ),
    "spotify_assets/warehouse/state.py": (
        "warehouse/test_state.py",
        "warehouse/test_loads.py",
        "warehouse/test_code.py",
    ),
}
"""Module, or a pattern of several, to the tests (below spotify_assets_tests) that are its own."""

WITH_SPARK = frozenset(f"glue_scripts/{module}.py" for module in ("playlist_tables", "spark_reader", "spark_tables"))
"""Those of `TARGETS` whose tests begin a JVM."""

_DAY_ONE = "no snapshot is of the first years of the calendar"

_HAS_ARTISTS = "and entry.{0}.artists is not null and entry.{0}.album.artists is not null"
_SONG_OF_AN_ENTRY = "JOIN LAKE.SONGS AS songs ON songs.snapshot_date = i.snapshot_date AND songs.song_id = i.song_id"

EQUIVALENT: dict[tuple[str, str, str | None], str] = {
    (
        "glue_scripts/tables.py",
        "union all select snapshot_date, 0, 0, count(*) from playlist_leaves group by snapshot_date",
        "union select snapshot_date, 0, 0, count(*) from playlist_leaves group by snapshot_date",
    ): "no other row has leaves and no entries",
    **{
        ("spotify_assets/warehouse/marts.py", "_EVER = dt.date(1, 1, 1)", f"_EVER = dt.date({other})"): _DAY_ONE
        for other in (" 2, 1, 1", "1, 2, 1", "1, 1, 2")
    },
    **{
        ("spotify_assets/warehouse/state.py", "_VIEW_DAY = dt.date(1, 1, 1)", f"_VIEW_DAY = dt.date({other})"): _DAY_ONE
        for other in (" 2, 1, 1", "1, 2, 1", "1, 1, 2")
    },
    (
        "spotify_assets/sql/dimension_merge.sql",
        "WHEN MATCHED AND s.first_seen_on < t.first_seen_on THEN UPDATE SET first_seen_on = s.first_seen_on",
        "WHEN MATCHED AND s.first_seen_on <= t.first_seen_on THEN UPDATE SET first_seen_on = s.first_seen_on",
    ): "a day takes the place of itself",
    **{
        (
            "spotify_assets/warehouse/dimensions.py",
            "return fingerprint(table, merge_statement(table, 1), recompute_statement(table, 1),"
            " rebuild_statement(table))",
            f"return fingerprint(table, merge_statement(table, {merged}), recompute_statement(table, {recomputed}),"
            " rebuild_statement(table))",
        ): "how many dates a statement binds is no code: any number stands for all, as long as it is always the same"
        for merged, recomputed in ((0, 1), (2, 1), (1, 0), (1, 2))
    },
    (
        "spotify_assets/sql/views/artist_momentum.sql",
        "artists.first_seen_on >= f.week_start AND artists.first_seen_on < DATEADD('day', 7, f.week_start) AS is_debut",
        "artists.first_seen_on >= f.week_start"
        " AND artists.first_seen_on <= DATEADD('day', 7, f.week_start) AS is_debut",
    ): "no artist has a row of the week before it was first seen",
    (
        "spotify_assets/sql/dimension_recompute.sql",
        "SELECT DISTINCT {dimension_key}",
        "SELECT {dimension_key}",
    ): "a key stands once on a date",
    (
        "spotify_assets/sql/state/agreed.sql",
        "SELECT snapshot_date, MAX(run_id) AS run_id",
        "SELECT snapshot_date, min(run_id) AS run_id",
    ): "all of them are the same run",
    (
        "spotify_assets/sql/marts/artist_momentum.sql",
        "CAST(SUM(CAST(d.slot_share AS NUMBER(38, 15))) AS FLOAT) / CAST(MAX(l.dates) AS FLOAT) AS slot_share,",
        "CAST(SUM(CAST(d.slot_share AS NUMBER(38, 15))) AS FLOAT) / CAST(min(l.dates) AS FLOAT) AS slot_share,",
    ): "a week has one number of dates",
    **{
        (f"spotify_assets/sql/marts/{mart}.sql", f"LEFT {_SONG_OF_AN_ENTRY}", f"join {_SONG_OF_AN_ENTRY[5:]}"): (
            "an entry's song has its row, in the same run"
        )
        for mart in ("playlist_freshness", "release_profile", "song_duplicates")
    },
    (
        "spotify_assets/sql/marts/playlist_week.sql",
        "INNER JOIN wanted AS w ON w.playlist_id = i.playlist_id AND w.snapshot_date = i.snapshot_date",
        "INNER JOIN wanted AS w ON w.playlist_id = i.playlist_id or w.snapshot_date = i.snapshot_date",
    ): "what else is grouped is joined by nothing",
    (
        "spotify_assets/sql/marts/playlist_week.sql",
        "WHEN r.to_position < r.from_position THEN 'climbed'",
        "WHEN r.to_position <= r.from_position THEN 'climbed'",
    ): "one that stayed was told above",
    (
        "spotify_assets/sql/marts/playlist_week.sql",
        "PARTITION BY week_start, playlist_id, to_position IS NULL",
        "PARTITION BY week_start, playlist_id, to_position is not null",
    ): "either parts those that are there from those that are not",
    (
        "spotify_assets/sql/marts/playlist_week.sql",
        "LEFT JOIN FACTS.SONG_STAYS AS s",
        "join FACTS.SONG_STAYS AS s",
    ): "every song of a whole snapshot has its stay",
    (
        "spotify_assets/sql/marts/song_duplicates.sql",
        "UNION ALL",
        "union",
    ): "the kinds differ, and each group is one row",
    (
        "spotify_assets/sql/marts/song_popularity_previous.sql",
        "WHERE snapshot_date >= ?",
        "WHERE snapshot_date > ?",
    ): "what lies further back is looked for by the statement that follows",
    **{
        (
            "spotify_assets/sql/marts/song_popularity_returned.sql",
            "WHERE f.snapshot_date >= ? AND f.previous_popularity IS NULL AND songs.first_seen_on < ?",
            f"WHERE f.snapshot_date >= ? {condition} ?",
        ): "more songs are looked up, which have found their previous date"
        for condition in (
            "AND f.previous_popularity IS NULL AND songs.first_seen_on <=",
            "or f.previous_popularity IS NULL AND songs.first_seen_on <",
            "AND f.previous_popularity IS NULL or songs.first_seen_on <",
        )
    },
    (
        "spotify_assets/sql/marts/song_stays.sql",
        "UNION ALL",
        "union",
    ): "the stays until now are snapshot 0, the others from 1",
    (
        "spotify_assets/sql/marts/song_stays.sql",
        "MAX(number) = MAX(last_number) AS is_open",
        "MAX(number) = min(last_number) AS is_open",
    ): "a playlist's snapshots have one last number",
    (
        "spotify_assets/sql/marts/song_stays_since.sql",
        "CASE WHEN COUNT_IF(t.was_applied OR t.snapshot_date < u.last_on) = 0 THEN MAX(u.last_on) END AS since",
        "CASE WHEN COUNT_IF(t.was_applied OR t.snapshot_date < u.last_on) = 0 THEN min(u.last_on) END AS since",
    ): "a playlist has one last snapshot that is untouched",
    (
        "spotify_assets/sql/marts/song_stays_since.sql",
        "CASE WHEN COUNT_IF(t.was_applied OR t.snapshot_date < u.last_on) = 0 THEN MAX(u.last_on) END AS since",
        "CASE WHEN COUNT_IF(t.was_applied OR t.snapshot_date <= u.last_on) = 0 THEN MAX(u.last_on) END AS since",
    ): "a touched snapshot is not the last of the untouched",
    ("spotify_assets/warehouse/state.py", "continue", "break"): "a warehouse answers with dates: no row is passed over",
    ("spotify_assets/warehouse/marts.py", "LOOK_BACK = dt.timedelta(days=45)", None): (
        "tuning: what lies further back is looked for by the statement that follows"
    ),
    **{
        (
            "spotify_assets/warehouse/marts.py",
            "since = first - LOOK_BACK if first.toordinal() > LOOK_BACK.days else _EVER",
            f"since = first - LOOK_BACK if {condition} else _EVER",
        ): "only how many days are read; the statement that follows looks at all of them"
        for condition in (
            "not first.toordinal() > LOOK_BACK.days",
            "first.toordinal() >= LOOK_BACK.days",
            "first.toordinal() <= LOOK_BACK.days",
        )
    },
    (
        "spotify_assets/warehouse/marts.py",
        "since = first - LOOK_BACK if first.toordinal() > LOOK_BACK.days else _EVER",
        "since = first + LOOK_BACK if first.toordinal() > LOOK_BACK.days else _EVER",
    ): "the statement that follows then looks for all of them",
    ("spotify_assets/warehouse/marts.py", "def select_statement(name: str, dates: int = 1) -> str:", None): (
        "the default is for marts that bind no dates"
    ),
    ("spotify_assets/warehouse/marts.py", "def insert_statement(name: str, dates: int = 1) -> str:", None): (
        "the default is for marts that bind no dates"
    ),
    **{
        (
            "spotify_assets/warehouse/marts.py",
            "bounds = [weeks[0] - dt.timedelta(days=7), weeks[-1] + dt.timedelta(days=7)]",
            f"bounds = [weeks[0] - dt.timedelta(days={before}), weeks[-1] + dt.timedelta(days={after})]",
        ): "a day more is read, of a week that is not shown"
        for before, after in ((" 8", "7"), ("7", " 8"))
    },
    (
        "spotify_assets/warehouse/marts.py",
        '((playlist_id,),) = session.execute("SELECT MAX(playlist_id) FROM FACTS.SONG_STAYS")',
        '((playlist_id,),) = session.execute("SELECT min(playlist_id) FROM FACTS.SONG_STAYS")',
    ): "any playlist is as good as another to look at a view by",
    (
        "glue_scripts/raw_reader.py",
        'return f"[{_structure(shape[0])}]"',
        'return f"[{_structure(shape[ -1])}]"',
    ): "the shape of a list is that of its one kind of element",
    (
        "glue_scripts/raw_reader.py",
        "chosen = f\"case when {type_at('item')} = 'OBJECT' then {type_at(first)} else {type_at(second[0])} end\"",
        "chosen = f\"case when {type_at('item')} = 'OBJECT' then {type_at(first)} else {type_at(second[ -1])} end\"",
    ): "there are two wrappers",
    (
        "glue_scripts/raw_reader.py",
        'readable[source].write_bytes(gzip.compress(b"\\n".join(good), 1))',
        None,
    ): "how tightly a copy is packed that is read once",
    (
        "glue_scripts/raw_reader.py",
        "while text := file.readline(MAX_LINE_BYTES + 1):",
        "while text := file.readline(MAX_LINE_BYTES + 2):",
    ): "what is longer is longer",
    (
        "glue_scripts/raw_reader.py",
        f'_IS_WHOLE = "entry.{{0}}.uri is not null {_HAS_ARTISTS}"',
        f'_IS_WHOLE = "entry.{{0}}.uri is null {_HAS_ARTISTS}"',
    ): "lists of artists show as much; what is looked at a second time is judged alike",
    ("glue_scripts/raw_reader.py", "MAX_LINE_BYTES = 16 * 1024 * 1024", None): (
        "a bound far above any page of Spotify's, and below what harms memory; no exact number is promised"
    ),
    ("glue_scripts/lake_files.py", "PARALLEL_READS = 16", None): "tuning: as many as pay off, whichever number that is",
    (
        "glue_scripts/lake_files.py",
        'retries = Config(retries={"max_attempts": 10, "mode": "standard"}, max_pool_connections=PARALLEL_READS)',
        None,
    ): "tuning: a few tries more or less before a Glue worker gives up, which Spark starts again",
    (
        "glue_scripts/lake_files.py",
        's3_client().delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})',
        None,
    ): "S3 then also names what it deleted, which nobody reads",
    ("glue_scripts/playlist_tables.py", "MESSAGE_SECONDS = 5", None): (
        "tuning: how long Dagster waits for news of a run that goes on"
    ),
    (
        "glue_scripts/playlist_tables.py",
        "main(sys.argv[1:])",
        "main(sys.argv[ 0:])",
    ): "the script's own path is none of its arguments, and those that it does not know are left alone",
    ("glue_scripts/spark_reader.py", "OBJECTS_PER_PASS = 200", None): "tuning: how many are read into one file",
    ("glue_scripts/spark_reader.py", "_PASSES_PER_TASK = 5", None): "tuning: how much is done again after a failure",
    (
        "glue_scripts/spark_reader.py",
        "results = dict(zip(sources, pool.map(fetch, sources), strict=True))",
        "results = dict(zip(sources, pool.map(fetch, sources), strict=False))",
    ): "what is mapped gives one for each",
    (
        "glue_scripts/spark_reader.py",
        "return t.ArrayType(_spark_type(shape[0]))",
        "return t.ArrayType(_spark_type(shape[ -1]))",
    ): "the shape of a list is that of its one kind of element",
    ("glue_scripts/spark_tables.py", "_PARALLEL_WRITES = 4", None): "tuning: how many tables are written at once",
    ("glue_scripts/spark_tables.py", "_ENTRIES_PER_PARTITION = 100_000", None): "tuning: how large a task is",
    ("glue_scripts/spark_tables.py", "_FEW_ENTRIES = 30_000", None): "tuning: either way makes the same rows",
    (
        "glue_scripts/spark_tables.py",
        "with ThreadPoolExecutor(1) as pool:",
        "with ThreadPoolExecutor( 2) as pool:",
    ): "one thing is done in it",
    ("spotify_assets/lake/known_dates.py", "SETTLES_IN = dt.timedelta(seconds=5)", None): (
        "tuning: long enough for every file system's clock"
    ),
    (
        "spotify_assets/lake/state.py",
        "if known is None or raw > known[0]:",
        "if known is None or raw >= known[0]:",
    ): "no store lists the same key twice",
    (
        "spotify_assets/lake/state.py",
        "return dict(zip(days, listings, strict=True))",
        "return dict(zip(days, listings, strict=False))",
    ): "what is asked at once gives one for each",
    ("spotify_assets/lake/state.py", "_READ_TOGETHER = 64", None): "tuning: how many objects are in memory at once",
    (
        "spotify_assets/automation/planning.py",
        "return min(self.longest_pause, self.first_pause * self.pause_growth ** min(tries - 1, 10))",
        None,
    ): "from the fourth failure on it is the longest pause; the 10 only keeps the power small",
    (
        "spotify_assets/automation/planning.py",
        "if not first <= day <= last:",
        "if not first < day <= last:",
    ): "the range begins at `first` already",
    ("spotify_assets/spotify/budget.py", "indent=1,", "indent= 2,"): "as readable for a person, and the same JSON",
    ("spotify_assets/spotify/budget.py", "granted = 0  # by the last call of `change`", None): (
        "a store's update calls it at least once, and it begins with a 0 of its own"
    ),
    (
        "spotify_assets/spotify/responses.py",
        "status: int = 0",
        None,
    ): "whoever gives no status gives an error, which counts",
    (
        "spotify_assets/spotify/responses.py",
        "if 300 <= reply.status <= 399:",
        "if 299 <= reply.status <= 399:",
    ): "299 is answered above",
    (
        "spotify_assets/spotify/responses.py",
        "if reply.status < 400:",
        "if reply.status < 399:",
    ): "of a redirect nothing is shown but its number",
}
"""(module, what stood there, what stands there in the mutant) to why nobody could tell; lines without their margins.

None in the last place: whatever stands there.
"""


def is_equivalent(module: str, change: Change) -> bool:
    """Whether nobody could tell, by `EQUIVALENT`."""
    return any((module, change.was, becomes) in EQUIVALENT for becomes in (change.becomes, None))
