"""Putting a model, or a Space with the page, on a Hub; or only making its folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rfr_core.checkpoints.loading import BUNDLED, check_repo_id, open_checkpoint
from rfr_core.command.model_repository import EXAMPLES, make_model_repository
from rfr_core.command.space_repository import make_space_repository
from rfr_core.errors import CheckpointError


def make_repository(
    checkpoint: str, repo_id: str, folder: Path, *, space: bool = False, examples: Path | None = None
) -> list[str]:
    """Makes the folder of a model repository, or of a Space; returns what it still lacks, sentence by sentence.

    Raises:
        CheckpointError: no such checkpoint, a name that is none, a Space for a checkpoint that is not on the Hub, or
            a folder that is not empty or cannot be written to.
    """
    check_repo_id(repo_id)
    if folder.exists() and any(folder.iterdir()):
        raise CheckpointError(f"{folder} is not empty; choose another folder.")
    try:
        if not space:
            return make_model_repository(open_checkpoint(checkpoint), repo_id, folder, examples or EXAMPLES)
        if checkpoint != BUNDLED:
            check_repo_id(checkpoint)
        make_space_repository(checkpoint, repo_id, folder)
        return []
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written to ({error.strerror}); choose another folder.") from error


def push(
    checkpoint: str, repo_id: str, *, space: bool = False, examples: Path | None = None, private: bool = False
) -> tuple[str, list[str]]:
    """Makes the repository and uploads it; returns the commit's address and what it still lacks.

    Raises:
        CheckpointError: as `make_repository`, or the Hub refuses or is not reached.
    """
    from rfr_core.hub import upload

    with tempfile.TemporaryDirectory(prefix="rfr-push-") as made:
        missing = make_repository(checkpoint, repo_id, Path(made), space=space, examples=examples)
        kind = "page" if space else "checkpoint"
        options = {"private": private, "revision": None, "message": f"Upload {kind}"}
        return upload(Path(made), repository_files(Path(made)), repo_id, space=space, **options), missing


def repository_files(folder: Path) -> list[str]:
    """Paths of a repository's files, as the Hub writes them."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
