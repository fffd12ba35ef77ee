"""Publish observations from files, one a line or one a file. The brokers are named by the environment."""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from . import Observation, observation_key
from .access import KafkaAccess, access_of
from .connecting import producer, translated
from .errors import ClientError
from .running import run


async def publish(
    observations: Iterable[Observation], brokers: KafkaAccess | str | None = None
) -> None:
    """Send the observations to the topics of their platforms; return when all are acknowledged.

    ``brokers``: addresses, or all of the access; by default the environment says both. Raises ClientError.
    """
    access = access_of(brokers)
    waiting = list(observations)
    topics = {each.platform: access.topic(f"observations.{each.platform}") for each in waiting}
    async with producer(access, topics.values()) as client:
        with translated(access):
            acknowledgements = [
                await client.send(
                    topics[each.platform], each.model_dump_json().encode(), observation_key(each)
                )
                for each in waiting
            ]
            await asyncio.gather(*acknowledgements)


def read(file: Path) -> Iterator[Observation]:
    """Yield the observations of a file, one a line, or one over many lines; ``-`` is the standard input.

    Raises ClientError, INPUT_INVALID, with the line and the field.
    """
    text = _text(file)
    if _is_one_document(text):
        yield _observation(str(file), text)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _observation(f"{file}, line {number}", line)


def read_reply(file: Path | str) -> Any:
    """Return the JSON document of a file, such as a bookmaker's reply; ``-`` is the standard input.

    Raises ClientError, INPUT_INVALID.
    """
    try:
        return json.loads(_text(Path(file)))
    except (ValueError, RecursionError) as error:
        raise ClientError(
            "INPUT_INVALID", f"{file} is not JSON ({error})", "save the reply as it came"
        ) from error


def _is_one_document(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _text(file: Path) -> str:
    is_input = str(file) == "-"
    try:
        content = sys.stdin.buffer.read() if is_input else file.read_bytes()
        return content.decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ClientError(
            "INPUT_INVALID", f"{file} cannot be read ({reason})", "name another file"
        ) from error


def _observation(where: str, line: str) -> Observation:
    try:
        return Observation.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, fault["loc"])) or "the document"
        raise ClientError(
            "INPUT_INVALID",
            f"{where}: {field}: {fault['msg']}",
            "`marketmap validate` says what to do",
        ) from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", metavar="HOST:PORT")
    parser.add_argument("--topic-prefix", help="put before the names of the topics")
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="- is the standard input"
    )
    run(_publish_files(parser.parse_args()))


async def _publish_files(options: argparse.Namespace) -> None:
    access = access_of(options.bootstrap_servers)
    if options.topic_prefix is not None:
        access = replace(access, topic_prefix=options.topic_prefix)
    observations = [each for file in options.files for each in read(file)]
    await publish(observations, access)
    for platform, number in sorted(Counter(each.platform for each in observations).items()):
        topic = access.topic(f"observations.{platform}")
        sys.stderr.write(f"publish: {number} sent to {topic} at {access.bootstrap_servers}\n")


if __name__ == "__main__":
    main()
