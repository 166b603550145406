"""Checkpoints come back as they were saved, and whatever does not fit is refused in a sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from golden import empty_released_state, released_state
from safetensors.torch import load_file, save_file

from rfr_core.checkpoints.loading import load_network, open_checkpoint, read_safetensors
from rfr_core.checkpoints.recognize import holds_network, looks_like
from rfr_core.checkpoints.saving import convert_released, push_to_hub, save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError
from rfr_core.network.rfr_net import RFRNet

TINY = RFRConfig(width=8, norm="group", recurrences=3, attention_query="normalized")
FILES = ["README.md", "config.json", "model.safetensors"]


@pytest.fixture
def network() -> RFRNet:
    torch.manual_seed(1)
    return RFRNet(TINY).eval()


@pytest.fixture
def folder(network: RFRNet, tmp_path: Path) -> Path:
    return save_pretrained(network, tmp_path / "tiny")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(source: str | Path, **options) -> str:
    """The sentence that refuses a checkpoint."""
    with pytest.raises(CheckpointError) as caught:
        load_network(source, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """Replaces tensors of a saved model, or drops those that are None, and drops the metadata."""
    state = load_file(folder / "model.safetensors")
    state = {name: tensor for name, tensor in (state | changes).items() if tensor is not None}
    save_file(state, folder / "model.safetensors")


def edit_config(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# What was saved comes back


@pytest.mark.parametrize("config", [TINY, RFRConfig.paper(width=8), RFRConfig(width=8, attention=None, downsamples=2)])
def test_a_saved_network_comes_back_bit_for_bit(config: RFRConfig, tmp_path: Path) -> None:
    network = RFRNet(config).eval()
    save_pretrained(network, tmp_path / "a" / "b")
    loaded = load_network(tmp_path / "a" / "b")
    assert loaded.config == config
    assert not loaded.training
    image, known = torch.rand(1, 3, 40, 48), torch.ones(1, 1, 40, 48)
    known[..., 10:20, 10:30] = 0
    with torch.inference_mode():
        torch.testing.assert_close(loaded(image, known), network(image, known), rtol=0, atol=0)
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_the_weights_alone_are_a_checkpoint_too(network: RFRNet, folder: Path, tmp_path: Path) -> None:
    alone = (folder / "model.safetensors").rename(tmp_path / "alone.safetensors")
    for loaded in (read_safetensors(alone), load_network(str(alone))):
        assert loaded.config == TINY
        torch.testing.assert_close(loaded.state_dict(), network.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_formats_are_loaded_as_float32(dtype: torch.dtype, network: RFRNet, tmp_path: Path) -> None:
    save_pretrained(network, tmp_path, dtype=dtype)
    assert open_checkpoint(tmp_path).dtype == str(dtype).removeprefix("torch.")
    loaded = load_network(tmp_path)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    expected = {name: value.to(dtype).float() for name, value in network.state_dict().items()}
    torch.testing.assert_close(loaded.state_dict(), expected, rtol=0, atol=0)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_header_tells_what_a_checkpoint_is(network: RFRNet, folder: Path) -> None:
    checkpoint = open_checkpoint(str(folder))
    assert checkpoint.config == TINY
    assert checkpoint.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert checkpoint.dtype == "float32"
    assert checkpoint.size == (folder / "model.safetensors").stat().st_size
    assert open_checkpoint(folder / "model.safetensors") == checkpoint


def test_a_loaded_network_does_not_hang_on_its_file(folder: Path) -> None:
    loaded = load_network(folder)
    before = {name: value.clone() for name, value in loaded.state_dict().items()}
    path = folder / "model.safetensors"
    path.write_bytes(bytes(path.stat().st_size))
    torch.testing.assert_close(loaded.state_dict(), before, rtol=0, atol=0)


def test_saving_again_replaces_the_files_and_keeps_a_card(network: RFRNet, folder: Path) -> None:
    assert names(folder) == FILES
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name")
    assert "attention_query = normalized" in card
    (folder / "README.md").write_text("mine")
    with torch.no_grad():
        network.decoder.out.weight.add_(1)
    save_pretrained(network, folder)
    assert names(folder) == FILES
    assert (folder / "README.md").read_text() == "mine"
    torch.testing.assert_close(load_network(folder).state_dict(), network.state_dict(), rtol=0, atol=0)
    save_pretrained(network, folder, card="another")
    assert (folder / "README.md").read_text() == "another"


def test_what_exists_on_disk_wins_over_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent.parent)
    assert load_network(f"{folder.parent.name}/{folder.name}").config == TINY


def test_the_bundled_checkpoint_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rfr_core.hub.download", lambda *_, **__: pytest.fail("asked the Hub"))
    checkpoint = open_checkpoint()
    assert checkpoint == open_checkpoint("lite")
    assert checkpoint.dtype == "float16"
    assert checkpoint.size <= 16 << 20
    assert (checkpoint.path.parent / "README.md").is_file()
    network = load_network()
    assert network.config == checkpoint.config
    assert checkpoint.parameters == sum(parameter.numel() for parameter in network.parameters())


# Saving fails without a trace


def test_a_failed_save_leaves_the_older_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        save_pretrained(RFRNet(RFRConfig(width=16)), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == content


def test_a_save_that_broke_off_between_two_files_is_noticed(folder: Path) -> None:
    edit_config(folder, recurrences=4)
    assert "recurrences = 3" in refused(folder)


def test_values_that_are_not_finite_are_not_saved(network: RFRNet, tmp_path: Path) -> None:
    with torch.no_grad():
        network.decoder.out.weight[0, 0, 0, 0] = 1e6
    save_pretrained(network, tmp_path / "wide")
    with pytest.raises(CheckpointError, match=r"decoder\.out\.weight has values that are not finite in torch\.float16"):
        save_pretrained(network, tmp_path / "half", dtype=torch.float16)
    assert not (tmp_path / "half").exists()


def test_a_folder_that_cannot_be_made_is_refused(network: RFRNet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written to"):
        save_pretrained(network, tmp_path / "file")


# What does not fit is refused


def test_tensors_that_do_not_fit_are_refused(folder: Path) -> None:
    weight = load_file(folder / "model.safetensors")["decoder.out.weight"].clone()
    rewrite(folder, **{"decoder.out.weight": weight[:2].clone()})
    assert "decoder.out.weight has shape (2, 64, 3, 3), expected (3, 64, 3, 3)" in refused(folder)
    rewrite(folder, **{"decoder.out.weight": None})
    assert "lacks tensor decoder.out.weight" in refused(folder)
    rewrite(folder, **{"decoder.out.weight": weight, "surplus": weight.clone()})
    assert "holds the unknown tensor surplus" in refused(folder)
    rewrite(folder, **{"decoder.out.weight": weight.to(torch.int32), "surplus": None})
    assert "decoder.out.weight as I32" in refused(folder)
    rewrite(folder, **{"decoder.out.weight": weight * float("nan")})
    assert "decoder.out.weight holds values that are not finite" in refused(folder)
    rewrite(folder, **{"decoder.out.weight": weight})
    assert load_network(folder).config == TINY


def test_a_giant_configuration_costs_no_memory(folder: Path) -> None:
    rewrite(folder)
    edit_config(folder, width=512, channels=[4096, 4096, 4096])  # a network of 11 GB
    assert "has shape" in refused(folder)


def test_damaged_files_are_refused(folder: Path) -> None:
    model = folder / "model.safetensors"
    whole = model.read_bytes()
    header = 100 << 20
    damaged = {
        "empty": b"",
        "cut in the header": whole[:100],
        "cut in the data": whole[:-1],
        "too long": whole + b"0",
        "no JSON": whole[:8] + b"?" + whole[9:],
        "100-MB header": header.to_bytes(8, "little") + b"{" + b" " * 1000,
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    }
    for what, content in damaged.items():
        model.write_bytes(content)
        assert str(model) in refused(folder), what
    model.write_bytes(whole)
    assert load_network(folder).config == TINY


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"width": 12}', '{"width": "8"}', '{"depth": 3}', '{"width": NaN}', "[" * 50_000],
)
def test_a_bad_configuration_is_refused(text: str, folder: Path) -> None:
    (folder / "config.json").write_text(text)
    assert "config.json" in refused(folder)


def test_binary_or_giant_configurations_are_refused(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    assert "config.json" in refused(folder)
    (folder / "config.json").write_text("{}" + " " * 100_000)
    assert "config.json has 100002 bytes" in refused(folder)


def test_incomplete_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").unlink()
    assert "holds no config.json" in refused(folder)
    assert "holds no config.json" in refused(tmp_path)
    rewrite(folder)
    assert "holds no configuration" in refused(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(TINY.to_dict()))
    (folder / "model.safetensors").unlink()
    assert "holds no model.safetensors" in refused(folder)


@pytest.mark.parametrize(
    "source",
    [
        *("no-such", "./no/such", "../no/such", "/no/such", "~/no-such", "~nobody-here/x", "a/b/c", "a\\b", "", "x\0y"),
        *("models/none.safetensors", "models/none.pth", "x" * 5000, Path("owner/name")),
    ],
)
def test_a_source_that_is_nowhere_is_refused_without_asking_the_hub(
    source: str | Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rfr_core.hub.download", lambda *_, **__: pytest.fail("asked the Hub"))
    refused(source)


def test_addresses_are_refused() -> None:
    assert "is an address" in refused("https://huggingface.co/owner/name")


def test_a_revision_is_for_the_hub_alone(folder: Path) -> None:
    assert "leave revision out" in refused(folder, revision="main")


def test_pushing_needs_a_whole_checkpoint_and_a_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="give owner/name"):
        push_to_hub(folder, "only-a-name")
    with pytest.raises(CheckpointError, match="There is no folder"):
        push_to_hub(tmp_path / "none", "owner/name")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"holds no model\.safetensors"):
        push_to_hub(folder, "owner/name")


# Released files


@pytest.mark.parametrize("variant", ["standard", "small_hole"])
def test_released_files_are_converted(variant: str, tmp_path: Path) -> None:
    state = released_state(variant)
    torch.save({"n_iter": 3, "generator": state, "optimizer_G": {}}, tmp_path / "g.pth")
    convert_released(tmp_path / "g.pth", tmp_path / "out", dtype=torch.float16)
    assert names(tmp_path / "out") == FILES
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("---\nlicense: mit\n")
    assert "https://github.com/jingyuanli001/RFR-Inpainting" in card
    assert "`g.pth`" in card
    loaded = load_network(tmp_path / "out")
    assert loaded.config.kernel_size == (5 if variant == "small_hole" else 7)
    torch.testing.assert_close(loaded.decoder.out.weight, state["out.weight"].half().float(), rtol=0, atol=0)


def test_a_pickle_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "model.pth")
    assert "rfr convert" in refused(tmp_path / "model.pth")


class Payload:
    """What a poisoned pickle does when it is loaded: it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_poisoned_pickle_is_refused_and_does_not_run(zipped: bool, tmp_path: Path) -> None:
    content = {"generator": {"out.weight": torch.zeros(1)}, "extra": Payload(tmp_path / "ran")}
    torch.save(content, tmp_path / "poisoned.pth", _use_new_zipfile_serialization=zipped)
    call, arguments = Payload(tmp_path / "ran").__reduce__()
    call(*arguments)
    assert (tmp_path / "ran").exists()  # the payload is live
    (tmp_path / "ran").unlink()
    with pytest.raises(CheckpointError, match="was refused"):
        convert_released(tmp_path / "poisoned.pth", tmp_path / "out")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out").exists()


def test_released_files_that_do_not_fit_are_not_converted(tmp_path: Path) -> None:
    state = empty_released_state("standard")
    wrong = {
        "lacks tensor": {name: value for name, value in state.items() if name != "out.weight"},
        "holds the unknown": state | {"surplus": torch.zeros(1)},
        "has shape": state | {"out.weight": torch.zeros(1)},
        "not finite": state | {"out.weight": state["out.weight"] + float("inf")},
        "wrong type": state | {"out.weight": state["out.weight"].int()},
        "no RFR network": {"weight": torch.zeros(1)},
        "no released checkpoint": {"weight": 1},
    }
    for what, generator in wrong.items():
        torch.save({"generator": generator}, tmp_path / "g.pth")
        with pytest.raises(CheckpointError, match=what):
            convert_released(tmp_path / "g.pth", tmp_path / "out")
    (tmp_path / "g.pth").write_bytes((tmp_path / "g.pth").read_bytes()[:50])
    with pytest.raises(CheckpointError, match=r"g\.pth cannot be read"):
        convert_released(tmp_path / "g.pth", tmp_path / "out")
    with pytest.raises(CheckpointError, match="There is no file"):
        convert_released(tmp_path / "none.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_class_of_the_network_loads_and_saves(tmp_path: Path) -> None:
    network = RFRNet(RFRConfig(width=8, norm="group"))
    assert network.save_pretrained(tmp_path / "saved") == tmp_path / "saved"
    loaded = RFRNet.from_pretrained(tmp_path / "saved")
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in loaded.state_dict().items())


def test_a_network_alone_is_saved_without_the_refinement_that_its_configuration_names(tmp_path: Path) -> None:
    save_pretrained(RFRNet(RFRConfig(width=8, norm="group", refinement=8)), tmp_path)
    assert load_network(tmp_path).config.refinement == 0


def test_files_are_told_apart_by_their_headers(tmp_path: Path) -> None:
    ours = save_pretrained(RFRNet(RFRConfig(width=8, norm="group")), tmp_path / "ours")
    assert holds_network(ours / "model.safetensors")
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((ours / "model.safetensors").read_bytes())
    assert holds_network(alone)
    lama = tmp_path / "big-lama.safetensors"
    save_file({"generator.model.1.ffc.convl2l.weight": torch.zeros(2)}, lama)
    assert not holds_network(lama)
    assert looks_like(lama) == "LaMa"
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(alone.read_bytes()[:100])
    assert not holds_network(cut)
    assert looks_like(cut) is None
    assert looks_like(alone) is None
