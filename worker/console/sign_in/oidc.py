"""Sign-in by OpenID Connect: the authorization code flow with PKCE.

Theory of operation. `begin` makes three random values and sends the browser to the provider: `state` ties the
answer to this browser, `nonce` ties the token to this attempt, and the code verifier proves that who redeems
the code is who asked for it. They are kept here, under the identifier of a short-lived cookie; the browser
never sees the nonce's or the verifier's counterpart. `finish` takes each attempt once, redeems the code, and
believes a token only if its signature is one of the provider's keys and issuer, audience, times and nonce are
right.

Only asymmetric signatures are accepted: with a symmetric one, or with `none`, whoever knows the client's id
or secret could write a token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import aiohttp
import jwt

from worker.console.sign_in.addresses import network_of
from worker.settings.console_access import is_safe_issuer
from worker.settings.console_users import is_name

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
)
FLOW_S: Final = 600.0
_MOST_FLOWS: Final = 5000
# One address that begins very many pushes out its own.
_MOST_BY_ADDRESS: Final = 50
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_LEEWAY_S: Final = 30
_LARGEST_ANSWER: Final = 256 * 1024


class OidcError(Exception):
    """The provider's answer cannot be used."""


class OidcProvider(NamedTuple):
    """What is known of a provider and of this client."""

    issuer: str
    client_id: str
    client_secret: str | None
    name_claim: str
    groups_claim: str


class OidcFlow(NamedTuple):
    """One attempt that has begun."""

    state: str
    nonce: str
    verifier: str
    next_path: str
    network: str
    began_at_s: float


class OidcPerson(NamedTuple):
    """Whom the provider says it is."""

    name: str
    groups: tuple[str, ...]


class OidcSignIn:
    """Signs people in at one provider."""

    def __init__(
        self, provider: OidcProvider, redirect_url: str, clock: Callable[[], float]
    ) -> None:
        self._provider = provider
        self._redirect_url = redirect_url
        self._clock = clock
        self._flows: OrderedDict[str, OidcFlow] = OrderedDict()
        self._metadata: dict[str, Any] | None = None
        self._keys: jwt.PyJWKSet | None = None

    async def begin(self, next_path: str, address: str) -> tuple[str, str]:
        """Return the identifier of the attempt, for a cookie, and where to send the browser.

        Raises OidcError.
        """
        metadata = await self._discover()
        identifier = secrets.token_urlsafe(32)
        flow = OidcFlow(
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            next_path,
            network_of(address),
            self._clock(),
        )
        self._keep(identifier, flow)
        challenge = hashlib.sha256(flow.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._redirect_url,
            "scope": "openid profile",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        endpoint = str(metadata["authorization_endpoint"])
        separator = "&" if "?" in endpoint else "?"
        return identifier, f"{endpoint}{separator}{urlencode(query)}"

    def _keep(self, identifier: str, flow: OidcFlow) -> None:
        """Keep an attempt; of too many, the oldest of the same address is given up, else the oldest."""
        same = [key for key, one in self._flows.items() if one.network == flow.network]
        if len(same) >= _MOST_BY_ADDRESS:
            del self._flows[same[0]]
        self._flows[identifier] = flow
        while len(self._flows) > _MOST_FLOWS:
            self._flows.popitem(last=False)

    async def finish(
        self, identifier: str | None, state: str | None, code: str | None
    ) -> tuple[OidcPerson, str]:
        """Redeem a code; return who it is and where they wanted to go. Raises OidcError."""
        flow = self._flows.pop(identifier or "", None)
        if flow is None or self._clock() - flow.began_at_s > FLOW_S:
            raise OidcError("this sign-in was not begun here, or too long ago")
        if not state or not secrets.compare_digest(state.encode(), flow.state.encode()):
            raise OidcError("the answer belongs to another sign-in")
        if not code:
            raise OidcError("the provider has not signed you in")
        metadata = await self._discover()
        token = await self._redeem(str(metadata["token_endpoint"]), code, flow.verifier)
        return await self._person(token, flow.nonce), flow.next_path

    async def _redeem(self, endpoint: str, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_url,
            "client_id": self._provider.client_id,
            "code_verifier": verifier,
        }
        secret = self._provider.client_secret
        if secret is not None:
            form["client_secret"] = secret
        answer = await _ask("POST", endpoint, form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcError("the provider's answer holds no ID token")
        return token

    async def _person(self, token: str, nonce: str) -> OidcPerson:
        claims = await self._verified(token)
        found = claims.get("nonce")
        if not isinstance(found, str) or not secrets.compare_digest(found.encode(), nonce.encode()):
            raise OidcError("the token belongs to another sign-in")
        name = claims.get(self._provider.name_claim)
        if not isinstance(name, str) or not is_name(name):
            raise OidcError(f"the token holds no usable name in {self._provider.name_claim}")
        groups = claims.get(self._provider.groups_claim)
        listed = groups if isinstance(groups, list) else []
        return OidcPerson(name, tuple(one for one in listed if isinstance(one, str)))

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header.get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key=key,
                algorithms=list(ALGORITHMS),
                audience=self._provider.client_id,
                issuer=self._provider.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise OidcError(f"the token cannot be trusted: {error}") from error
        party = claims.get("azp")
        if party is not None and party != self._provider.client_id:
            raise OidcError("the token was issued to another client")
        return claims

    async def _key(self, kid: str | None) -> jwt.PyJWK:
        """Return the provider's key; an unknown one may be new, so the keys are read again once."""
        found = _pick(self._keys, kid)
        if found is None:
            metadata = await self._discover()
            answer = await _ask("GET", str(metadata["jwks_uri"]))
            try:
                self._keys = jwt.PyJWKSet.from_dict(answer)
            except jwt.PyJWTError as error:
                raise OidcError(f"the provider's keys cannot be read: {error}") from error
            found = _pick(self._keys, kid)
        if found is None:
            raise OidcError("the token is signed with a key that the provider does not have")
        return found

    async def _discover(self) -> dict[str, Any]:
        if self._metadata is None:
            issuer = self._provider.issuer
            address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await _ask("GET", address)
            if found.get("issuer") != issuer:
                raise OidcError(f"{address} is about another issuer")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                require_safe(str(found.get(name)))
            self._metadata = found
        return self._metadata


def require_safe(address: str) -> None:
    """Raise OidcError unless an address is https, or http on this machine."""
    if not is_safe_issuer(address):
        raise OidcError(f"{address} is not an https address")


def _pick(keys: jwt.PyJWKSet | None, kid: str | None) -> jwt.PyJWK | None:
    if keys is None:
        return None
    if kid is None:
        return keys.keys[0] if len(keys.keys) == 1 else None
    return next((key for key in keys.keys if key.key_id == kid), None)


async def _ask(method: str, address: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON object that an address answers. Raises OidcError, without what was sent."""
    require_safe(address)
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as client,
            client.request(method, address, data=form, allow_redirects=False) as answer,
        ):
            if answer.status != HTTPStatus.OK:
                raise OidcError(f"the provider answers {answer.status}")
            body = bytearray()
            async for part in answer.content.iter_chunked(16 * 1024):
                body += part
                if len(body) > _LARGEST_ANSWER:
                    raise OidcError("the provider's answer is too large")
            found = json.loads(body)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise OidcError(f"the provider does not answer: {type(error).__name__}") from error
    except ValueError as error:
        raise OidcError("the provider's answer is no JSON") from error
    if not isinstance(found, dict):
        raise OidcError("the provider's answer is no JSON object")
    return found
