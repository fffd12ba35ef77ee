import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from tests.unit.schemas.test_raw_reply import BET9JA, BETPAWA, SPORTYBET
from worker.cli.main import app


def run(*arguments: str, stdin: object = None) -> Result:
    text = None if stdin is None else json.dumps(stdin)
    return CliRunner().invoke(app, ["wrap", *arguments], input=text, env={"COLUMNS": "200"})


def saved(folder: Path, name: str, reply: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(reply, indent=2), encoding="utf-8")
    return str(path)


def test_replies_become_observations_one_a_line(tmp_path: Path) -> None:
    files = [
        saved(tmp_path, f"{n}.json", reply) for n, reply in enumerate([SPORTYBET, BETPAWA, BET9JA])
    ]
    result = run(*files, "--observed-at", "2026-05-05T12:00:00Z", "--scrape-id", "s")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["platform"] for line in lines] == ["sportybet", "betpawa", "bet9ja"]
    assert {(line["observed_at"], line["scrape_id"]) for line in lines} == {
        ("2026-05-05T12:00:00Z", "s")
    }


def test_what_it_prints_is_valid() -> None:
    wrapped = run("-", stdin=BETPAWA).stdout
    judged = CliRunner().invoke(app, ["validate", "-"], input=wrapped)
    assert (judged.exit_code, "1 observation without fault" in judged.stdout) == (0, True)


def test_a_reply_whose_observation_would_be_refused_says_which_field() -> None:
    result = run("-", stdin=BETPAWA | {"id": "x" * 1000})
    assert (result.exit_code, result.stdout) == (1, "")
    assert "event.id" in result.stderr
    assert len(result.stderr) < 500


def test_a_reply_that_is_none_is_named_and_costs_no_other(tmp_path: Path) -> None:
    bad = saved(tmp_path, "bad.json", {"R": "E", "D": False})
    good = saved(tmp_path, "good.json", BET9JA)
    result = run(bad, good)
    assert result.exit_code == 1
    assert "bad.json: Bet9ja holds no event here" in result.stderr
    assert json.loads(result.stdout)["platform"] == "bet9ja"


def test_a_file_that_is_no_json_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text("<html>", encoding="utf-8")
    result = run(str(path))
    assert (result.exit_code, "page.json: this is not JSON" in result.stderr) == (1, True)


def test_what_is_an_observation_already_is_not_wrapped_again(tmp_path: Path) -> None:
    """Neither one of them nor the file of several that `wrap` itself has printed."""
    replies = [saved(tmp_path, f"{n}.json", reply) for n, reply in enumerate([SPORTYBET, BETPAWA])]
    wrapped = run(*replies).stdout
    for text in (wrapped, wrapped.splitlines()[0]):
        file = tmp_path / "wrapped.json"
        file.write_text(text, encoding="utf-8")
        result = run(str(file))
        assert (result.exit_code, result.stdout) == (1, "")
        assert "wrapped.json: this is an observation already: publish it as it is" in result.stderr


def test_several_replies_in_one_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "replies.json"
    path.write_text(f"{json.dumps(BETPAWA)}\n{json.dumps(BET9JA)}\n", encoding="utf-8")
    result = run(str(path))
    assert (result.exit_code, "pass each reply in a file of its own" in result.stderr) == (1, True)


def test_a_wrong_option_is_wrong_usage() -> None:
    for option, value in [
        ("--platform", "bet365"),
        ("--zone", "Lagos/Africa"),
        ("--observed-at", "2026-05-05 12:00"),
    ]:
        result = run("-", option, value, stdin=BETPAWA)
        assert (result.exit_code, option in result.stderr) == (2, True)
