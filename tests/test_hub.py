"""The Hub's real client against a server on the loopback interface: caching, revisions, and every fault."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_process import REPO, Client, outcome, sentence
from hub_server import Files, HubServer

from rfr_core.checkpoints.loading import load_network
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.network.rfr_net import RFRNet


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    return save_pretrained(RFRNet(RFRConfig(width=8, norm="group")), tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def files(checkpoint: Path) -> Files:
    return {path.name: path.read_bytes() for path in checkpoint.iterdir()}


class Patient:
    """Clients that try again for half a minute, because their Hub fails or is gone."""

    def __init__(self, folder: Path, failing: str, gone: str) -> None:
        self.gone = gone
        self.processes = [Client(url, folder / str(i)).start() for i, url in enumerate((failing, gone))]


@pytest.fixture(scope="module", autouse=True)
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """Started first and asked last."""
    with HubServer() as failing, socket.socket() as deaf:
        failing.status = 500
        deaf.bind(("127.0.0.1", 0))  # and never listens
        yield Patient(tmp_path_factory.mktemp("patient"), failing.url, f"http://127.0.0.1:{deaf.getsockname()[1]}")


@pytest.fixture
def client(hub: HubServer, tmp_path: Path) -> Client:
    return Client(hub.url, tmp_path / "home")


def content(result: dict[str, Any]) -> list[bytes]:
    return [Path(path).read_bytes() for path in result["paths"]]


def test_the_first_time_is_a_download_and_the_second_is_not(hub: HubServer, client: Client, files: Files) -> None:
    hub.add(REPO, files)
    expected = [files["config.json"], files["model.safetensors"]]
    assert content(client()) == expected
    assert len(hub.asked("GET")) == 2
    assert content(client()) == expected
    assert hub.asked("GET") == []


def test_a_network_is_loaded_from_the_hub(hub: HubServer, client: Client, files: Files, checkpoint: Path) -> None:
    hub.add(REPO, files)
    expected = float(sum(value.double().sum() for value in load_network(checkpoint).state_dict().values()))
    client()
    assert client("load", env={"HF_HUB_OFFLINE": "1"}) == {"sum": expected}


def test_a_moved_branch_is_fetched_anew_and_a_pinned_commit_is_not(
    hub: HubServer, client: Client, files: Files
) -> None:
    repository = hub.add(REPO, files)
    first = repository.refs["main"]
    old = client()
    newer = files | {"model.safetensors": files["model.safetensors"] + b" "}
    repository.commit(newer)
    repository.refs["v1"] = first
    new = client()
    assert content(new)[1] == newer["model.safetensors"]
    assert content(old)[1] == files["model.safetensors"]
    hub.asked("GET")
    assert client(revision=first) == old
    assert hub.asked("GET", "HEAD") == []
    assert client(revision="v1") == old
    assert hub.asked("GET") == []


def test_both_files_are_of_one_commit(hub: HubServer, client: Client, files: Files) -> None:
    repository = hub.add(REPO, files)
    pinned = repository.refs["main"]
    client()
    hub_paths = [path for _, path, _ in hub.requests]
    assert any(f"/resolve/{pinned}/model.safetensors" in path for path in hub_paths)


def test_the_cache_serves_while_the_hub_is_away(hub: HubServer, client: Client, files: Files) -> None:
    hub.add(REPO, files)
    first = client()
    hub.requests.clear()
    assert client(env={"HF_HUB_OFFLINE": "1"}) == first
    assert client(local_files_only=True) == first
    assert hub.requests == []
    hub.status = 503
    assert client() == first
    hub.__exit__()
    assert client() == first


def test_a_guarded_repository_opens_to_its_token(hub: HubServer, client: Client, files: Files) -> None:
    repository = hub.add(REPO, files)
    repository.token = "hf_secret"
    assert f"no repository {REPO}" in client.refused()
    repository.gated = True
    assert f"{REPO} is gated" in client.refused()
    assert content(client(env={"HF_TOKEN": "hf_secret"}))[0] == files["config.json"]


def test_what_is_not_there_is_said(hub: HubServer, client: Client, files: Files) -> None:
    assert f"no repository {REPO} at {hub.url}" in client.refused()
    hub.add(REPO, {"config.json": files["config.json"]})
    assert f"{REPO} has no revision v9" in client.refused(revision="v9")
    assert f"{REPO} at revision main has no model.safetensors" in client.refused()
    assert "model.safetensors" not in client.cached()
    hub.requests.clear()
    assert "is no revision" in client.refused(revision="../../main")
    assert "is no repository's name" in client.refused(source="owner/a--b")
    assert hub.asked("HEAD", "GET") == []


@pytest.mark.parametrize("how", ["HF_HUB_OFFLINE", "local_files_only"])
def test_offline_without_a_cache_is_said(how: str, hub: HubServer, client: Client, files: Files) -> None:
    hub.add(REPO, files)
    offline = {"env": {how: "1"}} if how.isupper() else {how: True}
    assert "is not in the cache and the network is switched off" in client.refused(**offline)
    assert hub.requests == []


def test_refusals_of_the_hub_are_said(hub: HubServer, client: Client) -> None:
    hub.status = 403
    assert f"refuses access to {REPO} (403)" in client.refused()
    hub.status = 200
    assert "does not answer as a Hub does" in client.refused()


def test_a_connection_cut_in_mid_file_is_resumed(hub: HubServer, client: Client, tmp_path: Path) -> None:
    large = save_pretrained(RFRNet(RFRConfig(width=24, norm="group")), tmp_path / "large")  # 17 MB; the client's
    files = {path.name: path.read_bytes() for path in large.iterdir()}  # pieces have 10
    hub.add(REPO, files)
    hub.cut_at, hub.cuts = 12 << 20, 1
    result = client()
    if "error" in result:  # older clients leave it to their user to ask again
        assert "broke off" in sentence(result)
        result = client()
    assert content(result)[1] == files["model.safetensors"]
    model_ranges = [asked for method, path, asked in hub.requests if method == "GET" and path.endswith("safetensors")]
    assert model_ranges[0] is None
    assert model_ranges[1] is not None
    assert len(model_ranges) == 2


def test_a_connection_that_is_cut_every_time_leaves_nothing(hub: HubServer, client: Client, files: Files) -> None:
    hub.add(REPO, files)
    hub.cut_at, hub.cuts = 1000, 1000
    assert f"broke off at model.safetensors of {REPO}" in client.refused()
    assert client.cached() == sorted(["config.json", *blobs(client)])
    assert len(blobs(client)) == 1
    hub.cuts = 0
    assert content(client())[1] == files["model.safetensors"]


def test_a_file_of_the_wrong_size_leaves_nothing(hub: HubServer, client: Client, files: Files) -> None:
    hub.add(REPO, files)
    hub.announced = len(files["model.safetensors"]) + 1
    assert "arrived with another size than announced" in client.refused()
    assert len(blobs(client)) == 1
    hub.announced = None
    assert content(client())[1] == files["model.safetensors"]


def blobs(client: Client) -> list[str]:
    return [path.name for path in client.home.rglob("blobs/*") if path.suffix != ".incomplete"]


class Payload:
    """What a poisoned pickle does when it is loaded: it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_poisoned_pickle_is_never_run(hub: HubServer, client: Client, files: Files, tmp_path: Path) -> None:
    poison = pickle.dumps(Payload(tmp_path / "ran"))
    pickle.loads(poison)
    assert (tmp_path / "ran").exists()  # the payload is live
    (tmp_path / "ran").unlink()
    only_pickles = {"config.json": files["config.json"], "pytorch_model.bin": poison, "model.pth": poison}
    repository = hub.add(REPO, only_pickles)
    assert "has no model.safetensors" in client.refused()
    repository.commit({"config.json": files["config.json"], "model.safetensors": poison})
    assert "model.safetensors is no checkpoint" in client.refused("load")
    assert not (tmp_path / "ran").exists()
    assert not any(path.endswith((".bin", ".pth")) for path in hub.asked("GET"))


def test_a_checkpoint_is_pushed_and_comes_back(hub: HubServer, client: Client, files: Files, checkpoint: Path) -> None:
    token = {"HF_TOKEN": "hf_secret"}
    (checkpoint / "notes.txt").write_text("not part of a checkpoint")
    pushed = client("push", env=token, folder=str(checkpoint), repo_id="owner/new")
    repository = hub.repositories["owner/new"]
    commit = repository.refs["main"]
    assert pushed["address"] == f"{hub.url}/owner/new/commit/{commit}"
    assert repository.commits[commit] == files
    assert content(client(source="owner/new")) == [files["config.json"], files["model.safetensors"]]


def test_refused_uploads_are_said(hub: HubServer, client: Client, files: Files, checkpoint: Path) -> None:
    repository = hub.add(REPO, files)
    before = dict(repository.refs)
    upload = {"folder": str(checkpoint), "repo_id": REPO}
    token = {"HF_TOKEN": "hf_secret"}
    assert f"{REPO} has no revision v9" in client.refused("upload", env=token, revision="v9", **upload)
    assert f"refuses access to {REPO} (401)" in client.refused("upload", revision=None, **upload)
    assert repository.refs == before


def test_a_hub_that_fails_or_is_gone_is_said(patient: Patient) -> None:
    failing, gone = map(outcome, patient.processes)
    assert f"answered 500 when asked for {REPO}" in sentence(failing)
    assert f"{patient.gone} cannot be reached" in sentence(gone)


def test_files_in_a_sub_folder_come_from_one_commit(hub: HubServer, files: Files, tmp_path: Path) -> None:
    hub.add(REPO, {f"small/{name}": content for name, content in files.items()})
    names = ["small/config.json", "small/model.safetensors"]
    paths = [Path(path) for path in Client(hub.url, tmp_path)(names=names)["paths"]]
    assert [path.parent.name for path in paths] == ["small", "small"]
    assert paths[0].parents[1] == paths[1].parents[1]
