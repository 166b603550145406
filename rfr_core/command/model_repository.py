"""A complete model repository for a Hub: checkpoint, card with scores, thumbnail, examples of success and failure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, constants
from PIL import Image, ImageDraw

from rfr_core.checkpoints.loading import Checkpoint
from rfr_core.checkpoints.saving import CARD_NAME, model_card, save_pretrained
from rfr_core.images.picture_files import read_mask, read_picture
from rfr_core.inpainter import Inpainter

EXAMPLES = Path(__file__).parents[2] / "examples"  # of a checkout
PAPER = "arxiv:2008.03737"  # a tag that the Hub turns into a link
SIDE, FAILURE_SIDE = 448, 224  # pixels; the longer side of pictures in the repository
SECTIONS = ("Data", "Scores", "Limits")  # that a reader of the card looks for
FAILURE = "The last row is a failure: the hole takes half of the picture, and nothing can be known of what was there."

_SCORES = re.compile(r"^\| ([^|]+?) \| \**([\d.]+)\** / \**([\d.]+)\** / \**([\d.]+)\** \|", re.MULTILINE)


def make_model_repository(checkpoint: Checkpoint, repo_id: str, folder: Path, examples: Path = EXAMPLES) -> list[str]:
    """Writes the repository's files into a folder and returns what the card still lacks, sentence by sentence.

    Args:
        checkpoint: a card beside it is taken over and completed.
        repo_id: ``owner/name``.
        examples: folder of pictures ``name.jpg`` with masks ``name_mask.png`` and a README that says whose they are;
            without such a folder there are no examples.

    Raises:
        CheckpointError: the checkpoint is damaged, or the folder cannot be written to.
    """
    model = checkpoint.load()
    save_pretrained(model, folder, card="")
    shutil.copyfile(checkpoint.path, folder / "model.safetensors")  # byte for byte, in the file's own number format
    beside = checkpoint.path.with_name(CARD_NAME)
    text = beside.read_text("utf-8") if beside.exists() else model_card(checkpoint.config)
    shown = _examples(Inpainter(model), examples, folder)
    card = _card(text, repo_id, shown, _credits(examples) if shown else "")
    (folder / CARD_NAME).write_text(str(card), "utf-8")
    missing = [f"The card has no section {name}; write one." for name in SECTIONS if f"## {name}" not in card.text]
    missing += [] if shown else [f"There are no pictures with masks in {examples}; give a folder of them."]
    return missing + ([] if card.data.get("license") else ["The card names no licence; give one."])


# The card


def _card(text: str, repo_id: str, shown: list[str], credits: str) -> ModelCard:
    card = ModelCard(text.replace("path/or/owner/name", repo_id))
    data: Any = card.data  # whose attributes are the header's fields
    data.tags = list(dict.fromkeys([*(data.tags or []), "image-inpainting", "pytorch", "safetensors", PAPER]))
    data.library_name, data.pipeline_tag = "rfr-inpainting", "image-to-image"
    if shown:
        data["thumbnail"] = f"{constants.ENDPOINT}/{repo_id}/resolve/main/thumbnail.jpg"
    data.model_name = repo_id.split("/")[1]
    data.eval_results = list(_scores(card.text)) or None
    intro, section, rest = card.text.partition("\n## ")
    use = "" if "from_pretrained(" in card.text else _use(repo_id)
    card.text = "".join([intro, use, _shown(shown, credits), section, rest])
    return card


def _scores(text: str) -> Iterator[EvalResult]:
    """The first method's PSNR, SSIM and LPIPS from each row of a card's table of scores."""
    for holes, *values in _SCORES.findall(text):
        share = f"holes of {holes} %" if holes[0].isdigit() else f"{holes} holes"
        for metric, value in zip(("PSNR", "SSIM", "LPIPS"), values, strict=True):
            yield EvalResult(
                task_type="image-to-image",
                task_name="Inpainting",
                dataset_type=f"photographs-{holes}",  # results of one type would count as of one data set
                dataset_name=f"Held-out photographs, {share}",
                metric_type=metric.lower(),
                metric_name=metric,
                metric_value=float(value),
            )


def _use(repo_id: str) -> str:
    return f"""
## Use

```
pip install rfr-inpainting
```

```python
from PIL import Image
from rfr_core import Inpainter

inpainter = Inpainter.from_pretrained("{repo_id}")
picture, mask = Image.open("photo.jpg"), Image.open("mask.png")  # white is filled
inpainter(picture, mask).save("filled.png")
```

Or `rfr inpaint photo.jpg mask.png -o filled.jpg --model {repo_id}`. The network is the one of
[Li et al., CVPR 2020](https://arxiv.org/abs/2008.03737).
"""


def _shown(names: list[str], credits: str) -> str:
    if not names:
        return ""
    rows = [f"| ![](examples/{name}_hole.jpg) | ![](examples/{name}_filled.jpg) |" for name in names]
    return "\n".join(["\n## Examples\n", "| hole | filled |", "|---|---|", *rows, "", FAILURE, "", credits, ""])


def _credits(examples: Path) -> str:
    """The lines of the table in the examples' README that name sources and licences."""
    readme = examples / "README.md"
    lines = readme.read_text("utf-8").splitlines() if readme.exists() else []
    return "\n".join(
        ["Pictures:", "", *(f"- {line.split('|')[-2].strip()}" for line in lines if line.startswith("| `"))]
    )


# Pictures


def _examples(inpainter: Inpainter, examples: Path, folder: Path) -> list[str]:
    """Fills each example and, as a failure, the middle half of the last one; returns their names."""
    masks = sorted(examples.glob("*_mask.png"))
    pairs = [(mask, mask.with_name(mask.name.replace("_mask.png", ".jpg"))) for mask in masks]
    filled = {}
    for mask, photo in pairs:
        filled[photo.stem] = _small(read_picture(photo).image), _small(read_mask(mask), Image.Resampling.NEAREST)
    if filled:
        picture = _small(next(reversed(filled.values()))[0], side=FAILURE_SIDE)
        filled["failure"] = picture, _middle(picture)
    (folder / "examples").mkdir(exist_ok=True)
    for name, (picture, mask) in filled.items():
        _save(inpainter, picture, mask, folder, name)
    return list(filled)


def _small(
    image: Image.Image, resampling: Image.Resampling = Image.Resampling.LANCZOS, side: int = SIDE
) -> Image.Image:
    image = image.copy()
    image.thumbnail((side, side), resampling)
    return image


def _middle(picture: Image.Image) -> Image.Image:
    mask = Image.new("L", picture.size)
    width, height = picture.size
    ImageDraw.Draw(mask).rectangle((width // 7, height // 7, width - width // 7, height - height // 7), fill=255)
    return mask


def _save(inpainter: Inpainter, picture: Image.Image, mask: Image.Image, folder: Path, name: str) -> None:
    result = inpainter(picture, mask).convert("RGB")
    hole = picture.convert("RGB")
    hole.paste((255, 255, 255), mask=mask.convert("L"))
    hole.save(folder / "examples" / f"{name}_hole.jpg", quality=90)
    result.save(folder / "examples" / f"{name}_filled.jpg", quality=90)
    thumbnail = folder / "thumbnail.jpg"
    if not thumbnail.exists():
        both = Image.new("RGB", (2 * hole.width, hole.height))
        both.paste(hole, (0, 0))
        both.paste(result, (hole.width, 0))
        both.save(thumbnail, quality=90)
