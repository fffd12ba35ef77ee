"""A form that was refused has what was sent and what is wrong; every other form of the page is as it was."""

import pytest

from worker.console.faults import FormFault, FormState, RefusedForm
from worker.console.forms import SentForm
from worker.console.rendering import templates

SENT = SentForm([("reason", " because <b>"), ("box", "yes"), ("rank", "2"), ("choice", "b")])
REFUSED = RefusedForm(
    "/case/accept",
    SENT,
    "Nothing was changed.",
    [FormFault("too short", "reason"), FormFault("no such box", "box"), FormFault("at all")],
)
INPUTS = {
    "text": """text(form, "reason", "The label", "as it was")""",
    "area": """area(form, "reason", "The label", "as it was")""",
    "secret": """secret(form, "reason", "The label")""",
    "choice": """choice(form, "reason", "The label", "a", ["a", "b"])""",
    "box": """box(form, "reason", "The label")""",
    "text_cell": """text_cell(form, "reason", "The label", 0, "as it was")""",
    "choice_cell": """choice_cell(form, "reason", "The label", 0, "a", ["a", "b"])""",
    "box_cell": """box_cell(form, "reason", "The label", 0, "a")""",
}


def shown(call: str, refused: RefusedForm | None) -> str:
    macro = call.partition("(")[0]
    source = (
        f'{{% from "fields.html" import {macro} %}}{{% set form = form_state("/case/accept") %}}'
    )
    return templates().from_string(f"{source}{{{{ {call} }}}}").render(refused=refused)


@pytest.mark.parametrize("kind", INPUTS)
def test_every_input_has_a_label_and_is_marked_with_what_is_wrong(kind: str) -> None:
    calm, marked = shown(INPUTS[kind], None), shown(INPUTS[kind], REFUSED)
    for one in (calm, marked):
        assert "The label" in one
        assert 'id="case-accept-reason"' in one
    assert "aria-invalid" not in calm
    assert 'aria-invalid="true"' in marked
    described = "refused" if kind == "box_cell" else "case-accept-reason-why"
    assert f'aria-describedby="{described}"' in marked
    assert ("too short" in marked) == (kind != "box_cell")


def test_what_was_sent_is_kept_and_never_markup() -> None:
    assert "because &lt;b&gt;" in shown(INPUTS["text"], REFUSED)
    assert "because &lt;b&gt;" in shown(INPUTS["area"], REFUSED)
    assert "because" not in shown(INPUTS["secret"], REFUSED)
    state = FormState("/case/accept", REFUSED)
    assert state.holds("box", "yes")
    assert not state.holds("other", "yes", otherwise=True)
    assert (state.value("choice", "a"), state.value("not sent", "a")) == ("b", "a")


def test_another_form_of_the_page_is_as_it_was() -> None:
    for other in (
        FormState("/case/decide", REFUSED),
        FormState("/case/accept", REFUSED, {"rank": 1}),
    ):
        assert other.faults("reason") == []
        assert other.value("reason", "as it was") == "as it was"
    assert FormState("/case/accept", REFUSED, {"rank": 2}).faults("reason") == ["too short"]


def test_forms_of_one_address_share_no_id_and_a_fault_leads_to_the_one_that_was_sent() -> None:
    states = [FormState("/case/accept", REFUSED, {"rank": rank}) for rank in (1, 2, 3)]
    ids = [one.id("reason") for one in states]
    assert len(set(ids)) == 3
    assert REFUSED.link_of(REFUSED.faults[0]) == ids[1]
    assert REFUSED.link_of(FormFault("at all")) == ""
