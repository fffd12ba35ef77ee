"""What the documents say of settings and metrics is what the code has."""

from worker.app.metrics import METRICS, RELAY_METRICS
from worker.app.settings_document import DOCUMENT, settings_document


def test_the_settings_document_is_the_one_that_the_settings_give() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == settings_document()


def test_the_runbook_lists_every_metric_with_its_sentence() -> None:
    rows = [f"| `{name}` | {sentence} |" for name, sentence in (METRICS | RELAY_METRICS).items()]
    runbook = (DOCUMENT.parent / "runbook.md").read_text(encoding="utf-8").splitlines()
    assert [row for row in runbook if row.startswith("| `marketmap_")] == rows
