"""``rfr push``: folders of model repositories and Spaces, and their upload to a server on the loopback interface."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hub_process import Client
from hub_server import HubServer
from huggingface_hub import ModelCard
from PIL import Image

from rfr_core.checkpoints.loading import load_network
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.command.push import make_repository, repository_files
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError
from rfr_core.network.rfr_net import RFRNet

CARD = """---
license: mit
---
# tiny

An intro.

## Data

None.

## Scores

| holes | tiny PSNR / SSIM / LPIPS | Telea |
|---|---|---|
| 00-10 | 34.10 / .9743 / **.0117** | 32.57 / .9696 / .0300 |
| object | **25.89** / .9023 / .0595 | 24.36 / .8959 / .1062 |

## Limits

Many.
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    network = RFRNet(RFRConfig(width=8, norm="group"))
    return save_pretrained(network, tmp_path_factory.mktemp("tiny"), card=CARD, dtype=torch.float16)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / "a.jpg")
    mask = Image.new("L", (64, 64))
    mask.paste(255, (20, 20, 30, 30))
    mask.save(folder / "a_mask.png")
    (folder / "README.md").write_text('| `a.jpg` | `a_mask.png` | a spot | "A" by somebody, CC0 |\n')
    return folder


def test_the_folder_is_a_whole_model_repository(checkpoint: Path, examples: Path, tmp_path: Path) -> None:
    assert make_repository(str(checkpoint), "owner/tiny", tmp_path, examples=examples) == []
    shown = [f"examples/{name}_{kind}.jpg" for name in ("a", "failure") for kind in ("filled", "hole")]
    assert repository_files(tmp_path) == ["README.md", "config.json", *shown, "model.safetensors", "thumbnail.jpg"]
    assert (tmp_path / "model.safetensors").read_bytes() == (checkpoint / "model.safetensors").read_bytes()
    load_network(tmp_path)
    card: Any = ModelCard.load(tmp_path / "README.md")
    assert (card.data.license, card.data.library_name, card.data.pipeline_tag) == (
        "mit",
        "rfr-inpainting",
        "image-to-image",
    )
    assert "arxiv:2008.03737" in card.data.tags
    assert card.data.thumbnail.endswith("/owner/tiny/resolve/main/thumbnail.jpg")
    scores = {(result.dataset_name, result.metric_type): result.metric_value for result in card.data.eval_results}
    assert scores["Held-out photographs, holes of 00-10 %", "lpips"] == 0.0117
    assert scores["Held-out photographs, object holes", "psnr"] == 25.89
    assert len(scores) == 6
    assert 'Inpainter.from_pretrained("owner/tiny")' in card.text
    assert "is a failure" in card.text
    assert '"A" by somebody, CC0' in card.text


def test_what_the_card_lacks_is_said(checkpoint: Path, tmp_path: Path) -> None:
    bare = save_pretrained(load_network(checkpoint), tmp_path / "bare")
    missing = make_repository(str(bare), "owner/tiny", tmp_path / "out", examples=tmp_path / "none")
    assert len(missing) == 5
    assert any("licence" in sentence for sentence in missing)


def test_a_folder_that_is_not_empty_is_refused(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="not empty"):
        make_repository(str(checkpoint), "owner/tiny", checkpoint)


@pytest.mark.parametrize(("model", "option"), [("lite", []), ("owner/tiny", ["--model", "owner/tiny"])])
def test_a_space_starts_the_page(model: str, option: list[str], tmp_path: Path) -> None:
    assert make_repository(model, "owner/remove-things", tmp_path, space=True) == []
    assert repository_files(tmp_path) == ["README.md", "app.py", "requirements.txt"]
    words = [
        node.value for node in ast.walk(ast.parse((tmp_path / "app.py").read_text())) if isinstance(node, ast.Constant)
    ]
    assert all(word in words for word in ["--host", "0.0.0.0", *option])
    card: Any = ModelCard.load(tmp_path / "README.md")
    assert (card.data.sdk, card.data.app_file) == ("gradio", "app.py")
    assert "rfr-inpainting[demo]==" in (tmp_path / "requirements.txt").read_text()


def test_a_space_for_a_local_checkpoint_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="owner/name"):
        make_repository(str(checkpoint), "owner/space", tmp_path, space=True)


def test_both_arrive_at_a_hub(checkpoint: Path, examples: Path, tmp_path: Path) -> None:
    with HubServer() as hub:
        client = Client(hub.url, tmp_path)
        token = {"HF_TOKEN": "hf_secret"}
        model = client(
            "push_repository", env=token, checkpoint=str(checkpoint), repo_id="owner/tiny", examples=str(examples)
        )
        assert model["missing"] == []
        space = client("push_repository", env=token, checkpoint="owner/tiny", repo_id="owner/page", space=True)
        assert "owner/page" in space["address"]
        files = {name: repository.commits[repository.refs["main"]] for name, repository in hub.repositories.items()}
        assert files["owner/tiny"]["model.safetensors"] == (checkpoint / "model.safetensors").read_bytes()
        assert "examples/failure_filled.jpg" in files["owner/tiny"]
        assert sorted(files["owner/page"]) == ["README.md", "app.py", "requirements.txt"]
        loaded = client("load", source="owner/tiny")
        assert "sum" in loaded
