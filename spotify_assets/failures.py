"""The failure taxonomy: what may be tried again and what may not, and the facts a failure carries.

Plain exceptions, free of Dagster, so that the extraction library and the resources can raise them; the one place
that translates them for Dagster's retries is `spotify_assets.retries`. Whoever needs a fact of a failure asks for the
attribute; nobody reads its sentence back.
"""

from __future__ import annotations

import datetime as dt
import errno

from spotify_assets.redaction import visible, without_passwords


class PlatformError(Exception):
    """A failure of the platform. Raise a subclass.

    `what` names the thing and the value that is wrong, `remedy` what to do about it (empty where nothing helps but
    time), `code` the other side's own name of it (`AccessDenied`, `003167`, `ENOSPC`), empty where it has none. The
    text is both in one sentence. Passwords in addresses and characters that a terminal acts on are in none of them.
    """

    def __init__(self, what: str, *, remedy: str = "", code: str = "") -> None:
        super().__init__(what, remedy, code)
        self.what = visible(without_passwords(what)).rstrip(".")
        self.remedy = visible(without_passwords(remedy)).rstrip(".")
        self.code = code
        self.parts: tuple[PlatformError, ...] = (self,)
        """The failures this one is made of, where several are told at once; else itself."""

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}." if self.remedy else f"{self.what}."


class PermanentError(PlatformError):
    """Trying again cannot help: somebody has to change something first."""


class DeploymentError(PermanentError):
    """This deployment lacks something that all of its work needs: no date and no object is to blame."""


class TransientError(PlatformError):
    """Trying again may help; not before `retry_at` (UTC) when that is known."""

    def __init__(self, what: str, *, remedy: str = "", code: str = "", retry_at: dt.datetime | None = None) -> None:
        super().__init__(what, remedy=remedy, code=code)
        self.retry_at = retry_at


_PASSING = frozenset({"EAGAIN", "EINTR", "EMFILE", "ENFILE", "ETIMEDOUT", "ESTALE"})

_ANOTHER = "or choose another folder: everything local lies below SPOTIFY_ASSETS_HOME"
_REMEDIES = {
    "ENOSPC": f"free some space on its disk, {_ANOTHER}",
    "EDQUOT": f"free some of the quota, {_ANOTHER}",
    "EFBIG": f"raise the limit on the size of files, {_ANOTHER}",
    "ENOTDIR": f"move away the file that stands in its path, {_ANOTHER}",
    "EEXIST": f"move away the file that stands in its path, {_ANOTHER}",
    "EISDIR": "move away the folder of that name",
    "ENAMETOOLONG": "choose a folder with a shorter path for SPOTIFY_ASSETS_HOME",
    "ELOOP": f"mend the links in its path, {_ANOTHER}",
}
_TO_ALLOW = f"let this user read and write there, {_ANOTHER}"


def of_system(error: OSError) -> PlatformError:
    """What the operating system refused, as a failure with a remedy: what it says of files is in `error`.

    A network that can't be reached, a full table of open files and the like may pass; the others are permanent.
    """
    code = errno.errorcode.get(error.errno or 0, "")
    why = (error.strerror or str(error) or type(error).__name__).lower()
    named = [str(name) for name in (error.filename, error.filename2) if name]
    what = f"{' and '.join(named)} can't be used: {why}" if named else f"The operating system refused: {why}"
    if isinstance(error, ConnectionError | TimeoutError) or code in _PASSING:
        return TransientError(what, code=code)
    return PermanentError(what, remedy=_REMEDIES.get(code, _TO_ALLOW if named else ""), code=code)
