"""Sign-in at a real provider of OpenID Connect, and what is not believed of its answers."""

import asyncio
import http.client
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.console.conftest import ConsoleQuery
from tests.support.services.console import ConsoleClient, ConsolePage, ConsoleRun, running_console
from tests.support.services.oidc_provider import (
    CLIENT,
    CLIENT_SECRET,
    OidcProviderServer,
    oidc_provider,
)
from worker.console.sign_in.oidc import OidcError, OidcProvider, OidcSignIn
from worker.local.ports import pick_free

pytestmark = pytest.mark.services


class OidcRun(NamedTuple):
    provider: OidcProviderServer
    console: ConsoleRun

    def browser(self) -> ConsoleClient:
        return self.console.client()

    def to_provider(self, client: ConsoleClient, path: str = "/queue?q=x") -> str:
        """Ask for a page, and go to the provider; return where that sends the browser back to."""
        page = client.follow(client.get(path))
        assert "Sign in with your account" in page.seen
        way = page.text.partition('href="/sign-in/provider')[2].partition('"')[0]
        answer = client.get("/sign-in/provider" + way.replace("&amp;", "&"))
        assert answer.location.startswith(self.provider.issuer), answer.seen
        where = urlsplit(answer.location)
        connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=30)
        connection.request("GET", f"{where.path}?{where.query}")
        back = connection.getresponse().headers["Location"]
        connection.close()
        assert back.startswith(self.console.address + "/sign-in/answer?")
        return back.removeprefix(self.console.address)

    def sign_in(self, client: ConsoleClient, path: str = "/queue?q=x") -> ConsolePage:
        return client.get(self.to_provider(client, path))


@pytest.fixture
def oidc(migrated: str) -> Iterator[OidcRun]:
    (port,) = pick_free(1)
    with (
        oidc_provider() as provider,
        running_console(
            migrated,
            console_sign_in="oidc",
            console_port=str(port),
            console_public_url=f"http://127.0.0.1:{port}",
            console_oidc_issuer=provider.issuer,
            console_oidc_client_id=CLIENT,
            console_oidc_client_secret=CLIENT_SECRET,
            console_roles="team-odds=editor",
        ) as run,
    ):
        yield OidcRun(provider, run)


def test_who_signs_in_at_the_provider_decides_under_their_name(
    oidc: OidcRun, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    client = oidc.browser()
    answer = oidc.sign_in(client)
    assert answer.status == 303, answer.seen
    assert answer.location == "/queue?q=x"
    page = client.get("/queue")
    assert "olga" in page.seen
    fields = {"csrf": page.token, "decision": "take", "market": "sportybet|900"}
    assert client.post("/queue/decide", fields).status == 303
    assert query("SELECT status_actor FROM unmapped_market_log")[0]["status_actor"] == "olga"


def test_groups_without_a_role_may_do_nothing(oidc: OidcRun) -> None:
    oidc.provider.groups = ["approver", "strangers"]
    client = oidc.browser()
    oidc.sign_in(client)
    refused = client.get("/queue")
    assert refused.status == 403
    assert "Your roles: none." in refused.seen


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(oidc: OidcRun) -> None:
    client, other = oidc.browser(), oidc.browser()
    back = oidc.to_provider(client)
    oidc.to_provider(other)
    stolen = other.get(back)
    assert stolen.status == 401
    assert "belongs to another sign-in" in stolen.seen
    assert client.get(back).status == 303
    again = oidc.browser()
    assert again.get(back).status == 401
    assert client.get(back).status == 401


def test_an_answer_with_another_state_is_refused(oidc: OidcRun) -> None:
    client = oidc.browser()
    back = oidc.to_provider(client)
    code = parse_qs(urlsplit(back).query)["code"][0]
    assert client.get(f"/sign-in/answer?code={code}&state=guess").status == 401
    assert client.get("/queue").location.startswith("/sign-in")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "another-client"}, "Audience"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"nonce": "of another sign-in"}, "belongs to another sign-in"),
        ({"azp": "another-client"}, "another client"),
        ({"preferred_username": "a\nb"}, "no usable name"),
        ({"preferred_username": None}, "no usable name"),
    ],
)
def test_a_token_that_says_something_else_is_not_believed(
    oidc: OidcRun, claims: dict[str, Any], why: str
) -> None:
    oidc.provider.claims = claims
    client = oidc.browser()
    refused = oidc.sign_in(client)
    assert refused.status == 401
    assert why.lower() in refused.seen.lower()
    assert client.get("/queue").location.startswith("/sign-in")


def test_a_token_that_another_key_has_signed_is_not_believed(oidc: OidcRun) -> None:
    oidc.provider.signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert oidc.sign_in(oidc.browser()).status == 401


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize(("algorithm", "key"), [("HS256", CLIENT_SECRET), ("none", None)])
def test_a_token_without_an_asymmetric_signature_is_not_believed(
    oidc: OidcRun, algorithm: str, key: str | None
) -> None:
    oidc.provider.algorithm, oidc.provider.signing_key = algorithm, key
    assert oidc.sign_in(oidc.browser()).status == 401


def test_a_provider_may_change_its_key(oidc: OidcRun) -> None:
    assert oidc.sign_in(oidc.browser()).status == 303
    provider = oidc.provider
    provider.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    provider.signing_key, provider.kid = provider.key, "second"
    assert oidc.sign_in(oidc.browser()).status == 303


def test_whoever_begins_very_many_sign_ins_ends_nobody_elses() -> None:
    async def begin_all() -> None:
        with oidc_provider() as server:
            provider = OidcProvider(server.issuer, CLIENT, CLIENT_SECRET, "name", "groups")
            sign_in = OidcSignIn(provider, "http://127.0.0.1/sign-in/answer", time.monotonic)
            begun, _ = await sign_in.begin("/queue", "192.0.2.1")
            for _ in range(6000):
                await sign_in.begin("/", "203.0.113.5")
            # It is still known: the answer is refused for its state, and not because it was never begun.
            with pytest.raises(OidcError, match="belongs to another sign-in"):
                await sign_in.finish(begun, "guess", "code")

    asyncio.run(begin_all())
