"""``rfr train fit|evaluate|compare|patterns|experiment|shards|pack|stacks|join|finder``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from rfr_core.errors import ConfigError, RFRError

T = TypeVar("T")

app = typer.Typer(
    add_completion=False,
    help="Train RFR networks and judge them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class BudgetChoice(str, Enum):
    """How much an experiment may cost."""

    minutes = "minutes"
    hours = "hours"
    full = "full"


class DatasetChoice(str, Enum):
    """How a data set is laid out."""

    folder = "folder"
    places2 = "places2"
    celeba = "celeba"
    paris_streetview = "paris_streetview"


Model = Annotated[
    str | None, typer.Option(help="Checkpoint: folder, .safetensors file or Hub id; left out, the bundled model.")
]
Pictures = Annotated[Path, typer.Option(help="Folder of pictures.")]
Holes = Annotated[Path, typer.Option(help="Folder with a folder of masks per bucket, or of masks; white = fill.")]
Size = Annotated[int, typer.Option(help="Side that pictures and holes are scaled to.")]
Buckets = Annotated[list[str] | None, typer.Option("--bucket", help="Bucket to take; may be repeated.")]
Limit = Annotated[int | None, typer.Option(help="Number of pictures, spread evenly over the folder.")]


@app.command()
def fit(
    recipe: Annotated[Path, typer.Argument(help="TOML file, such as train/recipes/lite.toml.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting; may be repeated.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
) -> None:
    """Train a network as a recipe says; on several devices with accelerate launch or torchrun."""
    with _one_sentence():
        from rfr_core.training.run.trainer import fit as run

        run(recipe, overrides or [], resume)


@app.command()
def evaluate(
    model: Model = None,
    pictures: Pictures = Path("data/eval"),
    holes: Holes = Path("data/holes"),
    size: Size = 256,
    bucket: Buckets = None,
    limit: Limit = None,
    json: Annotated[Path | None, typer.Option(help="Write the scores to this file, too.")] = None,
    dataset: Annotated[
        DatasetChoice, typer.Option(help="Layout of --pictures; other than folder, the published test pictures.")
    ] = DatasetChoice.folder,
    telea: Annotated[
        bool | None,
        typer.Option("--telea/--no-telea", help="Columns for OpenCV's two methods; left out, when OpenCV is there."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps …")] = "auto",
) -> None:
    """Print l1, PSNR and SSIM of a model per hole bucket as a Markdown table."""
    with _one_sentence():
        from rfr_core.inpainter import Inpainter
        from rfr_core.training.data.paper_datasets import evaluation_files
        from rfr_core.training.evaluation import protocol
        from rfr_core.training.evaluation.measure import variants
        from rfr_core.training.evaluation.peers import PEERS, find_peer, tensor_fill

        opencv = PEERS["telea"].is_available() if telea is None else telea
        peers = [find_peer(name) for name in ("telea", "ns")] if opencv else []
        title, inpainter = f"RFR {Path(model or 'lite').name}", Inpainter.from_pretrained(model, device=device)
        fills: dict[str, protocol.Fill] = {
            title + variant.title: partial(inpainter, **variant.options) for variant in variants(inpainter.config)
        }
        fills |= {peer.title: tensor_fill(peer) for peer in peers}
        judged = evaluation_files(dataset.value, pictures)
        cases = list(protocol.read_cases(judged, holes, size=size, buckets=bucket or None, limit=limit))
        tables = {title: protocol.evaluate_cases(fill, _counted(title, cases)) for title, fill in fills.items()}
        if json is not None:
            protocol.write_json(json, {title: table.to_dict() for title, table in tables.items()})
        typer.echo(protocol.to_markdown(tables), nl=False)


@app.command()
def compare(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for comparison.md, comparison.json, sheet.jpg.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Checkpoint; may be repeated; left out, the bundled one.")
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="Method to compare with; may be repeated; left out, all that are installed and quick."),
    ] = None,
    pictures: Pictures = Path("data/eval"),
    holes: Holes = Path("data/holes"),
    train: Annotated[
        Path | None, typer.Option(help="Folder of training pictures: refuse near-duplicates of them.")
    ] = None,
    size: Size = 256,
    bucket: Buckets = None,
    limit: Limit = None,
    work: Annotated[Path | None, typer.Option(help="Keep all fills here; peers then run only once.")] = None,
    device: Annotated[str, typer.Option(help="What models compute on; the peers use the CPU.")] = "cpu",
    without_network: Annotated[
        bool,
        typer.Option(
            "--without-network", help="Rows of each model with the interpolated picture in place of its network's."
        ),
    ] = False,
    inception: Annotated[
        Path | None,
        typer.Option(help="TorchScript file of an Inception network (inception-2015-12-05.pt): FID, U-IDS, P-IDS."),
    ] = None,
) -> None:
    """Compare models with other inpainting methods: one table, its data and a sheet of the median results."""
    with _one_sentence():
        from rfr_core.training.evaluation import compare_methods as comparing

        comparison = comparing.compare(
            model or ["lite"],
            peer,
            pictures,
            holes,
            out,
            train=train,
            size=size,
            buckets=bucket or None,
            limit=limit,
            work=work,
            device=device,
            without_network=without_network,
            inception=inception,
            progress=_show,
        )
        typer.echo(comparison.to_markdown(), nl=False)


@app.command()
def patterns(
    model: Model = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps …")] = "auto",
) -> None:
    """Fill drawn patterns and edges with a model, and say by how many levels of 0-255 it is off inside the hole."""
    with _one_sentence():
        from rfr_core.checkpoints.loading import load_network
        from rfr_core.inpainter import Inpainter
        from rfr_core.training.evaluation.measure import variants
        from rfr_core.training.evaluation.patterns import levels_off, patterns, to_markdown
        from rfr_core.training.evaluation.without_network import without_network

        cases, columns = patterns(), {}
        for variant in variants(load_network(model).config, without_network=True):
            network = load_network(model) if variant.network else without_network(load_network(model))
            fill = partial(Inpainter(network, device=device), **variant.options)
            columns[(variant.title or ", default").removeprefix(", ")] = levels_off(fill, cases)
        typer.echo(to_markdown(columns), nl=False)


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="table1, table2, table3, table5, fig8, fig9, fig10 or area.")],
    budget: Annotated[
        BudgetChoice,
        typer.Option(help="minutes or hours: a small network on a CPU, three seeds; full: as published."),
    ] = BudgetChoice.minutes,
    train: Annotated[Path, typer.Option(help="Folder of training pictures, or root of the data set.")] = Path(
        "data/train"
    ),
    pictures: Pictures = Path("data/eval"),
    holes: Holes = Path("data/holes"),
    train_holes: Annotated[
        Path | None, typer.Option(help="Folder of masks to train with; left out, they are drawn.")
    ] = None,
    dataset: Annotated[
        DatasetChoice, typer.Option(help="Layout of --train and --pictures; other than folder, split as published.")
    ] = DatasetChoice.folder,
    shards: Annotated[
        list[str] | None, typer.Option(help="Tar files to stream training pictures from; may be repeated.")
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Networks trained at once; they share the cores, or the one GPU.")
    ] = 1,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How many of the budget's seeds to run, the first ones; left out, all.")
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="JSON file of runs' scores: runs that stand in it are not trained, others are added."),
    ] = None,
    vgg: Annotated[Path | None, typer.Option(help="VGG-16 for the full budget; left out, from the Hub.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report and for all runs.")] = Path(
        "runs/experiments"
    ),
) -> None:
    """Run one of the paper's experiments: train what is missing, judge it, and say which claims hold."""
    with _one_sentence():
        from rfr_core.training.experiments.budget import Sources
        from rfr_core.training.experiments.run_experiment import run_experiment

        sources = Sources(
            train,
            pictures,
            holes,
            train_holes,
            dataset.value,
            tuple(shards or ()),
            None if vgg is None else str(vgg),
        )
        report = run_experiment(
            name, budget.value, sources, out, lambda text: typer.echo(text, err=True), jobs, seeds, scores
        )
        typer.echo(report.to_markdown(), nl=False)


@app.command()
def shards(
    pictures: Annotated[Path, typer.Argument(help="Folder of pictures, or root of the data set.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the tar files.")],
    per_shard: Annotated[int, typer.Option(help="Pictures in each tar file.")] = 5000,
    dataset: Annotated[DatasetChoice, typer.Option(help="Layout of the pictures.")] = DatasetChoice.folder,
) -> None:
    """Pack training pictures into tar files that data.shards can name and training streams."""
    with _one_sentence():
        from rfr_core.training.data.write_shards import write_shards

        written = write_shards(pictures, out, per_shard, dataset.value)
        typer.echo(f"{len(written)} shards in {out}")


@app.command()
def pack(
    pictures: Annotated[Path, typer.Argument(help="Folder of pictures.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the copy.")],
    side: Annotated[int, typer.Option(help="Shortest side in pixels.")] = 384,
    quality: Annotated[int, typer.Option(help="Quality of WebP, 1-100.")] = 75,
) -> None:
    """Write a small copy of training pictures: scaled down, as WebP; quick to decode, and it travels."""
    with _one_sentence():
        from rfr_core.training.data.packed import pack as write

        count, size = write(pictures, out, side=side, quality=quality)
        typer.echo(f"{count} pictures, {size / 1e6:.1f} MB in {out}")


@app.command()
def stacks(
    recipe: Annotated[
        Path, typer.Argument(help="TOML file that trains a refinement, such as train/recipes/joint.toml.")
    ],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting; may be repeated.")
    ] = None,
    model: Model = None,
    count: Annotated[int, typer.Option(min=1, help="Input stacks to make; those that are there already count.")] = 2752,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps …")] = "auto",
) -> None:
    """Make the input stacks that a recipe trains a refinement from: its pictures, filled by a model."""
    with _one_sentence():
        from rfr_core.inpainter import Inpainter
        from rfr_core.training.data.input_stacks import write_stacks
        from rfr_core.training.run.recipe import load_recipe

        loaded = load_recipe(recipe, overrides or [])
        if loaded.data.stacks is None:
            raise ConfigError(f"{recipe} names no data.stacks; set it to the folder that the input stacks go to.")
        inpainter = Inpainter.from_pretrained(model, device=device)
        folder = Path(loaded.data.stacks)
        write_stacks(inpainter, loaded.data, folder, count, loaded.seed, partial(_show, "Input stacks"))


app.command("drafts", hidden=True)(stacks)  # its earlier name


@app.command()
def join(
    refinement: Annotated[
        str,
        typer.Argument(help="A trained refinement, or a model that has one: a folder of a run, a name or a Hub id."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the model that has it.")],
    model: Model = None,
) -> None:
    """Write a model together with a refinement that was trained from its input stacks, in float16."""
    with _one_sentence():
        import torch

        from rfr_core.checkpoints.loading import load_network
        from rfr_core.checkpoints.saving import save_pretrained
        from rfr_core.texture.refinement import refinement_of
        from rfr_core.training.data.input_stacks import StackRefiner, with_refinement
        from rfr_core.training.run.architectures import read_network

        trained = read_network(refinement) if Path(refinement).is_dir() else load_network(refinement)
        found = trained.refinement if isinstance(trained, StackRefiner) else refinement_of(trained)
        if found is None:
            raise ConfigError(f"{refinement} holds no refinement; name the model folder of a run that trained one.")
        save_pretrained(with_refinement(load_network(model), found), out, dtype=torch.float16)
        typer.echo(out)


@app.command()
def finder(
    run: Annotated[Path, typer.Argument(help="The model folder of a run of recipe defects.toml.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the weights, .safetensors.")],
) -> None:
    """Write a trained network that finds defects as one file, in float16."""
    with _one_sentence():
        from safetensors.torch import save

        from rfr_core.defects.segmentation_network import DefectNet
        from rfr_core.files import appearing
        from rfr_core.training.run.architectures import read_network

        network = read_network(run)
        if not isinstance(network, DefectNet):
            raise ConfigError(f"{run} holds no network that finds defects; name the model folder of such a run.")
        state = {
            name: value.half() if value.is_floating_point() else value for name, value in network.state_dict().items()
        }
        with appearing(out) as file:
            file.write(save({name: value.contiguous() for name, value in state.items()}, {"format": "pt"}))
        typer.echo(out)


def _counted(title: str, items: Sequence[T]) -> Iterator[T]:
    for done, item in enumerate(items, start=1):
        yield item
        _show(title, done, len(items))


def _show(title: str, done: int, total: int) -> None:
    """A counter on standard error; in a log, its last state alone."""
    live = sys.stderr.isatty()
    if live or done == total:
        typer.echo(f"{title}: {done}/{total}" + ("\r" if live and done < total else "\n"), nl=False, err=True)


@contextlib.contextmanager
def _one_sentence() -> Iterator[None]:
    """Ends with the error's sentence and exit status 2 where the input is at fault."""
    try:
        yield
    except RFRError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from error
    except ModuleNotFoundError as error:
        typer.echo(f"{error.name} is not installed: pip install 'rfr-inpainting[train,compare]'.", err=True)
        raise typer.Exit(2) from error
