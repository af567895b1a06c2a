"""Building dates so that one that can't be built fails alone: its neighbours are built, checked and committed.

A date is poisoned when the engine fails on it by itself, when what was built of it breaks the contract, or when a raw
object that its commit holds was damaged since. It is never committed, so that whatever was current of it stays current,
and nothing of it is loaded. The lake's asset uses this; what Dagster shows is its business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

import dagster as dg

from glue_scripts.commit import BuiltDay, Commit, UnreadDays
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.fingerprint import transformation
from glue_scripts.spans import slices
from spotify_assets.engines.engine import DaySources, TransformEngine
from spotify_assets.failures import DeploymentError, PermanentError, TransientError
from spotify_assets.lake import layout, quality
from spotify_assets.private import hidden_tag
from spotify_assets.retries import owned, raise_if_interrupted
from spotify_assets.storage.object_store import ObjectStore

POISONED_TAG = hidden_tag("poisoned")
"""On a run that failed for some of its dates: which, so that the others are not tried again for their sake."""

_CHECKED_TOGETHER = 31
"""Dates whose files are checked in one pass."""

_TOO_MANY = 3
"""Dates that fail one after the other while none is built: then the cause is none of theirs."""


class Building:
    """One step's builds, of dates whose commits so far are `commits`. `poisoned` says why of each date that can't be
    built, `waiting` of each that a raw object of its can't be read for now."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        store: ObjectStore,
        engine: TransformEngine,
        commits: Mapping[dt.date, Commit],
    ) -> None:
        self._context = context
        self._store = store
        self._engine = engine
        self._before = dict(commits)
        self._built = 0
        self.poisoned: dict[dt.date, str] = {}
        self.waiting: dict[dt.date, str] = {}

    def commits(self, work: Sequence[DaySources]) -> Iterator[Commit]:
        """Build `work`; the commit of each date, once it is current.

        Raises what the engine raises when it concerns more than single dates; dates already yielded stay built.
        """
        sources = {each.day: each.sources for each in work}
        for some in slices(self._each(work), _CHECKED_TOGETHER):
            now = dt.datetime.now(dt.UTC)
            made = {
                built.day: built.commit(
                    engine=self._engine.engine_name,
                    code=transformation(),
                    sources=sources[built.day],
                    committed_at=now,
                )
                for built in some
            }
            for day in {*self._broken(made), *self._damaged(made)}:
                self._discard(made.pop(day))
            for day, commit in made.items():
                self._store.put(layout.commit_key(day), commit.to_json())
                yield commit

    @property
    def failed(self) -> frozenset[dt.date]:
        """The dates that are left as they were."""
        return frozenset({*self.poisoned, *self.waiting})

    def fail(self, also: str = "") -> NoReturn:
        """Fail the step for the dates that failed, each with its cause, and for what else is to be said.

        Where dates only wait, the failure is transient: what they wait for may pass.
        """
        if self.poisoned:
            days = ",".join(day.isoformat() for day in sorted(self.poisoned))
            run_id = self._context.run_id
            self._context.instance.add_run_tags(run_id, {POISONED_TAG: owned(days, run_id)})
        what, remedies = [], []
        if self.waiting:
            what.append(f"Dates that wait for raw objects: {_causes(self.waiting)}")
            remedies.append("make those readable: the next build has them")
        if also:
            what.append(also)
            remedies.append(
                "fill those by `spotify-assets import` or the landing folder (Spotify serves only the present)"
            )
        if self.poisoned:
            what.append(f"Dates that can't be built: {_causes(self.poisoned)}")
            remedies.append("restore, repair, replace or remove their raw objects")
        kind = PermanentError if also or self.poisoned else TransientError
        raise kind(f"{'. '.join(what)}. The other dates are built", remedy="; ".join(remedies))

    def _each(self, work: Sequence[DaySources]) -> Iterator[BuiltDay]:
        """Build `work` together and, where that fails, in halves, down to the dates that fail by themselves."""
        if not work:
            return
        left = {each.day: each for each in work}
        try:
            for built in self._engine.build(self._context, self._store, self._context.run_id, work):
                left.pop(built.day, None)
                self._built += 1
                yield built
            return
        except UnreadDays as error:
            self.waiting |= error.reasons
            for day, reason in error.reasons.items():
                self._context.log.warning(f"{day} waits, and is left as it was: {reason}")
            return
        except (TransientError, DeploymentError):
            raise
        except FileNotFoundError as error:
            raise TransientError(f"A raw object was removed while it was read ({error})") from error
        except Exception as error:
            raise_if_interrupted()
            if len(work) > 1 and not self._engine.builds_dates_apart:
                raise
            if len(work) == 1:
                if not self._built and len(self.poisoned) + 1 >= _TOO_MANY:
                    raise
                (day,) = left
                self.poisoned[day] = _sentence(error)
                self._context.log.warning(f"{day} can't be built and is left as it was: {self.poisoned[day]}")
                return
        rest = list(left.values())
        middle = (len(rest) + 1) // 2
        yield from self._each(rest[:middle])
        yield from self._each(rest[middle:])

    def _broken(self, made: dict[dt.date, Commit]) -> list[dt.date]:
        """The dates of `made` whose tables break the contract; the cause of each is noted."""
        if not any(quality.faults(self._store, table, made) for table in LAKE_TABLES.values()):
            return []
        broken = []
        for day, commit in made.items():
            faults = [
                f"{table.name}: {fault.rule}, but {fault.rows} rows break it, such as {fault.example}"
                for table in LAKE_TABLES.values()
                for fault in quality.faults(self._store, table, {day: commit})
            ]
            if faults:
                broken.append(day)
                self.poisoned[day] = "; ".join(faults[:3])
                self._context.log.warning(f"{day} breaks the contract and is left as it was: {self.poisoned[day]}")
        return broken

    def _damaged(self, made: Mapping[dt.date, Commit]) -> list[dt.date]:
        """The dates of `made` that would lose what their commit holds, because a raw object of its was damaged since;
        which one is noted. What never could be read, or can't be by other code, is quarantined."""
        damaged = []
        for day, commit in made.items():
            before, now = self._before.get(day), quality.unreadable(self._store, commit)
            if before is None or not now or (commit.content and commit.content == before.content):
                continue
            etags, unread = dict(before.sources), quality.unreadable(self._store, before)
            for key, etag in commit.sources:
                changed = key in etags and (etags[key] != etag or commit.code == before.code)
                if changed and key in now and key not in unread:
                    damaged.append(day)
                    self.poisoned[day] = f"{key} could be read when the date was built, and can't be now: {now[key]}"
                    self._context.log.warning(f"{day} is left as it was: {self.poisoned[day]}")
                    break
        return damaged

    def _discard(self, commit: Commit) -> None:
        keys = [key for table in commit.tables for key in commit.file_keys(table)]
        self._store.delete([*keys, *([commit.quarantine_key] if commit.quarantine_key else [])])


def _causes(dates: Mapping[dt.date, str]) -> str:
    return "; ".join(f"{day}: {cause}" for day, cause in sorted(dates.items()))


def _sentence(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")[:500] or type(error).__name__
