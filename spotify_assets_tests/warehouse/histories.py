"""Twenty little playlists with the facts that marts, digest and pages must show of them.

Days count from `lake_files.DAY`, a Thursday: days 0 to 3 are one week, 4 to 10 the next. A snapshot is a text, a letter
a song (`.`: an entry without a song); a trailing `?` marks it as incomplete. A change is `day song what from>to`, a run
`song first-last days longest re-entries`, with `+` where the song is there, a week's row `song what from>to since`;
`longest` are the songs that are there at the end of the second week and since when, the first that came in front.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Example:
    """One playlist: its snapshots by day, its changes, its runs, and what its second week says."""

    snapshots: dict[int, str]
    changes: tuple[str, ...] = ()
    runs: tuple[str, ...]
    week: tuple[str, ...] = ()
    longest: str


EXAMPLES: dict[str, Example] = {
    "still": Example(snapshots={0: "ab", 1: "ab", 5: "ab"}, runs=("a 0-5 3 3 0+", "b 0-5 3 3 0+"), longest="a0 b0"),
    "entered": Example(
        snapshots={0: "a", 5: "ab"},
        changes=("5 b entered ->1",),
        runs=("a 0-5 2 2 0+", "b 5-5 1 1 0+"),
        week=("b new ->1 5",),
        longest="a0 b5",
    ),
    "entered at the top": Example(
        snapshots={0: "a", 5: "ba"},
        changes=("5 a moved 0>1", "5 b entered ->0"),
        runs=("a 0-5 2 2 0+", "b 5-5 1 1 0+"),
        week=("a fell 0>1 0", "b new ->0 5"),
        longest="a0 b5",
    ),
    "left": Example(
        snapshots={0: "ab", 5: "a"},
        changes=("5 b left 1>-",),
        runs=("a 0-5 2 2 0+", "b 0-0 1 1 0"),
        week=("b gone 1>- 0",),
        longest="a0",
    ),
    "left within the week": Example(
        snapshots={0: "a", 4: "ab", 6: "a"},
        changes=("4 b entered ->1", "6 b left 1>-"),
        runs=("a 0-6 3 3 0+", "b 4-4 1 1 0"),
        longest="a0",
    ),
    "re-entered": Example(
        snapshots={0: "ab", 1: "a", 5: "ab"},
        changes=("1 b left 1>-", "5 b entered ->1"),
        runs=("a 0-5 3 3 0+", "b 0-5 2 1 1+"),
        week=("b returned ->1 5",),
        longest="a0 b5",
    ),
    "re-entered twice": Example(
        snapshots={0: "ab", 1: "a", 2: "ab", 4: "a", 5: "ab"},
        changes=("1 b left 1>-", "2 b entered ->1", "4 b left 1>-", "5 b entered ->1"),
        runs=("a 0-5 5 5 0+", "b 0-5 3 1 2+"),
        longest="a0 b5",
    ),
    "moved": Example(
        snapshots={0: "abc", 5: "cab"},
        changes=("5 a moved 0>1", "5 b moved 1>2", "5 c moved 2>0"),
        runs=("a 0-5 2 2 0+", "b 0-5 2 2 0+", "c 0-5 2 2 0+"),
        week=("a fell 0>1 0", "b fell 1>2 0", "c climbed 2>0 0"),
        longest="c0 a0 b0",
    ),
    "moved and back": Example(
        snapshots={0: "ab", 4: "ba", 5: "ab"},
        changes=("4 a moved 0>1", "4 b moved 1>0", "5 a moved 1>0", "5 b moved 0>1"),
        runs=("a 0-5 3 3 0+", "b 0-5 3 3 0+"),
        longest="a0 b0",
    ),
    "swapped for another": Example(
        snapshots={0: "ab", 5: "cb"},
        changes=("5 a left 0>-", "5 c entered ->0"),
        runs=("a 0-0 1 1 0", "b 0-5 2 2 0+", "c 5-5 1 1 0+"),
        week=("a gone 0>- 0", "c new ->0 5"),
        longest="b0 c5",
    ),
    "tied": Example(  # two came on one day: the one further up counts as longer there
        snapshots={0: "a", 5: "abc"},
        changes=("5 b entered ->1", "5 c entered ->2"),
        runs=("a 0-5 2 2 0+", "b 5-5 1 1 0+", "c 5-5 1 1 0+"),
        week=("b new ->1 5", "c new ->2 5"),
        longest="a0 b5 c5",
    ),
    "duplicated": Example(
        snapshots={0: "ab", 5: "aba"},
        changes=("5 a entered ->2",),
        runs=("a 0-5 2 2 0+", "b 0-5 2 2 0+"),
        longest="a0 b0",
    ),
    "one of two left": Example(
        snapshots={0: "aba", 5: "ba"},
        changes=("5 a left 2>-", "5 a moved 0>1", "5 b moved 1>0"),
        runs=("a 0-5 2 2 0+", "b 0-5 2 2 0+"),
        week=("a fell 0>1 0", "b climbed 1>0 0"),
        longest="b0 a0",
    ),
    "gap": Example(  # no snapshot is neither presence nor absence
        snapshots={0: "ab", 10: "ab"},
        runs=("a 0-10 2 2 0+", "b 0-10 2 2 0+"),
        longest="a0 b0",
    ),
    "gap with a change": Example(
        snapshots={0: "ab", 10: "b"},
        changes=("10 a left 0>-", "10 b moved 1>0"),
        runs=("a 0-0 1 1 0", "b 0-10 2 2 0+"),
        week=("a gone 0>- 0", "b climbed 1>0 0"),
        longest="b0",
    ),
    "incomplete": Example(  # what an incomplete snapshot lacks has not left
        snapshots={0: "abc", 4: "a?", 5: "abc"},
        runs=("a 0-5 2 2 0+", "b 0-5 2 2 0+", "c 0-5 2 2 0+"),
        longest="a0 b0 c0",
    ),
    "incomplete at the end": Example(
        snapshots={0: "ab", 5: "ab", 6: "a?"}, runs=("a 0-5 2 2 0+", "b 0-5 2 2 0+"), longest="a0 b0"
    ),
    "gone and back": Example(  # the playlist was emptied, then filled again
        snapshots={0: "ab", 4: "", 5: "ab"},
        changes=("4 a left 0>-", "4 b left 1>-", "5 a entered ->0", "5 b entered ->1"),
        runs=("a 0-5 2 1 1+", "b 0-5 2 1 1+"),
        longest="a5 b5",
    ),
    "emptied": Example(
        snapshots={0: "a", 5: ""},
        changes=("5 a left 0>-",),
        runs=("a 0-0 1 1 0",),
        week=("a gone 0>- 0",),
        longest="",
    ),
    "missing entry": Example(  # an entry that Spotify removed keeps its place, and is no song
        snapshots={0: "a.b", 5: "a.b"},
        runs=("a 0-5 2 2 0+", "b 0-5 2 2 0+"),
        longest="a0 b0",
    ),
}
