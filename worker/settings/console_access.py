"""The settings of the console: where it listens, how people sign in, and as whom it asks the database."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from worker.settings.checks import PostgresUrl
from worker.settings.kafka_access import KafkaAccess

SignInForm = Literal["none", "users", "oidc", "proxy"]
ConsoleRole = Literal["reader", "editor", "approver", "operator"]
CONSOLE_ROLES: Final[tuple[ConsoleRole, ...]] = ("reader", "editor", "approver", "operator")

_DAY_S: Final = 24 * 60 * 60


def parse_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Read addresses and networks, comma-separated. Raises ValueError."""
    networks = [ip_network(one.strip()) for one in text.split(",") if one.strip()]
    if any(one.prefixlen == 0 for one in networks):
        raise ValueError("a network of all addresses would trust everybody")
    return networks


def parse_role_names(text: str) -> dict[str, ConsoleRole]:
    """Read ``group=role,group=role``. Raises ValueError."""
    names: dict[str, ConsoleRole] = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        group, _, wanted = pair.rpartition("=")
        role = next((one for one in CONSOLE_ROLES if one == wanted.strip()), None)
        if role is None or not group.strip():
            raise ValueError(
                f"{pair} is not GROUP=ROLE, where the role is one of {', '.join(CONSOLE_ROLES)}"
            )
        names[group.strip()] = role
    return names


def _check_networks(text: str) -> str:
    parse_networks(text)
    return text


def _check_role_names(text: str) -> str:
    parse_role_names(text)
    return text


def _check_origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address such as https://console.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be the address of the host alone, without a path")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a listening address is reachable from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe_issuer(address: str) -> bool:
    """Return whether an address is https, or http on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


_Origin = Annotated[str, AfterValidator(_check_origin)]


def _login(what: str) -> str:
    return f"Postgres as the console uses it {what}; by default MARKETMAP_DATABASE_URL."


class ConsoleAccess(KafkaAccess):
    """The settings that only the console reads."""

    console_host: str = Field(
        "127.0.0.1", min_length=1, description="Address that the console listens on."
    )
    console_port: int = Field(
        8090, ge=0, le=65535, description="Port of the console; 0: any free port."
    )
    console_public_url: _Origin | None = Field(
        None,
        description=(
            "Address of the console as browsers see it, such as https://console.example.com. Needed "
            "unless the console listens on this machine alone. The status page of a worker links to it."
        ),
    )
    console_sign_in: SignInForm = Field(
        "none",
        description=(
            "How people sign in to the console: `none` (on this machine alone), `users` (a file), "
            "`oidc` (OpenID Connect), `proxy` (a header of a trusted proxy)."
        ),
    )
    console_session_s: float = Field(
        12 * 60 * 60,
        ge=60,
        le=30 * _DAY_S,
        allow_inf_nan=False,
        description="A session of the console ends this long after the sign-in.",
    )
    console_idle_s: float = Field(
        60 * 60,
        ge=60,
        le=30 * _DAY_S,
        allow_inf_nan=False,
        description="A session of the console ends if it was not used for this long.",
    )
    console_users_file: str | None = Field(
        None,
        min_length=1,
        description="File of the users, for the sign-in `users`; see `marketmap console users`.",
    )
    console_roles: Annotated[str, AfterValidator(_check_role_names)] = Field(
        "reader=reader,editor=editor,approver=approver,operator=operator",
        description=(
            "Which groups of the identity provider or of the proxy have which role, as "
            "GROUP=ROLE, comma-separated."
        ),
    )
    console_oidc_issuer: str | None = Field(
        None, min_length=1, description="Issuer of OpenID Connect, for the sign-in `oidc`."
    )
    console_oidc_client_id: str | None = Field(
        None, min_length=1, description="Client id that the issuer knows the console by."
    )
    console_oidc_client_secret: str | None = Field(
        None, min_length=1, repr=False, description="Client secret, if the issuer asks for one."
    )
    console_oidc_name_claim: str = Field(
        "preferred_username", min_length=1, description="Claim that holds the name of a person."
    )
    console_oidc_groups_claim: str = Field(
        "groups", min_length=1, description="Claim that holds the groups of a person."
    )
    console_proxy_addresses: Annotated[str, AfterValidator(_check_networks)] = Field(
        "",
        description=(
            "Addresses or networks of trusted proxies, comma-separated. Headers of nobody else count."
        ),
    )
    console_proxy_name_header: str = Field(
        "X-Forwarded-User",
        min_length=1,
        description="Header in which a trusted proxy names the person, for the sign-in `proxy`.",
    )
    console_proxy_groups_header: str = Field(
        "X-Forwarded-Groups",
        min_length=1,
        description="Header in which a trusted proxy names the person's groups, comma-separated.",
    )
    console_reader_database_url: PostgresUrl | None = Field(
        None, repr=False, description=_login("for reading")
    )
    console_editor_database_url: PostgresUrl | None = Field(
        None, repr=False, description=_login("for decisions of editors")
    )
    console_approver_database_url: PostgresUrl | None = Field(
        None, repr=False, description=_login("for decisions of approvers")
    )


def fault_of_sign_in(settings: ConsoleAccess) -> str | None:
    """Say why people would be signed in unsafely, or not at all; None if these settings are good."""
    form, public = settings.console_sign_in, settings.console_public_url
    here_alone = is_loopback(settings.console_host) and _is_of_this_machine(public)
    if form == "none" and not here_alone:
        return (
            "without a sign-in the console listens on this machine alone: set "
            "MARKETMAP_CONSOLE_SIGN_IN, or MARKETMAP_CONSOLE_HOST=127.0.0.1"
        )
    is_https = (public or "").startswith("https://")
    if form in {"users", "oidc"} and not is_https and not here_alone:
        return (
            "passwords and cookies need https: set MARKETMAP_CONSOLE_PUBLIC_URL to the https address "
            "that browsers use"
        )
    if form == "users" and settings.console_users_file is None:
        return "the sign-in `users` needs MARKETMAP_CONSOLE_USERS_FILE"
    if form == "proxy" and not settings.console_proxy_addresses:
        return "the sign-in `proxy` needs MARKETMAP_CONSOLE_PROXY_ADDRESSES"
    return _fault_of_provider(settings) if form == "oidc" else None


def _fault_of_provider(settings: ConsoleAccess) -> str | None:
    names = ("console_oidc_issuer", "console_oidc_client_id", "console_public_url")
    missing = [f"MARKETMAP_{name.upper()}" for name in names if not getattr(settings, name)]
    if missing:
        return f"the sign-in `oidc` needs {' and '.join(missing)}"
    issuer = settings.console_oidc_issuer or ""
    if not is_safe_issuer(issuer):
        return f"MARKETMAP_CONSOLE_OIDC_ISSUER: {issuer} is not an https address"
    return None


def _is_of_this_machine(url: str | None) -> bool:
    return url is None or is_loopback(urlsplit(url).hostname or "")
