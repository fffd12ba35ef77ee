"""`marketmap schemas`: the generated schemas of the messages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.export import BASELINE, GENERATED, broken, drifted, write
from schemas.reference import with_reference
from worker.cli.console import err, fail, out, print_json
from worker.cli.options import AsJson, DryRun

app = typer.Typer(
    name="schemas",
    help="Generate and check the JSON Schemas and the AsyncAPI document of the messages.",
    no_args_is_help=True,
)


def _shown(folder: Path) -> str:
    """The folder without the path of the checkout: the command reference is the same for everybody."""
    return f"schemas/{folder.name}"


@app.command()
def export(
    directory: Annotated[
        Path,
        typer.Option(
            "--out", help="Directory to write to.", file_okay=False, show_default=_shown(GENERATED)
        ),
    ] = GENERATED,
    docs: Annotated[
        Path | None, typer.Option(help="Markdown file whose tables are updated.", dir_okay=False)
    ] = None,
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write the schemas generated from the models.

    Example: marketmap schemas export --dry-run
    """
    changes = drifted(directory)
    renewed = _renewed(docs) if docs else None
    if docs and renewed is not None:
        changes.append(f"{docs.name}: the tables differ from what the models generate")
    if not dry_run:
        write(directory)
        if docs and renewed is not None:
            docs.write_text(renewed, encoding="utf-8")
    _report(
        {"out": str(directory), "dry_run": dry_run, "changes": changes}, changes, as_json=as_json
    )


@app.command()
def check(
    generated: Annotated[
        Path,
        typer.Option(
            help="Directory of the committed files.",
            exists=True,
            file_okay=False,
            show_default=_shown(GENERATED),
        ),
    ] = GENERATED,
    baseline: Annotated[
        Path,
        typer.Option(
            help="Directory of the schemas of the last release.",
            exists=True,
            file_okay=False,
            show_default=_shown(BASELINE),
        ),
    ] = BASELINE,
    *,
    as_json: AsJson = False,
) -> None:
    """Fail when a committed file differs from what is generated, or when a change breaks compatibility.

    Example: marketmap schemas check
    """
    drift, breaking = drifted(generated), broken(baseline)
    _report({"drift": drift, "breaking": breaking}, drift + breaking, as_json=as_json)
    if drift:
        err.print("Run `marketmap schemas export` and commit the result.")
    if drift or breaking:
        raise typer.Exit(1)


def _renewed(docs: Path) -> str | None:
    """Return the document with updated tables; None when they are up to date."""
    try:
        text = docs.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--docs {docs} cannot be read: {error}", code=2)
    try:
        renewed = with_reference(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--docs") from error
    return renewed if renewed != text else None


def _report(document: dict[str, object], lines: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)
    if not lines:
        err.print("Nothing differs.")
