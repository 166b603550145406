"""Repositories on a Hugging Face Hub, through its own client: names, downloads, uploads, and faults as one sentence.

Endpoint, cache, token and offline mode are the client's affair: ``HF_ENDPOINT``, ``HF_HOME``, ``HF_TOKEN`` and
``HF_HUB_OFFLINE`` work as its documentation says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from rfr_core.errors import CheckpointError

_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"

Result = TypeVar("Result")


def download(
    repo_id: str,
    names: Sequence[str],
    *,
    revision: str | None = None,
    local_files_only: bool = False,
    progress: type | None = None,
) -> list[Path]:
    """Files of one repository, all from one commit, from the cache or the Hub.

    Args:
        repo_id: ``owner/name``.
        names: paths inside the repository; small files first, since the first decides on the commit.
        revision: branch, tag or commit; ``None`` is the main branch.
        local_files_only: whether to look in the cache alone.
        progress: a class such as ``tqdm``, one instance of which follows each file; ``None`` is the client's own.

    Raises:
        CheckpointError: there is no such repository, revision or file, access is refused, the Hub cannot be reached
            and the cache lacks a file, the download broke off, or what arrived is not what was announced. The cache
            then holds no partial file.
    """
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise CheckpointError(f"{revision!r} is no revision; give a branch, a tag or a commit such as 'main'.")
    paths: list[Path] = []
    commit = revision
    for name in names:
        paths.append(_download_one(repo_id, name, commit, revision, local_files_only, progress))
        commit = _commit_of(paths[0], names[0])
    return paths


def upload(
    folder: Path,
    names: Sequence[str],
    repo_id: str,
    *,
    private: bool,
    revision: str | None,
    message: str,
    space: bool = False,
) -> str:
    """Puts files of a folder into a repository, which is made when there is none; returns the commit's address.

    space: whether the repository is a Gradio Space instead of a model.

    Raises:
        CheckpointError: access is refused, the revision does not exist, or the Hub cannot be reached.
    """

    def commit() -> str:
        api = HfApi()
        kind: dict[str, Any] = {"repo_type": "space", "space_sdk": "gradio"} if space else {"repo_type": "model"}
        api.create_repo(repo_id, private=private, exist_ok=True, **kind)
        info = api.upload_folder(
            repo_id=repo_id,
            repo_type=kind["repo_type"],
            folder_path=folder,
            allow_patterns=list(names),
            revision=revision,
            commit_message=message,
        )
        return str(info.commit_url)

    return _asking(commit, repo_id, revision)


def _commit_of(path: Path, name: str) -> str:
    """The commit of a cached file: the cache's folder of a snapshot, in which ``name`` lies, is named after it."""
    return path.parents[len(PurePosixPath(name).parts) - 1].name


def _download_one(
    repo_id: str, name: str, commit: str | None, revision: str | None, local_files_only: bool, progress: type | None
) -> Path:
    # Older clients take no progress bar of one's own and report to the console alone.
    takes_bar = progress is not None and "tqdm_class" in signature(hf_hub_download).parameters
    options: dict[str, Any] = {"tqdm_class": progress} if takes_bar else {}

    def fetch() -> Path:
        if not local_files_only:
            return _checked(Path(hf_hub_download(repo_id, name, revision=commit, **options)))
        # The client's own local_files_only may still ask the Hub for other things.
        cached = try_to_load_from_cache(repo_id, name, revision=commit)
        if not isinstance(cached, str):
            raise LocalEntryNotFoundError(name)
        return Path(cached)

    return _asking(fetch, repo_id, revision, name)


class _ChangedError(Exception):
    """What arrived is not what was announced."""


def _checked(path: Path) -> Path:
    """A file of the cache whose content is the one that the Hub announced, by the digest that its blob is named after.

    The client itself looks at the size alone. Raises _ChangedError, and drops the file, for another content.
    """
    blob = path.resolve()
    if _SHA256.fullmatch(blob.name):
        with blob.open("rb") as file:
            digest = hashlib.sha256()
            while part := file.read(1 << 20):
                digest.update(part)
        if digest.hexdigest() != blob.name:
            path.unlink()
            blob.unlink(missing_ok=True)
            raise _ChangedError
    return path


def _asking(request: Callable[[], Result], repo_id: str, revision: str | None, name: str = "file") -> Result:
    try:
        return request()
    except Exception as error:  # the client's own errors and those of whichever HTTP library it is built on
        raise CheckpointError(_sentence(error, repo_id, revision or "main", name)) from error


def _sentence(error: Exception, repo_id: str, revision: str, name: str) -> str:
    """What went wrong between us and the Hub; the order matters, since the client's errors are subclasses."""
    hub = constants.ENDPOINT
    if isinstance(error, HFValidationError):
        return f"{repo_id!r} is no repository's name; give owner/name, such as 'someone/rfr-paris'."
    if isinstance(error, GatedRepoError):
        return f"{repo_id} is gated at {hub}: accept its terms there, then {_LOG_IN}."
    if isinstance(error, RepositoryNotFoundError):
        return f"There is no repository {repo_id} at {hub}, or it is private: check its name, or {_LOG_IN}."
    if isinstance(error, RevisionNotFoundError):
        return f"{repo_id} has no revision {revision}; give a branch, a tag or a commit that it has."
    if isinstance(error, LocalEntryNotFoundError):
        return _unreachable(error.__cause__, repo_id, revision, name)
    if isinstance(error, EntryNotFoundError):
        return f"{repo_id} at revision {revision} has no {name}; give the name of a repository with a checkpoint."
    if isinstance(error, HfHubHTTPError):
        return _refused(error, repo_id)
    return _broken_off(error, repo_id, name)


def _unreachable(cause: BaseException | None, repo_id: str, revision: str, name: str) -> str:
    missing = f"{name} of {repo_id} at revision {revision} is not in the cache"
    if cause is None or isinstance(cause, OfflineModeIsEnabled):
        return f"{missing} and the network is switched off: fetch it once with `rfr pull {repo_id}`."
    if isinstance(cause, HfHubHTTPError):
        return _refused(cause, repo_id)
    if isinstance(cause, FileMetadataError):
        return f"{constants.ENDPOINT} does not answer as a Hub does: check HF_ENDPOINT and the proxy's settings."
    return f"{missing} and {constants.ENDPOINT} cannot be reached ({_brief(cause)}): check the connection."


def _refused(error: HfHubHTTPError, repo_id: str) -> str:
    status = getattr(error.response, "status_code", None)
    if status in (401, 403):
        return f"{constants.ENDPOINT} refuses access to {repo_id} ({status}): {_LOG_IN} with an account that has it."
    return f"{constants.ENDPOINT} answered {status} when asked for {repo_id}: try again later."


def _broken_off(error: Exception, repo_id: str, name: str) -> str:
    if isinstance(error, _ChangedError):
        return f"{name} of {repo_id} arrived with another content than announced and was dropped: try again."
    if "Consistency check failed" in str(error):
        return f"{name} of {repo_id} arrived with another size than announced and was dropped: try again later."
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} of {repo_id} cannot be stored in {constants.HF_HUB_CACHE}: {error.strerror or error}."
    return f"The connection to {constants.ENDPOINT} broke off at {name} of {repo_id} ({_brief(error)}): try again."


def _brief(error: BaseException) -> str:
    """The first line of an error's text, without its full stop; its class where there is no text."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
