"""Every node in a real ComfyUI, by HTTP and websocket."""

from __future__ import annotations

import io
import json
import re
import urllib.error
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from comfy_server import ROOT, Client, Host, RefusedError, Run
from graphs import INPAINT, LOAD_MASK, Graph, fill, node, with_mask
from hub_server import HubServer
from PIL import Image
from prepared_host import HEIGHT, HOLE, REPOSITORY, WIDTH
from safetensors.torch import save_file

NODES = {
    "RFRLoadModel",
    "RFRFetchModel",
    "RFRLoadMask",
    "RFRRandomMask",
    "RFRFindDefects",
    "RFRInpaint",
    "RFRRecurrences",
    "RFRAttentionMap",
    "RFRCompare",
    "RFRExample",
}


@pytest.fixture
def client(host: Host) -> Iterator[Client]:
    with host.client() as client:
        yield client


def picture(host: Host, reference: dict[str, str]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(host.view(reference))).convert("RGB"))


def pictures(host: Host, run: Run, name: str = "preview") -> list[np.ndarray]:
    assert run.error is None, run.error
    return [picture(host, reference) for reference in run.executed[name]["images"]]


def inside() -> np.ndarray:
    left, top, right, bottom = HOLE
    hole = np.zeros((HEIGHT, WIDTH), dtype=bool)
    hole[top:bottom, left:right] = True
    return hole


def original(host: Host, name: str = "photo.png") -> np.ndarray:
    return np.asarray(Image.open(host.base / "input" / name).convert("RGB"))


def shown(graph: Graph, mask: tuple[str, int]) -> Graph:
    """The graph with a mask shown as a picture by the node preview."""
    return graph | {
        "as_image": node("MaskToImage", mask=mask),
        "preview": node("PreviewImage", images=("as_image", 0)),
    }


# What the host knows of the pack


def test_the_host_offers_every_node_with_every_input_explained(host: Host) -> None:
    offered = {name: info for name, info in host.get("/object_info").items() if info["category"] == "RFR"}
    assert set(offered) == NODES
    for name, info in offered.items():
        assert info["description"], name
        for group in ("required", "optional"):
            for key, (_, options) in info["input"].get(group, {}).items():
                assert options.get("tooltip"), f"{name}.{key}"
        assert all(info["output_tooltips"]), name


def test_names_and_tooltips_are_translated(host: Host) -> None:
    offered = {name: info for name, info in host.get("/object_info").items() if info["category"] == "RFR"}
    english = json.loads((ROOT / "locales" / "en" / "nodeDefs.json").read_text("utf-8"))
    assert set(english) == set(offered)
    for name, info in offered.items():
        inputs = {
            key: options
            for part in ("required", "optional")
            for key, (_, options) in info["input"].get(part, {}).items()
        }
        assert english[name] == {
            "display_name": info["display_name"],
            "description": info["description"],
            "inputs": {key: {"name": key, "tooltip": options["tooltip"]} for key, options in inputs.items()},
            "outputs": {
                str(place): {"name": title, "tooltip": tooltip}
                for place, (title, tooltip) in enumerate(zip(info["output_name"], info["output_tooltips"], strict=True))
            },
        }, name
    assert "RFRInpaint" in host.get("/i18n")["zh"]["nodeDefs"]


def test_the_blueprint_is_offered_where_the_host_has_such(host: Host) -> None:
    try:
        offered = host.get("/global_subgraphs")
    except urllib.error.HTTPError as error:
        error.close()
        pytest.skip("this host has no blueprints of node packs")
    assert "Erase (RFR)" in {entry["name"] for entry in offered.values()}


def test_the_pack_keeps_to_itself(host: Host) -> None:
    seen = host.get("/probe")
    ours = str(host.base / "custom_nodes")
    assert not [entry for entry in seen["path"] if entry.startswith(ours) and "rfr" in entry]
    assert not (seen["train"] or "").startswith(ours)
    assert seen["rfr_core"]


def test_help_is_there_for_every_node_with_its_picture(host: Host) -> None:
    for name in sorted(NODES):
        text = host.fetch(f"/extensions/rfr-inpainting/docs/{name}.md").decode()
        assert text.startswith("# ")
        assert f"({name}.jpg)" in text
        Image.open(io.BytesIO(host.fetch(f"/extensions/rfr-inpainting/docs/{name}.jpg"))).verify()


def test_templates_are_offered_with_pictures(host: Host) -> None:
    names = host.get("/workflow_templates")["rfr-inpainting"]
    assert set(names) >= {"remove_an_object", "restore_scratches", "compare_models", "watch_recurrences"}
    for name in names:
        Image.open(io.BytesIO(host.fetch(f"/api/workflow_templates/rfr-inpainting/{name}.jpg"))).verify()


# Filling


def test_a_fill_changes_the_hole_alone_and_is_shown_while_it_runs(host: Host, client: Client) -> None:
    run = client.run(fill())
    (filled,) = pictures(host, run)
    photo, hole = original(host), inside()
    assert np.array_equal(filled[~hole], photo[~hole])
    assert not np.array_equal(filled[hole], photo[hole])
    ours = [(value, most) for name, value, most in run.progress if name == "inpaint"]
    assert ours == [(index, 6) for index in range(1, 7)]
    live = [Image.open(io.BytesIO(data)) for name, data in run.previews if name == "inpaint"]
    assert len(live) == 6
    assert abs(live[0].width / live[0].height - WIDTH / HEIGHT) < 0.02
    assert run.executed["inpaint"]["rfr_text"] == []


def test_nothing_changed_is_nothing_run(client: Client) -> None:
    client.run(fill())
    again = client.run(fill())
    assert again.started == []
    assert set(again.cached) == {"image", "mask", "model", "inpaint", "preview"}


def test_another_number_of_recurrences_reruns_the_filling_alone(client: Client) -> None:
    client.run(fill())
    run = client.run(fill(recurrences=3))
    assert run.started == ["inpaint", "preview"]
    assert len(run.previews) == 3


def test_cancel_stops_within_a_recurrence_and_leaves_the_host_ready(host: Host, client: Client) -> None:
    run = client.run(fill(recurrences=60), interrupt_at=1 / 60)
    assert run.interrupted
    assert "preview" not in run.started
    assert run.progress[-1][1] < 30  # sent while the cancelling request was on its way
    assert len(pictures(host, client.run(fill(recurrences=2)))) == 1


def test_two_graphs_in_the_queue_do_not_mix(host: Host) -> None:
    other = fill(recurrences=4)
    other["image"] = node("LoadImage", image="other.png")
    with host.client() as one, host.client() as two:
        runs = one.queue(fill(recurrences=4)), two.queue(other)
        first, second = one.follow(runs[0]), two.follow(runs[1])
    known = ~inside()
    assert np.array_equal(pictures(host, first)[0][known], original(host)[known])
    assert np.array_equal(pictures(host, second)[0][known], original(host, "other.png")[known])
    assert len(first.previews) == len(second.previews) == 4


def test_the_model_comes_back_after_the_host_has_freed_it(host: Host, client: Client) -> None:
    client.run(fill())
    host.post("/free", {"unload_models": True, "free_memory": True})
    assert len(pictures(host, client.run(fill(recurrences=2)))) == 1


def test_a_batch_is_filled_with_one_mask_or_one_for_each(host: Host, client: Client) -> None:
    graph = fill(recurrences=2)
    graph["other"] = node("LoadImage", image="other.png")
    graph["batch"] = node("ImageBatch", image1=("image", 0), image2=("other", 0))
    graph["inpaint"]["inputs"]["image"] = ["batch", 0]
    photos = [original(host), original(host, "other.png")]
    for filled, photo in zip(pictures(host, client.run(graph)), photos, strict=True):
        assert np.array_equal(filled[~inside()], photo[~inside()])
    graph["masks"] = node("RFRRandomMask", width=1, height=1, ratio="10-20 %", seed=1, image=("batch", 0))
    graph["inpaint"]["inputs"]["mask"] = ["masks", 0]
    assert len(pictures(host, client.run(graph))) == 2
    graph["three"] = node("ImageBatch", image1=("batch", 0), image2=("image", 0))
    graph["masks"]["inputs"]["image"] = ["three", 0]
    assert client.run(graph).sentence == ("There are 3 masks for 2 pictures; expected one, or one for each picture.")


# Masks


def test_a_mask_of_another_size_is_resized_and_the_node_says_so(host: Host, client: Client) -> None:
    run = client.run(with_mask(node("RFRLoadMask", image="small_mask.png", **LOAD_MASK)))
    assert len(pictures(host, run)) == 1
    (note,) = run.executed["inpaint"]["rfr_text"]
    assert note == f"The mask of {WIDTH // 2}×{HEIGHT // 2} pixels was resized to the picture's {WIDTH}×{HEIGHT}."


def test_a_picture_without_transparency_has_no_mask(client: Client) -> None:
    run = client.run(with_mask(node("LoadImage", image="photo.png"), output=1))
    assert run.sentence.startswith("There is no mask: the loaded file has no transparency;")
    assert "Traceback" not in run.sentence


def test_what_is_erased_in_a_picture_is_filled(host: Host, client: Client) -> None:
    (filled,) = pictures(host, client.run(with_mask(node("LoadImage", image="erased.png"), output=1)))
    assert np.array_equal(filled[~inside()], original(host)[~inside()])


@pytest.mark.parametrize(
    ("file", "settings"),
    [
        ("mask.png", {}),
        ("mask.png", {"channel": "luminance", "threshold": 1.0}),
        ("deep_mask.png", {}),
        ("erased.png", {"channel": "alpha"}),
    ],
)
def test_masks_of_every_kind_are_read(host: Host, client: Client, file: str, settings: dict[str, Any]) -> None:
    graph = {"mask": node("RFRLoadMask", image=file, **LOAD_MASK | settings)}
    (mask,) = pictures(host, client.run(shown(graph, ("mask", 0))))
    assert np.array_equal(mask[..., 0] > 127, inside())


def test_masks_are_inverted_grown_and_resized(host: Host, client: Client) -> None:
    settings = LOAD_MASK | {"invert": True, "grow": -2}
    graph = {
        "image": node("LoadImage", image="photo.png"),
        "mask": node("RFRLoadMask", image="small_mask.png", **settings, resize_to=("image", 0)),
    }
    (mask,) = pictures(host, client.run(shown(graph, ("mask", 0))))
    assert mask.shape[:2] == (HEIGHT, WIDTH)
    hole = mask[..., 0] > 127
    assert not (hole & inside()).any()
    assert inside().sum() < (~hole).sum() < 1.5 * inside().sum()


def test_a_changed_file_is_read_again(host: Host, client: Client) -> None:
    copy = host.add_input(host.base / "input" / "mask.png", "changing.png")
    graph = {"mask": node("RFRLoadMask", image=copy, **LOAD_MASK)}
    client.run(shown(graph, ("mask", 0)))
    assert client.run(shown(graph, ("mask", 0))).started == []
    host.add_input(host.base / "input" / "deep_mask.png", "changing.png")
    assert "mask" in client.run(shown(graph, ("mask", 0))).started


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../secret.png", "missing.png"])
def test_files_outside_the_input_folder_are_refused(host: Host, client: Client, name: str) -> None:
    Image.new("L", (8, 8), 255).save(host.base / "secret.png")
    with pytest.raises(RefusedError, match="input folder"):
        client.run(shown({"mask": node("RFRLoadMask", image=name, **LOAD_MASK)}, ("mask", 0)))


def test_random_masks_keep_to_their_ratio_and_seed(host: Host, client: Client) -> None:
    def mask(seed: int) -> np.ndarray:
        graph = {"mask": node("RFRRandomMask", width=90, height=70, ratio="20-30 %", seed=seed)}
        return pictures(host, client.run(shown(graph, ("mask", 0))))[0][..., 0] > 127

    first = mask(1)
    assert first.shape == (70, 90)
    assert 0.2 <= first.mean() < 0.3
    assert not np.array_equal(first, mask(2))
    assert np.array_equal(first, mask(1))


def gray_mask(host: Host, value: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> dict[str, Any]:
    """A node that gives a mask of a gray, and a darker one, where mask.png is white."""
    name = f"gray-{value}-{size[0]}.png"
    with Image.open(host.base / "input" / "mask.png") as mask:
        gray = mask.resize(size).point([0] + [value] * 255)
        gray.paste(gray.point([light // 2 for light in range(256)]).crop((0, 0, size[0] // 2, size[1])), (0, 0))
        gray.save(host.base / "input" / name)
    return node("LoadImageMask", image=name, channel="red")


@pytest.mark.parametrize(
    ("value", "size", "settings", "sentence"),
    [
        (0, (WIDTH, HEIGHT), {}, "the highest value in the mask is 0,"),
        (0, (WIDTH // 2, HEIGHT // 2), {}, "the highest value in the mask is 0,"),
        (255, (WIDTH, HEIGHT), {"grow": -256}, "the mask vanishes when it shrinks by 256 pixels"),
    ],
)
def test_a_mask_that_does_nothing_says_so(
    host: Host, client: Client, value: int, size: tuple[int, int], settings: dict[str, Any], sentence: str
) -> None:
    graph = with_mask(gray_mask(host, value, size))
    graph["inpaint"]["inputs"] |= settings
    run = client.run(graph)
    assert np.array_equal(pictures(host, run)[0], original(host))
    assert run.executed["inpaint"]["rfr_text"][-1].startswith("Nothing to fill: ")
    assert sentence in run.executed["inpaint"]["rfr_text"][-1]
    assert run.executed["inpaint"]["rfr_strip"] == []


def test_a_mask_of_grays_below_the_threshold_says_so(host: Host, client: Client) -> None:
    said = client.run(with_mask(gray_mask(host, 102))).sentence
    highest = re.search(r"its values go from 0 to ([\d.]+),", said)
    assert highest is not None
    assert float(highest[1]) == pytest.approx(102 / 255, abs=1 / 255)  # newer hosts read gray by half a level off
    assert "the threshold is 0.5" in said


def test_a_faint_mask_is_filled_at_a_lower_threshold(host: Host, client: Client) -> None:
    graph = with_mask(gray_mask(host, 102))
    graph["inpaint"]["inputs"]["threshold"] = 0.3
    run = client.run(graph)
    assert not np.array_equal(pictures(host, run)[0], original(host))
    assert run.executed["inpaint"]["rfr_text"] == []


def test_a_small_picture_without_transparency_has_nothing_to_fill(host: Host, client: Client) -> None:
    Image.new("RGB", (64, 64), (90, 90, 90)).save(host.base / "input" / "small.png")
    graph = with_mask(node("LoadImage", image="small.png"), output=1)
    graph["inpaint"]["inputs"]["image"] = ["mask", 0]
    assert client.run(graph).executed["inpaint"]["rfr_text"][0].startswith("Nothing to fill: ")


def test_several_masks_for_one_picture_are_all_filled(host: Host, client: Client) -> None:
    graph = fill(recurrences=2)
    graph["other"] = node("LoadImage", image="other.png")
    graph["batch"] = node("ImageBatch", image1=("image", 0), image2=("other", 0))
    graph["masks"] = node("RFRRandomMask", width=1, height=1, ratio="10-20 %", seed=1, image=("batch", 0))
    graph["inpaint"]["inputs"]["mask"] = ["masks", 0]
    united = client.run(shown(graph, ("inpaint", 2)))
    (hole,) = pictures(host, united)
    each = pictures(host, client.run(shown(graph, ("masks", 0))))
    assert len(each) == 2
    assert np.array_equal(hole > 127, (each[0] > 127) | (each[1] > 127))
    assert united.executed["inpaint"]["rfr_text"] == ["All 2 masks are filled in the one picture."]


def batch_with_masks(*masks: int) -> Graph:
    """A batch of photo.png, each with mask.png's hole at a gray of 0 or 255, or a wholly white mask (-1)."""
    graph = fill(recurrences=2)
    images, holes = ("image", 0), ("m0", 0)
    for place, value in enumerate(masks):
        white = node("SolidMask", value=1.0, width=WIDTH, height=HEIGHT)
        black = node("SolidMask", value=0.0, width=WIDTH, height=HEIGHT)
        graph[f"s{place}"] = {-1: white, 0: black, 255: graph["mask"]}[value]
        graph[f"m{place}"] = node("MaskToImage", mask=(f"s{place}", 0))
        if place:
            graph[f"images{place}"] = node("ImageBatch", image1=images, image2=("image", 0))
            graph[f"holes{place}"] = node("ImageBatch", image1=holes, image2=(f"m{place}", 0))
            images, holes = (f"images{place}", 0), (f"holes{place}", 0)
    graph["holes"] = node("ImageToMask", image=holes, channel="red")
    graph["inpaint"]["inputs"] |= {"image": list(images), "mask": ["holes", 0]}
    return graph


def test_a_picture_that_cannot_be_filled_is_named_and_the_others_are_filled(host: Host, client: Client) -> None:
    run = client.run(batch_with_masks(255, -1, 255))
    first, second, third = pictures(host, run)
    assert np.array_equal(second, original(host))
    assert np.array_equal(first, third)
    assert not np.array_equal(first, second)
    (note,) = run.executed["inpaint"]["rfr_text"]
    assert note.lower().startswith("picture 2 of 3 stays as it was: the hole covers the whole picture")
    assert [len(strip["recurrences"]) for strip in run.executed["inpaint"]["rfr_strip"]] == [2, 0, 2]


def test_strips_are_numbered_by_picture_and_those_left_out_are_told_of(host: Host, client: Client) -> None:
    run = client.run(batch_with_masks(*[0, 255] * 9))
    strips = run.executed["inpaint"]["rfr_strip"]
    assert [strip["item"] for strip in strips][:3] == [0, 1, 2]
    assert strips[-1]["item"] == 17
    assert len(strips) == 16
    assert all(strip["items"] == 18 and bool(strip["recurrences"]) == bool(strip["item"] % 2) for strip in strips)
    assert run.executed["inpaint"]["rfr_text"] == [
        "There is nothing to fill in 9 of 18 pictures.",
        "The strip shows 16 of 18 pictures, evenly chosen.",
    ]


# Graphs as users leave them


def test_nodes_that_lie_unconnected_beside_a_graph_do_no_harm(host: Host, client: Client) -> None:
    newer = "has_intermediate_output" in host.get("/object_info/RFRInpaint")["RFRInpaint"]
    parked = {"parked": node("RFRCompare", position=0.5)}
    if newer:
        parked |= {
            "inpaint2": node("RFRInpaint", **INPAINT),
            "steps2": node("RFRRecurrences"),
            "attention2": node("RFRAttentionMap", x=0, y=0, picture=0),
            "masks2": node("RFRRandomMask", width=64, height=64, ratio="10-20 %", seed=3),
            "example2": node("RFRExample", example="creek"),
        }
    run = client.run(fill(recurrences=2) | parked)
    assert run.error is None
    assert run.node_errors == {}
    assert run.executed["parked"]["rfr_text"] == ["Connect two images to compare them."]
    assert not {"masks2", "example2"} & set(run.started)


# Looking into a fill


def test_every_recurrence_is_unpacked(host: Host, client: Client) -> None:
    graph = fill() | {"steps": node("RFRRecurrences", steps=("inpaint", 1))}
    frames = pictures(host, client.run(graph | {"preview": node("PreviewImage", images=("steps", 0))}))
    still_open = pictures(host, client.run(shown(graph, ("steps", 1))))
    (strip,) = pictures(host, client.run(graph | {"preview": node("PreviewImage", images=("steps", 2))}))
    (filled,) = pictures(host, client.run(fill()))
    assert len(frames) == len(still_open) == 6
    assert np.array_equal(frames[-1], filled)
    assert not np.array_equal(frames[0], filled)
    left = [(mask > 127).sum() for mask in still_open]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert strip.shape[:2] == (HEIGHT, 7 * WIDTH + 6 * 4)


def test_the_page_is_told_where_the_film_strip_lies(host: Host, client: Client) -> None:
    (strip,) = client.run(fill()).executed["inpaint"]["rfr_strip"]
    assert (strip["width"], strip["height"], strip["recurrences"]) == (WIDTH, HEIGHT, [1, 2, 3, 4, 5, 6])
    for index in range(7):
        frame = Image.open(io.BytesIO(host.fetch("/view", type="temp", filename=f"{strip['stem']}_{index:02}.jpg")))
        assert frame.size == (WIDTH, HEIGHT)
    reached = host.fetch("/view", type="temp", filename=f"{strip['stem']}_reached.png")
    values = np.asarray(Image.open(io.BytesIO(reached)))
    assert np.array_equal(values > 0, inside())
    assert values.max() <= 6
    data = host.fetch("/view", type="temp", filename=f"{strip['stem']}_attention_03.bin")
    *_, cells, per_cell = np.frombuffer(data, "<i4", 8)
    assert cells > 0
    assert 0 < per_cell <= 32
    numbers = np.frombuffer(data, "<i4", cells * (1 + per_cell), offset=32)
    shares = np.frombuffer(data, "<u2", cells * per_cell, offset=32 + numbers.nbytes).reshape(cells, per_cell)
    assert len(data) - 32 - numbers.nbytes - shares.nbytes in (0, 2)
    assert ((shares.sum(1) > 500) & (shares.sum(1) <= 1020)).all()
    assert (np.diff(shares.astype(int), axis=1) <= 0).all()  # the strongest first


def test_attention_is_shown_for_a_pixel_and_for_an_area(host: Host, client: Client) -> None:
    point = {"x": (HOLE[0] + HOLE[2]) // 2, "y": (HOLE[1] + HOLE[3]) // 2, "picture": 0}
    graph = fill() | {"attention": node("RFRAttentionMap", steps=("inpaint", 1), **point)}
    heat = {"preview": node("PreviewImage", images=("attention", 0))}
    assert len(pictures(host, client.run(graph | heat))) == 6
    graph["attention"]["inputs"]["area"] = ["mask", 0]
    assert len(pictures(host, client.run(shown(graph, ("attention", 1))))) == 6


def test_attention_outside_the_fill_is_one_sentence(client: Client) -> None:
    graph = fill() | {
        "attention": node("RFRAttentionMap", steps=("inpaint", 1), x=0, y=0, picture=0),
        "preview": node("PreviewImage", images=("attention", 0)),
    }
    left, top, right, bottom = HOLE
    assert client.run(graph).sentence == (
        f"Pixel (0, 0) is not in the fill; choose one in columns {left} to {right - 1}, rows {top} to {bottom - 1}."
    )
    graph["attention"]["inputs"]["picture"] = 5
    assert client.run(graph).sentence == "Picture 5 was asked for; the batch has 0 to 0."


@pytest.mark.parametrize("name", ["RFRRecurrences", "RFRAttentionMap"])
def test_a_sequence_has_no_recurrences_and_says_so(client: Client, name: str) -> None:
    inputs = {} if name == "RFRRecurrences" else {"x": 50, "y": 40, "picture": 0}
    graph = fill() | {
        "looked": node(name, steps=("inpaint", 1), **inputs),
        "preview": node("PreviewImage", images=("looked", 0)),
    }
    graph["inpaint"]["inputs"]["sequence"] = True
    assert "a sequence keeps none (switch it off on RFR Inpaint)" in client.run(graph).sentence


def test_images_are_compared(host: Host, client: Client) -> None:
    graph = fill() | {
        "compare": node("RFRCompare", image_a=("inpaint", 0), image_b=("image", 0), position=0.0, mask=("mask", 0)),
        "preview": node("PreviewImage", images=("compare", 0)),
    }
    run = client.run(graph)
    assert np.array_equal(pictures(host, run)[0], original(host))
    within, whole = run.executed["compare"]["rfr_text"][0].splitlines()
    assert within.startswith("in the mask: l1 0.")
    assert "dB, SSIM" in whole
    graph["compare"]["inputs"]["image_a"] = ["image", 0]
    assert "whole: l1 0.0000, PSNR inf dB, SSIM 1.0000" in client.run(graph).executed["compare"]["rfr_text"][0]


def test_images_of_different_sizes_are_not_compared(client: Client) -> None:
    graph = {
        "a": node("LoadImage", image="photo.png"),
        "b": node("LoadImage", image="small_mask.png"),
        "compare": node("RFRCompare", image_a=("a", 0), image_b=("b", 0), position=0.5),
    }
    assert "expected the same" in client.run(graph).sentence


def test_examples_come_with_masks(host: Host, client: Client) -> None:
    graph = {"example": node("RFRExample", example="creek")}
    (mask,) = pictures(host, client.run(shown(graph, ("example", 1))))
    assert 0 < (mask > 127).mean() < 0.5
    graph["example"]["inputs"]["example"] = "../secret"
    assert "'../secret'" in client.refusal(shown(graph, ("example", 1)))


# Models


@pytest.mark.parametrize("name", ["../../secret.safetensors", "/etc/passwd", "nothing.safetensors"])
def test_models_outside_the_host_folders_are_refused(client: Client, name: str) -> None:
    graph = fill()
    graph["model"]["inputs"]["model_name"] = name
    assert f"There is no model {name!r} in models/rfr or models/inpaint;" in client.refusal(graph)


def test_only_rfr_checkpoints_are_offered(host: Host, client: Client) -> None:
    folder = host.base / "models" / "inpaint"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"generator.model.1.ffc.convl2l.weight": torch.zeros(2)}, folder / "big-lama.safetensors")
    names = host.get("/object_info/RFRLoadModel")["RFRLoadModel"]["input"]["required"]["model_name"][1]["options"]
    assert "big-lama.safetensors" not in names
    graph = fill()
    graph["model"]["inputs"]["model_name"] = "big-lama.safetensors"
    said = client.refusal(graph)
    assert "'big-lama.safetensors' is not an RFR checkpoint (it looks like LaMa)" in said
    assert str(host.base) not in said


def test_a_damaged_checkpoint_is_told_of_without_the_servers_path(host: Host, client: Client) -> None:
    folder = host.base / "models" / "rfr" / "damaged"
    folder.mkdir(parents=True, exist_ok=True)
    whole = (host.base / "models" / "rfr" / "tiny" / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    (folder / "config.json").write_bytes((folder.parent / "tiny" / "config.json").read_bytes())
    graph = fill()
    graph["model"]["inputs"]["model_name"] = "damaged/model.safetensors"
    said = client.refusal(graph)
    assert said.startswith("damaged/model.safetensors cannot be read as safetensors")
    assert str(host.base) not in said


def test_an_unknown_precision_is_refused(client: Client) -> None:
    graph = fill()
    graph["model"]["inputs"]["precision"] = "float7"
    said = client.refusal(graph)
    assert "'float7'" in said
    assert "bfloat16" in said


def test_a_model_runs_in_bfloat16(host: Host, client: Client) -> None:
    graph = fill(recurrences=2)
    graph["model"]["inputs"]["precision"] = "bfloat16"
    assert len(pictures(host, client.run(graph))) == 1


def fetch(**inputs: Any) -> Graph:
    model = {"repository": REPOSITORY, "revision": "main", "file": "model.safetensors", "update": False}
    graph = fill(recurrences=2)
    graph["model"] = node("RFRFetchModel", **model | {"precision": "float32"} | inputs)
    return graph


def test_a_model_is_fetched_once_and_then_needs_no_hub(host: Host, hub: HubServer, client: Client) -> None:
    run = client.run(fetch())
    assert len(pictures(host, run)) == 1
    folder = host.base / "models" / "rfr" / REPOSITORY.replace("/", "--")
    assert {file.name for file in folder.iterdir()} == {"config.json", "model.safetensors"}
    assert "model.safetensors" in " ".join(hub.asked("GET"))
    hub.status = 503
    try:
        again = fetch(precision="bfloat16")  # not what the host has cached
        assert len(pictures(host, client.run(again))) == 1
        assert hub.requests == []
    finally:
        hub.status = None
    names = host.get("/object_info/RFRLoadModel")["RFRLoadModel"]["input"]["required"]["model_name"][1]["options"]
    assert f"{folder.name}/model.safetensors" in names


def test_the_hub_is_asked_in_every_run_where_that_is_wanted(hub: HubServer, client: Client) -> None:
    client.run(fetch())
    assert client.run(fetch()).started == []
    client.run(fetch(update=True))
    hub.requests.clear()
    assert "model" in client.run(fetch(update=True)).started
    assert hub.requests


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"repository": "https://example.org/x"}, "is no repository's name"),
        ({"repository": "../models"}, "is no repository's name"),
        ({"repository": "/etc/passwd"}, "is no repository's name"),
        ({"revision": "../main"}, "is no revision"),
        ({"file": "../model.safetensors"}, "is no file of a repository"),
        ({"file": "model.pth"}, "is no file of a repository"),
        ({"repository": "someone/else"}, "There is no repository someone/else"),
        ({"revision": "v9"}, "has no revision v9"),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence(client: Client, inputs: dict[str, str], sentence: str) -> None:
    said = client.run(fetch(**inputs)).sentence
    assert sentence in said
    assert "\n" not in said


def test_all_settings_of_a_fill_are_taken(host: Host, client: Client) -> None:
    assert set(INPAINT) == {"recurrences", "context", "grow", "feather"}
    graph = fill(recurrences=2, context=0.25, grow=3, feather=4, detail="off", threshold=0.7)
    run = client.run(shown(graph, ("inpaint", 2)))
    (mask,) = pictures(host, run)
    assert (mask[..., 0] > 127).sum() > inside().sum()


def test_gaps_are_filled_and_what_is_to_be_avoided_is_not_looked_at(host: Host, client: Client) -> None:
    left, top, right, bottom = HOLE
    outline = inside()
    outline[top + 2 : bottom - 2, left + 2 : right - 2] = False
    away = np.zeros_like(outline)
    away[:, : WIDTH // 8] = True
    for name, mask in (("outline.png", outline), ("away.png", away)):
        Image.fromarray(mask.astype(np.uint8) * 255).save(host.base / "input" / name)
    graph = shown(with_mask(node("LoadImageMask", image="outline.png", channel="red")), ("inpaint", 2))
    graph["inpaint"]["inputs"]["fill_gaps"] = True
    (mask,) = pictures(host, client.run(graph))
    assert np.array_equal(mask[..., 0] > 127, inside())
    plain = pictures(host, client.run(fill()))[0]
    graph = fill()
    graph["away"] = node("LoadImageMask", image="away.png", channel="red")
    graph["inpaint"]["inputs"]["avoid"] = ["away", 0]
    avoided = pictures(host, client.run(graph))[0]
    assert np.array_equal(avoided[~inside()], original(host)[~inside()])
    assert not np.array_equal(avoided, plain)
    graph["inpaint"]["inputs"]["sequence"] = True
    assert "disconnect avoid" in client.run(graph).sentence


def test_detail_is_as_the_model_was_made_for_unless_it_is_asked_for(host: Host, client: Client) -> None:
    def filled(**settings: str) -> np.ndarray:
        return pictures(host, client.run(fill(**settings)))[0]

    assert np.array_equal(filled(), filled(detail="auto"))
    assert not np.array_equal(filled(detail="texture"), filled(detail="off"))
    assert np.array_equal(filled(detail="on"), filled(detail="texture"))  # as graphs of earlier versions say
    assert "detail is 'much'; expected one of auto, texture, exact, off" in client.refusal(fill(detail="much"))
