"""What is wrong with a form that was sent: which input each fault is about, and what the form held. Pure.

Every form that is sent is shown again when it is refused: with what was filled in, with each fault next to
its input, and with a summary of them on top, whose lines lead to the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jinja2 import pass_context
from jinja2.runtime import Context

from worker.console.forms import SentForm


class FormFault(NamedTuple):
    """One thing that is wrong: ``name`` is that of the input, ``row`` its place among those of that name."""

    words: str
    name: str | None = None
    row: int = 0


class ChangeFault(NamedTuple):
    """What is wrong with a mapping, in words; the field, or the bookmaker's market, that it is about."""

    words: str
    field: str | None = None
    market: tuple[str, str] | None = None


class RefusedForm(NamedTuple):
    """A form that was refused: its address, what was sent, and why."""

    action: str
    sent: SentForm
    sentence: str
    faults: Sequence[FormFault]
    status: int = 400

    def link_of(self, fault: FormFault) -> str:
        """The id of the input that a fault is about; empty for one that is about none."""
        return "" if fault.name is None else input_id(self.action, fault.name, fault.row)


class FormState:
    """One form of a page: what its inputs hold, and what is wrong with each if it was refused.

    ``same`` are fields by which one of several forms of the same address is known.
    """

    def __init__(
        self,
        action: str,
        refused: RefusedForm | None = None,
        same: Mapping[str, object] | None = None,
    ) -> None:
        self._action = action
        self._same = same or {}
        is_mine = (
            refused is not None
            and refused.action == action
            and all(refused.sent.get(name) == str(value) for name, value in self._same.items())
        )
        self._refused = refused if is_mine else None
        self._words: dict[tuple[str | None, int], list[str]] = {}
        for one in () if self._refused is None else self._refused.faults:
            self._words.setdefault((one.name, one.row), []).append(one.words)

    def id(self, name: str, row: int = 0) -> str:
        """The id of an input. Of several forms of one address, the one that was refused has the plain ids."""
        others = "" if self._refused or not self._same else "-".join(map(str, self._same.values()))
        return input_id(self._action, name, row) + (f"-of-{others}" if others else "")

    def value(self, name: str, otherwise: object = "") -> object:
        """The text of an input: as it was sent, or as the page has it."""
        sent = [] if self._refused is None else self._refused.sent.all(name)
        return sent[0] if sent else otherwise

    def holds(self, name: str, value: str, *, otherwise: bool = False) -> bool:
        """Whether a box is ticked, or a choice made."""
        return otherwise if self._refused is None else value in self._refused.sent.all(name)

    def faults(self, name: str, row: int = 0) -> list[str]:
        """What is wrong with an input."""
        return self._words.get((name, row), [])

    def has_faults(self, *beginnings: str) -> bool:
        """Whether an input is at fault whose name begins so."""
        listed = () if self._refused is None else self._refused.faults
        return any((one.name or "").startswith(beginnings) for one in listed)


def input_id(action: str, name: str, row: int = 0) -> str:
    """The id of an input on its page."""
    form = action.strip("/").replace("/", "-").replace("?", "-")
    return f"{form}-{name}" + (f"-{row}" if row else "")


@pass_context
def form_state(context: Context, action: str, **same: object) -> FormState:
    """The state of the form of this address, for a template."""
    return FormState(action, context.get("refused"), same)
