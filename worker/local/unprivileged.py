"""Postgres refuses to run as root, so root runs it as `nobody`."""

import os
import pwd
import shutil
from pathlib import Path

from worker.local.errors import LocalServicesError

USER = "nobody"
CAPABILITIES = {"dac_read_search": 1 << 2, "dac_override": 1 << 1}


def drop_root(command: list[str], *, reads: list[Path]) -> list[str]:
    """Return `command`, wrapped so that it runs as an ordinary user if we are root.

    A checkout under a folder that only root may enter (root's home, `mktemp -d`) stays closed: instead of
    widening its permissions, the process gets the one capability that lets it pass.
    """
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalServicesError("root needs setpriv (package util-linux) to run Postgres")
    user = pwd.getpwnam(USER)
    passes = [] if all(_is_open(path) for path in reads) else _capability()
    return [
        setpriv,
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        *passes,
        "--",
        *command,
    ]


def give_to_user(path: Path) -> None:
    """Make the ordinary user the owner if we are root."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(USER)
        os.chown(path, user.pw_uid, user.pw_gid)


def _is_open(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _capability() -> list[str]:
    held = _held_capabilities()
    name = next((name for name, bit in CAPABILITIES.items() if held & bit), None)
    if name is None:
        raise LocalServicesError(
            f"the checkout lies in a folder closed to {USER}; move it, or run as an ordinary user"
        )
    return privileges(name)


def privileges(capability: str) -> list[str]:
    """Return setpriv's options for one capability that holds for access(2) as well, which Postgres asks."""
    return [
        "--securebits=+no_setuid_fixup",
        f"--inh-caps=+{capability}",
        f"--ambient-caps=+{capability}",
    ]


def _held_capabilities() -> int:
    status = Path("/proc/self/status").read_text()
    return next(
        int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:")
    )
