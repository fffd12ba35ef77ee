from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from worker.cli.main import app
from worker.lab.bench.contention import Contention
from worker.lab.bench.document import MarkersMissingError, renewed
from worker.lab.bench.figures import TARGETS, Spread, reached, spread
from worker.lab.bench.grids import as_markdown, comparison, shown, targets
from worker.lab.bench.insight import InsightCost, InsightStage
from worker.lab.bench.latency import Latency
from worker.lab.bench.report import BenchReport
from worker.lab.bench.scaling import Point, Scaling
from worker.lab.bench.snapshot import SnapshotCost
from worker.lab.bench.trial import Trial

SVG = "{http://www.w3.org/2000/svg}"


def trial(workload: str = "scrape", contestant: str = "worker", **values: Any) -> Trial:
    usual: dict[str, Any] = dict.fromkeys(Trial._fields, 0) | {
        "processes": 1,
        "messages": 1000,
        "markets": 10_000,
        "seconds": 2.0,
        "cpu_s": 1.0,
        "faults": [],
    }
    return Trial(**usual | {"workload": workload, "contestant": contestant} | values)


def scaling() -> Scaling:
    return Scaling(
        processes=[Point("4", size, spread([100.0 * size])) for size in (1, 2, 4)],
        mappings=[Point("resolver", size, spread([2.0])) for size in (130, 1_000_000)],
        markets=[Point("worker", size, spread([9.0 / size])) for size in (1, 10)],
        contention=[Contention(4, 390, (100, 200), [9.0] * 400, [1.5, 2.5], 0)],
    )


SNAPSHOT = [
    SnapshotCost(12_000, seconds, 6.0, 3.0, 150.0, 50 * 2**20, 48 * 2**20, 10 * 2**20, 4.0)
    for seconds in (8.0, 12.0, 10.0)
]
STAGES = [
    InsightStage("it leads", 170.0, 171.0, 3.0, 2.0),
    InsightStage("the next scrape is read and judged", 280.0, 300.0, 60.0, 24.0),
]
INSIGHT = [InsightCost(5000, STAGES, 200, 921, 379, 2)]
LATENCY = [Latency(0.3, 90.0, 1300, 8.0, 40.0, 70.0)]


def test_a_figure_shows_its_spread_where_there_is_one() -> None:
    assert shown(spread([3.0, 1.0, 2.0]), 1) == "2.0 (1.0 to 3.0)"
    assert shown(Spread(1200.0, 1200.0, 1200.0)) == "1,200"


def test_a_target_is_the_median_of_the_ratios_of_each_round() -> None:
    seconds = [(1.0, 2.0), (4.0, 4.0), (1.0, 3.0)]  # of ours and theirs, in three rounds
    runs = [trial(seconds=ours) for ours, _ in seconds]
    runs += [trial(contestant="json", seconds=theirs) for _, theirs in seconds]
    assert reached(TARGETS[0], runs) == Spread(2.0, 1.0, 3.0)


def test_a_target_whose_contestant_did_not_run_or_was_wrong_is_left_out() -> None:
    assert targets([trial()]).rows == []
    assert targets([trial(), trial(contestant="json", faults=["a byte"])]).rows == []


def test_what_is_reached_is_held_against_the_target() -> None:
    slow = [trial(seconds=2.2), trial(contestant="json", seconds=2.0, cpu_s=1.2)]
    assert [row[-1] for row in targets(slow).rows] == ["no", "yes"]


def test_a_wrong_run_shows_no_figures() -> None:
    row = comparison([trial(), trial(faults=["one label"])]).rows[0]
    assert row[2] == "WRONG"
    assert set(row[3:]) == {""}


def test_a_table_has_a_rule_and_a_row_for_each_contestant() -> None:
    lines = as_markdown(comparison([trial(), trial(contestant="json")])).splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("| --- | --- | ---: |")


def test_the_wrong_runs_are_told_with_what_is_wrong() -> None:
    report = BenchReport({}, [trial(), trial(contestant="json", faults=["a byte"])])
    assert report.faults == ["scrape, json: a byte"]


def test_a_report_is_json() -> None:
    report = BenchReport({"date": "2026-11-23"}, [trial()], scaling(), LATENCY, SNAPSHOT)
    document = json.loads(json.dumps(report.as_json()))
    assert document["trials"][0]["messages"] == 1000
    assert document["scaling"]["processes"][0]["value"]["median"] == 100.0
    assert document["latency"][0]["p99_ms"] == 40.0
    assert document["snapshot"][0]["messages"] == 12_000


def test_the_cost_of_the_newest_odds_is_a_rate_a_memory_and_what_compaction_leaves() -> None:
    (grid,) = BenchReport({}, snapshot=SNAPSHOT).grids()
    figures = {row[0]: row[1] for row in grid.rows}
    assert figures["messages/s of one process"] == "1,200 (1,000 to 1,500)"
    assert figures["CPU us"] == "500"
    assert figures["peak MiB"] == "150"
    assert figures["the same, compacted, MiB"] == "10.0"


def test_the_cost_of_insight_is_a_memory_by_stage_and_a_share_of_a_core() -> None:
    report = BenchReport({}, insight=INSIGHT)
    (grid,) = report.grids()
    figures = {row[0]: row[1] for row in grid.rows}
    assert figures["observations in a scrape"] == "5,000"
    assert figures["it leads: MiB"] == "170"
    assert figures["the next scrape is read and judged: CPU s"] == "24.0"
    assert figures["peak MiB"] == "300"
    assert figures["of a core, at a scrape in five minutes, %"] == "8.0"
    assert report.as_json()["insight"][0]["stages"][1]["seconds"] == 60.0
    assert list(report.document_parts("performance")) == ["insight"]


def test_a_wait_is_told_over_those_who_waited_and_over_all() -> None:
    found = Contention(4, 390, None, [9.0] * 400, [1.5, 2.5], 0)
    assert (found.p99_ms, found.p99_wait_ms, found.p99_wait_of_all_ms) == (9.0, 1.5, 0.0)


def test_every_part_has_its_place_in_a_document() -> None:
    report = BenchReport({"date": "2026-11-23"}, [trial()], scaling(), LATENCY, SNAPSHOT)
    parts = report.document_parts("performance")
    places = "\n".join(f"<!-- bench:{name} -->old<!-- /bench:{name} -->" for name in parts)
    document = renewed(f"before\n{places}\nafter", parts)
    assert list(parts) == ["table", "scaling", "latency", "snapshot"]
    assert "old" not in document
    assert document.startswith("before")
    assert document.endswith("after")
    assert "(performance.svg)" in document
    assert renewed(document, parts) == document


def test_a_document_without_a_place_for_a_part_is_refused() -> None:
    with pytest.raises(MarkersMissingError, match="no place for table"):
        renewed("text", {"table": "figures"})


def test_a_part_that_was_not_measured_stays_as_it_was() -> None:
    document = "<!-- bench:table -->old<!-- /bench:table -->"
    assert renewed(document, BenchReport({}).document_parts("performance")) == document


def test_pictures_are_svg_whose_bars_are_to_scale() -> None:
    fast, slow = trial(seconds=1.0), trial(contestant="json", seconds=2.0)
    pictures = BenchReport({}, [fast, slow], scaling()).pictures("performance")
    assert list(pictures) == ["performance.svg", "performance-scaling.svg"]
    boxes = ET.fromstring(pictures["performance.svg"]).findall(f"{SVG}rect")[1:]  # noqa: S314  # our own
    widths = [float(box.attrib["width"]) for box in boxes]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.01)


def test_curves_stay_inside_their_picture() -> None:
    picture = BenchReport({}, scaling=scaling()).pictures("performance")["performance-scaling.svg"]
    root = ET.fromstring(picture)  # noqa: S314  # our own
    height = float(root.attrib["height"])
    points = root.findall(f"{SVG}circle")
    assert len(points) == 7
    assert all(0 <= float(point.attrib["cy"]) <= height for point in points)


def test_a_document_without_a_place_is_wrong_usage_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    document = tmp_path / "performance.md"
    document.write_text("<!-- bench:table -->\n<!-- /bench:table -->")
    outcome = CliRunner().invoke(app, ["bench", "--latency", "--document", str(document)])
    assert outcome.exit_code == 2
    assert "no place for latency" in outcome.output.replace("\n", " ")


@pytest.mark.parametrize("option", ["--workload", "--contestant"])
def test_a_name_that_is_not_there_is_wrong_usage(option: str) -> None:
    outcome = CliRunner().invoke(app, ["bench", option, "tiny"])
    assert outcome.exit_code == 2
    assert f"{option} tiny is not one of" in outcome.output
