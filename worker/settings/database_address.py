"""What an address of Postgres has to look like.

The driver splits an address by rules of its own. A password with a slash, for example, makes a port of its
first half, and an error that shows it. So what could be read in two ways is refused here, by a sentence
without the value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_TLS_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
# The driver takes what an address leaves out from these variables, and would call a wrong one no answer.
_CHOICES: Final = {
    "PGSSLMODE": SSL_MODES,
    "PGSSLNEGOTIATION": ("postgres", "direct"),
    "PGTARGETSESSIONATTRS": (
        *("any", "primary", "standby", "read-write", "read-only", "prefer-standby"),
    ),
    "PGSSLMINPROTOCOLVERSION": _TLS_VERSIONS,
    "PGSSLMAXPROTOCOLVERSION": _TLS_VERSIONS,
    "PGGSSLIB": ("gssapi", "sspi"),
}
_VERIFYING: Final = ("verify-ca", "verify-full")

_FORM: Final = (
    "is not postgresql://user:password@host:port/database: write / ? # @ [ ] in a user name or password as "
    "%2F %3F %23 %40 %5B %5D; a port is a number from 1 to 65535"
)
_ADDRESS: Final = re.compile(
    r"[^:]+://(?:[^/?#@\[\]]*@)?(?P<hosts>[^/?#@]*)(?P<path>/[^?#@]*)?(?:\?(?P<query>[^#@]*))?"
)
_HOST: Final = re.compile(r"(?:/.*|(?:\[[^\[\]]+\]|[^:\[\]]*)(?::(?P<port>\d*))?)", re.ASCII)


def check_database_url(url: str) -> str:
    """Return the address as it is. Raises ValueError, without the address, if no database can be meant."""
    if url.partition("://")[0] not in {"postgresql", "postgres", "postgresql+asyncpg"}:
        raise ValueError("must begin with postgresql://")
    found = _ADDRESS.fullmatch(url)
    if found is None or not _is_split_alike(url):
        raise ValueError(_FORM)
    try:
        query = dict(parse_qsl(found["query"] or "", strict_parsing=bool(found["query"])))
    except ValueError:
        raise ValueError(_FORM) from None
    places = (*_places(found["hosts"]), *_places(query.get("host", "")))
    ports = (*places, *query.get("port", "").split(","))
    if None in places or not all(port is None or _is_port(port) for port in ports):
        raise ValueError(_FORM)
    if not (found["path"] or "").strip("/"):
        raise ValueError(
            "must name a database, as in postgresql://user:password@host:5432/database"
        )
    _check_environment(os.environ)
    _check_tls(query, os.environ)
    return url


def _is_split_alike(url: str) -> bool:
    """Return whether the standard library, which the driver uses, splits the address at all."""
    try:
        urlsplit(url)
    except ValueError:  # brackets around no address, or a character that stands for a delimiter
        return False
    return True


def _places(hosts: str) -> list[str | None]:
    """Return the port of each host, empty without one; None for what is no host."""
    if not hosts:
        return []
    found = [_HOST.fullmatch(host) if host else None for host in hosts.split(",")]
    return [place and (place["port"] or "") for place in found]


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536)


def _check_environment(environ: Mapping[str, str]) -> None:
    if not all(map(_is_port, environ.get("PGPORT", "").split(","))):
        raise ValueError("PGPORT in the environment is not a number from 1 to 65535")
    for name, choices in _CHOICES.items():
        if environ.get(name, choices[0]) not in choices:
            raise ValueError(f"{name} in the environment is not one of {', '.join(choices)}")
    for name in FILES:
        path = environ.get(f"PG{name.upper()}")
        if path and not _is_file(path):
            raise ValueError(f"PG{name.upper()} in the environment names no file")


def _check_tls(query: Mapping[str, str], environ: Mapping[str, str]) -> None:
    mode = query.get("sslmode", environ.get("PGSSLMODE", "prefer"))
    if mode not in SSL_MODES:
        raise ValueError(f"sslmode must be one of {', '.join(SSL_MODES)}")
    for name in FILES:
        if name in query and not _is_file(query[name]):
            raise ValueError(f"there is no file at the path of {name}")
    own = str(Path.home() / ".postgresql" / "root.crt")
    root = query.get("sslrootcert") or environ.get("PGSSLROOTCERT") or own
    if mode in _VERIFYING and not _is_file(root):
        raise ValueError(f"sslmode={mode} needs sslrootcert=FILE, the certificate to verify by")


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:  # in a folder that is closed to this user
        return False
