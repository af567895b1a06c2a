"""Power BI as a Dagster resource: refresh one semantic model and wait for its end, whatever it is.

Sign-in is dagster-powerbi's. Its own refresh is not used: it takes the newest refresh in the list for its own, knows no
end but Completed and Failed (a cancelled or disabled refresh would wait for the timeout), and records nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import dagster as dg
from pydantic import Field, PrivateAttr, SecretStr
from tenacity import retry_if_exception_type, wait_exception

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.settings import Settings
from spotify_assets.waiting import SYSTEM_CLOCK, Clock, again

if TYPE_CHECKING:
    import requests

API_URL = "https://api.powerbi.com/v1.0/myorg"

_UNDER_WAY = frozenset({"Unknown", "NotStarted", "InProgress"})
"""Power BI calls a refresh that runs `Unknown`."""

_REMEDIES = {
    "Cancelled": "somebody cancelled it: materialize again",
    "Disabled": "refreshes of this model are disabled, as after repeated failures: open its settings and enable them",
    "TimedOut": "Power BI gave up: reduce what the model imports",
}
_CLOCKS_DIFFER = dt.timedelta(minutes=2)
_REQUEST_TIMEOUT = (10.0, 60.0)
_THROTTLED_SECONDS = 60.0


@dataclass(frozen=True)
class Refresh:
    """A refresh that ended well. Times are UTC as Power BI gives them."""

    request_id: str
    started_at: str
    ended_at: str
    seconds: float


class PowerBIResource(dg.ConfigurableResource):
    """One semantic model. The secret is no field, so that Dagster can't show or store it: see `powerbi_resource`."""

    tenant_id: str
    client_id: str
    workspace_id: str
    semantic_model_id: str
    api_url: str = Field(default=API_URL, description="For a test server")
    poll_seconds: float = Field(default=15.0, gt=0, description="Between two looks at a running refresh")
    timeout_seconds: float = Field(default=3600.0, gt=0, description="For the whole refresh")

    _secret: SecretStr | None = PrivateAttr(default=None)
    _clock: Clock = PrivateAttr(default_factory=lambda: SYSTEM_CLOCK)

    @property
    def url(self) -> str:
        """The model's page."""
        return f"https://app.powerbi.com/groups/{self.workspace_id}/datasets/{self.semantic_model_id}/details"

    def refresh(self) -> Refresh:
        """Refresh the model and wait for the end of this very refresh.

        Raises PermanentError when it ends in anything but success, or is refused; TransientError when Power BI can't be
        reached, is busy with another refresh, or takes longer than `timeout_seconds`.
        """
        patient = again(
            retry_if_exception_type(_NotYet),
            wait=wait_exception(_seconds_to_wait),
            seconds=self.timeout_seconds,
            clock=self._clock,
        )
        session = self._session()
        asked_at = self._clock.now()
        try:
            answer = patient(self._call, session, "POST", {"notifyOption": "NoNotification"})
            request_id = answer.headers.get("x-ms-request-id") or answer.headers.get("RequestId") or ""
            return patient(self._ended, session, request_id, asked_at)
        except _NotYet as error:
            raise TransientError(
                f"The refresh of the semantic model {error.what} after {self.timeout_seconds / 60:.0f} minutes. "
                f"{self.url}",
                remedy="look at it, or raise POWERBI_REFRESH_MINUTES",
            ) from None

    def _ended(self, session: requests.Session, request_id: str, asked_at: dt.datetime) -> Refresh:
        """The refresh when it has ended well. Raises _NotYet while it has not ended, PermanentError when it failed."""
        ours = _ours(_history(self._call(session, "GET")), request_id, asked_at)
        status = str(ours.get("status")) if ours else "Unknown"
        if ours and status == "Completed":
            return _refresh(ours)
        if ours and status not in _UNDER_WAY:
            raise PermanentError(f"{_reason(ours, status)} {self.url}")
        raise _NotYet(f"is {status}", self.poll_seconds)

    def _session(self) -> requests.Session:
        import requests

        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self._token()}"
        return session

    def _token(self) -> str:
        import requests

        try:
            from dagster_powerbi import PowerBIServicePrincipal
        except ImportError:
            raise PermanentError(
                "dagster-powerbi is not installed",
                remedy="pip install 'spotify-assets[powerbi]', or unset the POWERBI_ variables",
            ) from None
        secret = self._secret.get_secret_value() if self._secret else ""
        principal = PowerBIServicePrincipal(
            client_id=self.client_id,
            client_secret=quote(secret, safe=""),  # it goes into the form's body as it is
            tenant_id=self.tenant_id,
        )
        try:
            return principal.get_api_token()
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            failure = TransientError if status >= 500 or status == 429 else PermanentError
            raise failure(
                f"Microsoft refused the sign-in of {self.client_id} (HTTP {status})",
                remedy="check POWERBI_TENANT_ID, POWERBI_CLIENT_ID and POWERBI_CLIENT_SECRET; a client secret expires",
                code=str(status),
            ) from None
        except requests.RequestException as error:
            raise TransientError(
                f"Microsoft's sign-in can't be reached ({type(error).__name__})", remedy="try again"
            ) from None

    def _call(self, session: requests.Session, method: str, body: Mapping[str, str] | None = None) -> requests.Response:
        """One request; an expired token is renewed. Raises _NotYet where asking again later is the answer."""
        import requests

        endpoint = f"{self.api_url}/groups/{self.workspace_id}/datasets/{self.semantic_model_id}/refreshes"
        try:
            answer = session.request(method, endpoint, json=body, timeout=_REQUEST_TIMEOUT)
            if answer.status_code == 401:  # a token lives an hour, a refresh may take longer
                session.headers["Authorization"] = f"Bearer {self._token()}"
                answer = session.request(method, endpoint, json=body, timeout=_REQUEST_TIMEOUT)
        except requests.RequestException as error:
            if method == "POST":  # it may have been taken: a second one would be refused or wasted
                raise TransientError(
                    f"Power BI can't be reached ({type(error).__name__})", remedy="try again"
                ) from None
            raise _NotYet("can't be reached", self.poll_seconds) from None
        if answer.status_code in (200, 202):
            return answer
        if answer.status_code == 429:
            raise _NotYet("is throttled", _retry_after(answer))
        if answer.status_code >= 500 and method == "GET":
            raise _NotYet(f"answers HTTP {answer.status_code}", self.poll_seconds)
        raise _refusal(answer)


class _NotYet(TransientError):
    """There is no end to see yet, or no answer: ask again in `seconds`."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(what)
        self.seconds = seconds


def _seconds_to_wait(error: BaseException) -> float:
    return error.seconds if isinstance(error, _NotYet) else 0.0


def powerbi_resource(settings: Settings, **options: float | str) -> PowerBIResource:
    """The semantic model the settings name; `options` replace the URL and waits in tests.

    Dagster makes a resource anew from its fields when a run starts, which would lose what is kept out of them; so the
    secret lives in the default of a class made for these settings.
    """
    secret = settings.powerbi_client_secret

    class ConfiguredPowerBI(PowerBIResource):
        """Power BI, as configured."""

        _secret: SecretStr | None = PrivateAttr(default_factory=lambda: secret)

    fields: dict[str, Any] = {
        "tenant_id": settings.powerbi_tenant_id or "",
        "client_id": settings.powerbi_client_id or "",
        "workspace_id": settings.powerbi_workspace_id or "",
        "semantic_model_id": settings.powerbi_semantic_model_id or "",
        "timeout_seconds": settings.powerbi_refresh_minutes * 60.0,
    }
    return ConfiguredPowerBI(**{**fields, **options})


def _history(answer: requests.Response) -> list[Mapping[str, Any]]:
    try:
        refreshes = answer.json()["value"]
    except (ValueError, KeyError, TypeError):
        raise TransientError("Power BI's list of refreshes is not the JSON it should be", remedy="try again") from None
    return [one for one in refreshes if isinstance(one, dict)]


def _ours(history: list[Mapping[str, Any]], request_id: str, asked_at: dt.datetime) -> Mapping[str, Any] | None:
    """The refresh that was asked for: by its request id, else the first one that began since; None before it shows."""
    for one in history:
        if request_id and one.get("requestId") == request_id:
            return one
    if request_id and any(one.get("requestId") for one in history):
        return None
    since = [one for one in history if (began := _moment(one.get("startTime"))) and began >= asked_at - _CLOCKS_DIFFER]
    return min(since, key=lambda one: str(one["startTime"]), default=None)


def _refresh(answer: Mapping[str, Any]) -> Refresh:
    began, ended = _moment(answer.get("startTime")), _moment(answer.get("endTime"))
    return Refresh(
        request_id=str(answer.get("requestId", "")),
        started_at=str(answer.get("startTime", "")),
        ended_at=str(answer.get("endTime", "")),
        seconds=(ended - began).total_seconds() if began and ended else 0.0,
    )


def _reason(answer: Mapping[str, Any], status: str) -> str:
    text = answer.get("serviceExceptionJson") or "{}"
    try:
        error = json.loads(text)
        said = error.get("errorDescription") or error.get("errorCode") or "Power BI gave no reason"
    except (ValueError, AttributeError):
        said = str(text)
    return f"The refresh of the semantic model ended {status}: {_REMEDIES.get(status, said)}."


def _refusal(answer: requests.Response) -> PermanentError | TransientError:
    code = ""
    try:
        error = answer.json()["error"]
        code = str(error.get("code", ""))
        said = f"{code} {error.get('message', '')}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        said = answer.text[:200]
    message = f"Power BI refused the refresh (HTTP {answer.status_code}: {said})"
    if answer.status_code >= 500 or "another refresh" in said.lower() or "RefreshInProgress" in said:
        return TransientError(message, remedy="try again", code=code)
    return PermanentError(
        message,
        remedy="the service principal must be a member of the workspace, and the tenant must allow service principals "
        "to use its APIs",
        code=code,
    )


def _retry_after(answer: requests.Response) -> float:
    try:
        return max(0.0, float(answer.headers["Retry-After"]))
    except (KeyError, ValueError):
        return _THROTTLED_SECONDS


def _moment(text: object) -> dt.datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
