"""`lovelace models …`: model files on this computer, shared by all homes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.errors import UserError

if TYPE_CHECKING:
    from app.agents.local.model_store import ModelFile

cli = group("Model files on this computer: the embedded model and your own GGUF files.")


@cli.command("list")
def list_models(context: typer.Context) -> None:
    """List the model files that are here."""
    from app.agents.local import model_store

    out = call_of(context).out
    models = model_store.list_models()
    if out.json:
        out.value([_to_json(model) for model in models])
    else:
        out.table(
            ["NAME", "SIZE", "SHA-256", "PATH"],
            ((model.name, f"{model.size / 1e9:.2f} GB", model.sha256[:12], str(model.path)) for model in models),
        )


@cli.command()
def get(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Without a name, the embedded model.")] = None,
) -> None:
    """Fetch a model and check it; nothing happens when it is here."""
    from app.agents.local import model_store

    call = call_of(context)
    model = model_store.known(name)
    with call.out.progress(f"Fetching {model.title}", model.size) as advance:
        path = model_store.ensure(model, lambda done, _total: advance(done))
    _print_one(call, next(found for found in model_store.list_models() if found.path == path))


@cli.command()
def add(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A GGUF file; it is copied.")],
) -> None:
    """Add a GGUF file of your own."""
    from app.agents.local import model_store

    call = call_of(context)
    size = path.stat().st_size if path.is_file() else None
    with call.out.progress(f"Copying {path.name}", size) as advance:
        model = model_store.add(path, lambda done, _total: advance(done))
    _print_one(call, model)


@cli.command()
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, or the beginning of a hash.")],
) -> None:
    """Delete a model file."""
    from app.agents.local import model_store

    call = call_of(context)
    if not call.confirm(f"Delete the model file '{name}' from this computer?"):
        raise UserError("Nothing was deleted.")
    model = model_store.remove(name)
    call.out.done([model.sha256], f"Deleted {model.name}.")


def _print_one(call: Call, model: ModelFile) -> None:
    if call.out.json:
        call.out.value(_to_json(model))
    else:
        call.out.line(str(model.path))


def _to_json(model: ModelFile) -> dict[str, Any]:
    return {
        "id": model.sha256,
        "name": model.name,
        "path": str(model.path),
        "size": model.size,
        "embedded": model.embedded,
    }
