"""A page as Chromium makes it, where there is a Chromium."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from typing import Final, NamedTuple

MISSING: Final = "there is no chromium on this machine (Debian's package of that name)"
_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
)
_PATIENCE_S: Final = 60.0


class Rendered(NamedTuple):
    """The document after its scripts, if it has any, and all that the browser said."""

    document: str
    log: str


async def rendered(url: str, *, scripts_ms: int = 0) -> Rendered | None:
    """What Chromium makes of a page, after its scripts had so much of their own time; None without one."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    with tempfile.TemporaryDirectory() as profile:
        browser = await asyncio.create_subprocess_exec(
            chromium,
            *_OPTIONS,
            f"--user-data-dir={profile}",
            "--enable-logging=stderr",
            *([f"--virtual-time-budget={scripts_ms}"] if scripts_ms else []),
            "--dump-dom",
            url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            document, log = await asyncio.wait_for(browser.communicate(), _PATIENCE_S)
        finally:
            if browser.returncode is None:
                browser.kill()
                await browser.wait()
    return Rendered(document.decode(), log.decode(errors="replace"))
