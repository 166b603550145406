"""The command ``rfr``: fill pictures, and look at, fetch, convert and export checkpoints.

Only what every command needs is imported here: torch takes a second to start, which ``--help`` should not.
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from rfr_core.errors import CheckpointError, ConfigError, RFRError
from rfr_core.options import MAX_CONTEXT, MAX_REACH
from rfr_core.training.command import app as training

if TYPE_CHECKING:
    from rfr_core.checkpoints.loading import Checkpoint
    from rfr_core.command.batch import Job, Outcome
    from rfr_core.command.marking import DefectSearch, Marking
    from rfr_core.command.without_torch import PortableSteps
    from rfr_core.inpainter import Inpainter
    from rfr_core.options import Options

app = typer.Typer(
    help="Recurrent Feature Reasoning: fill holes in pictures.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(training, name="train")

_Kinds = Annotated[str, typer.Option(help="What to look for, of dust,hair,scratch,crease,stamp.")]
_Sensitivity = Annotated[
    float, typer.Option(min=0, max=1, help="Higher finds fainter defects, and more of what is none.")
]
_EVERY_KIND = "dust,hair,scratch,crease,stamp"
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub repository.")]


def run() -> NoReturn:
    """As :func:`main`, for a process of its own, which ends at once: to take all of torch apart takes 0.1 seconds."""
    status = 0
    try:
        main()
    except SystemExit as ended:
        if not isinstance(ended.code, int):
            raise
        status = ended.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # whoever was to read it has gone
        status = status or 1
    os._exit(status)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command and exits.

    0: all is done. 1: some pictures of a folder failed. 2: bad input, in one sentence. 3: a picture, or some of a
    folder, had nothing to fill and was written as it is.
    """
    # What torch makes when it starts stays: to look through it for cycles takes an eighth of a second.
    gc.set_threshold(100_000)
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # what goes wrong is said once, and by us
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a character is no reason to fail
    try:
        app(_with_detail_named(sys.argv[1:] if arguments is None else arguments))
    except RFRError as error:
        typer.echo(f"rfr: {error}", err=True)
        raise SystemExit(2) from None
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        typer.echo("rfr: This needs PyTorch, which is not installed; run pip install torch.", err=True)
        raise SystemExit(2) from None


def _with_detail_named(arguments: Sequence[str]) -> list[str]:
    """The arguments with --detail alone, --no-detail and --exact, as they were once spelt, as --detail WORD."""
    if not arguments or arguments[0] != "inpaint":
        return list(arguments)
    named, words = [], ("auto", "texture", "exact", "off")
    if sum(word in ("--detail", "--no-detail", "--exact") for word in arguments) > 1:
        raise ConfigError("--exact and --detail or --no-detail exclude each other; give one of them.")
    for index, word in enumerate(arguments):
        following = arguments[index + 1] if index + 1 < len(arguments) else "-"
        if word == "--detail" and following not in words and (following.startswith("-") or Path(following).suffix):
            word = "--detail=texture"
        named.append({"--no-detail": "--detail=off", "--exact": "--detail=exact"}.get(word, word))
    return named


@app.command()
def inpaint(
    image: Annotated[Path, typer.Argument(help="Picture (JPEG, PNG, WebP, TIFF, BMP, AVIF), or a folder of them.")],
    mask: Annotated[
        Path | None,
        typer.Argument(
            help="Mask of the picture's size, white = fill; or a folder of masks with the pictures' names, which may "
            "end in _mask; or one mask for all pictures. Left out: what is transparent in the picture is filled, or, "
            "in a folder, what the mask photo_mask.png beside photo.png says."
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the result, its format by its name; or a folder.")],
    model: Annotated[
        str, typer.Option(help="Checkpoint: 'lite' (bundled), a folder, a .safetensors file, or a Hub name owner/name.")
    ] = "lite",
    revision: _Revision = None,
    recurrences: Annotated[
        str,
        typer.Option(help="'auto', as many as reach the middle of the hole, 'early', no more than that, or 1 to 64."),
    ] = "auto",
    steps_dir: Annotated[
        Path | None,
        typer.Option(help="Folder for a picture of each recurrence: step_01.png, ...; of many pictures, in one each."),
    ] = None,
    context: Annotated[
        float,
        typer.Option(min=0, max=MAX_CONTEXT, help="Surroundings to look at, in the hole's longer sides."),
    ] = 1.0,
    detail: Annotated[
        str,
        typer.Option(
            help="'texture', from the surroundings; 'exact', the least error, blurry, for scratches in smooth parts; "
            "'off'; or 'auto', as the checkpoint says. --detail alone, --no-detail and --exact work as well."
        ),
    ] = "auto",
    avoid: Annotated[
        Path | None,
        typer.Option(help="Mask, white = neither looked at nor copied from, and left as it is; one for all pictures."),
    ] = None,
    fill_gaps: Annotated[
        bool, typer.Option("--fill-gaps", help="Fill what the mask encloses as well, such as the inside of an outline.")
    ] = False,
    grow: Annotated[
        int,
        typer.Option(
            min=-MAX_REACH, max=MAX_REACH, help="Grow the hole by so many pixels; a negative number shrinks it."
        ),
    ] = 0,
    feather: Annotated[
        int, typer.Option(min=0, max=MAX_REACH, help="Blend in over so many pixels inside the hole's border.")
    ] = 0,
    invert: Annotated[bool, typer.Option("--invert", help="Fill what is black in the mask instead.")] = False,
    threshold: Annotated[float, typer.Option(help="Fill where the mask is at least this, above 0 up to 1.")] = 0.5,
    channel: Annotated[
        str, typer.Option(help="What of the mask counts: auto, alpha, red, green, blue or luminance.")
    ] = "auto",
    resize: Annotated[
        bool, typer.Option("--resize", "--resize-mask", help="Scale a mask of another size, but of the same shape.")
    ] = False,
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda', 'cuda:1', 'mps', ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="'auto', 'float32', 'float16' or 'bfloat16'.")] = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile the network first, for most of a minute: for many on a GPU.")
    ] = False,
    quality: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Quality of JPEG and AVIF files. Left out: JPEG as the picture's own file where it is one, else 95.",
        ),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="I/N: of a folder, only every N-th picture from the I-th on, 1/N to N/N.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Of a folder, also fill pictures whose result is there already.")
    ] = False,
    box: Annotated[
        list[str] | None,
        typer.Option(help="Fill x,y,width,height; negative x or y count from the right or bottom; may be repeated."),
    ] = None,
    colour: Annotated[
        list[str] | None,
        typer.Option(help='Fill what has this colour, such as "#ff00ff" or magenta; may be repeated.'),
    ] = None,
    wrap: Annotated[
        str,
        typer.Option(
            help="'x', 'y' or 'xy': beyond these borders the picture goes on where it begins, as a tile does."
        ),
    ] = "none",
    sequence: Annotated[
        bool,
        typer.Option("--sequence", help="The folder holds frames of one shot: take what is hidden from other frames."),
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="How far each channel may be from --colour, white being 1.")
    ] = 0.1,
    as_json: _Json = False,
) -> None:
    """Fill holes in a picture, or in a folder of pictures.

    The rest of the picture comes back as it was, with its EXIF and colour profile. Of a folder, pictures whose
    result is there already are skipped; one that fails is reported, and the others go on.

    \b
    rfr inpaint photo.jpg mask.png -o filled.jpg
    rfr inpaint photos/ masks/ -o filled/ --shard 1/4
    """
    from rfr_core.command.batch import left_out, plan_jobs
    from rfr_core.command.marking import Marking
    from rfr_core.command.without_torch import torch_is_missing
    from rfr_core.options import Options, check_without_mask

    options = Options(
        recurrences=int(recurrences) if re.fullmatch(r"-?\d{1,9}", recurrences) else recurrences,
        context=context,
        detail=detail,  # type: ignore[arg-type]
        grow=grow,
        feather=feather,
        threshold=threshold,
        invert=invert,
        channel=channel,  # type: ignore[arg-type]
        resize=resize,
        wrap=wrap,  # type: ignore[arg-type]
        fill_gaps=fill_gaps,
    )
    if mask is None and not image.is_dir():
        check_without_mask(invert, resize)
    marking = Marking.parse(box or [], colour or [], tolerance)
    jobs = _shard(plan_jobs(image, mask, out, steps_dir, avoid), shard)
    load = partial(_inpainter, model, revision=revision, device=device, dtype=dtype, compile=compiled)
    report = _Report(image.is_dir(), as_json)
    report.leave_out(left_out(image))
    if torch_is_missing():
        asked = {
            "--model": model != "lite" or revision is not None,
            "--steps-dir": steps_dir is not None,
            "--avoid": avoid is not None,
            "--device": device not in ("auto", "cpu"),
            "--dtype": dtype not in ("auto", "float32"),
            "--compile": compiled,
            "--box": bool(box),
            "--colour": bool(colour),
            "--sequence": sequence,
        }
        _fill(jobs, _portable(options, asked), options, quality, report, overwrite=overwrite, marking=None)
        return
    if not sequence:
        _fill(jobs, load, options, quality, report, overwrite=overwrite, marking=marking)
        return
    if not report.many or shard or steps_dir or avoid or wrap != "none":
        raise ConfigError("--sequence takes a folder of frames, without --shard, --steps-dir, --avoid and --wrap.")
    _fill_sequence(jobs, load, options, quality, report, overwrite=overwrite, marking=marking)


@app.command()
def mask(
    image: Annotated[Path, typer.Argument(help="Picture, or a folder of them; a TIFF may have an infrared page.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the mask, or a folder.")],
    kinds: _Kinds = _EVERY_KIND,
    sensitivity: _Sensitivity = 0.5,
    common: Annotated[
        bool,
        typer.Option("--common", help="Of a folder, one mask of what all pictures share: sensor dust, a logo."),
    ] = False,
    grow: Annotated[int, typer.Option(min=0, max=MAX_REACH, help="Grow what is found by so many pixels.")] = 1,
    as_json: _Json = False,
) -> None:
    """Find dust, hairs, scratches, creases and date stamps; write them as a mask, white = fill.

    \b
    rfr mask scan.jpg -o dust.png
    rfr mask photos/ -o sensor.png --common
    """
    from rfr_core.command.defect_masks import plan_masks, write_common_mask, write_masks

    if common:
        outcome, count, total = write_common_mask(image, out, sensitivity, grow)
        facts = {"image": str(image), "out": str(out), "ratio": outcome.ratio, "compared": count, "pictures": total}
        text = f"{out}: {outcome.ratio:.2%} marked, from {count} of {total} pictures"
        print(json.dumps(facts) if as_json else text)
        return
    failed = 0
    for outcome in write_masks(plan_masks(image, out), _search(kinds, sensitivity), grow):
        if outcome.error is not None:
            if not image.is_dir():
                raise RFRError(outcome.error)
            failed += 1
            typer.echo(f"rfr: {outcome.error}", err=True)
            continue
        facts = {"image": str(outcome.image), "out": str(outcome.out), "ratio": outcome.ratio}
        print(json.dumps(facts) if as_json else f"{outcome.out}: {outcome.ratio:.2%} marked")
    if failed:
        raise typer.Exit(1)


@app.command()
def restore(
    image: Annotated[Path, typer.Argument(help="Picture, or a folder of them; a TIFF may have an infrared page.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the result, its format by its name; or a folder.")],
    kinds: _Kinds = _EVERY_KIND,
    sensitivity: _Sensitivity = 0.5,
    grow: Annotated[int, typer.Option(min=0, max=MAX_REACH, help="Grow what is found by so many pixels.")] = 1,
    exact: Annotated[
        bool,
        typer.Option("--exact/--texture", help="Aim at the least error, or at texture; left out, the least error."),
    ] = True,
    model: Annotated[str, typer.Option(help="Checkpoint, as for inpaint.")] = "lite",
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda', 'cuda:1', 'mps', ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="'auto', 'float32', 'float16' or 'bfloat16'.")] = "auto",
    quality: Annotated[
        int | None, typer.Option(min=1, max=100, help="Quality of JPEG and AVIF files, see inpaint.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Of a folder, also restore pictures whose result is there already.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Find dust, hairs, scratches, creases and date stamps, and fill them: mask and inpaint in one.

    \b
    rfr restore scan.jpg -o restored.jpg
    rfr restore scans/ -o restored/ --kinds dust,scratch
    """
    from rfr_core.command.batch import plan_jobs
    from rfr_core.command.marking import Marking
    from rfr_core.options import Options

    options = Options(detail="exact" if exact else "texture", grow=grow)
    marking = Marking(search=_search(kinds, sensitivity))
    load = partial(_inpainter, model, device=device, dtype=dtype)
    jobs = plan_jobs(image, None, out)
    _fill(jobs, load, options, quality, _Report(image.is_dir(), as_json), overwrite=overwrite, marking=marking)


@app.command()
def info(
    checkpoint: Annotated[
        str, typer.Argument(help="'lite' (bundled), a folder, a .safetensors file, or a Hub name owner/name.")
    ] = "lite",
    revision: _Revision = None,
    system: Annotated[
        bool, typer.Option("--system", help="Say what this machine has instead, for a report of a fault.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Say what a checkpoint is: configuration, number of parameters, number format, size."""
    if system:
        from rfr_core.command.system import system_facts

        _print_facts(system_facts(), as_json)
        return
    from rfr_core.checkpoints.loading import open_checkpoint

    _print_checkpoint(open_checkpoint(checkpoint, revision=revision), as_json)


@app.command()
def pull(
    repo: Annotated[str, typer.Argument(help="Hub repository, owner/name.")],
    revision: _Revision = None,
    as_json: _Json = False,
) -> None:
    """Fetch a checkpoint from the Hub into the cache.

    It is there without network from then on. HF_ENDPOINT, HF_HOME and HF_TOKEN say where from, where to, and as whom.
    """
    from rfr_core.checkpoints.loading import fetch_checkpoint

    _print_checkpoint(fetch_checkpoint(repo, revision=revision), as_json)


@app.command()
def push(
    checkpoint: Annotated[
        str, typer.Argument(help="'lite' (bundled), a folder or a .safetensors file; for a Space 'lite' or a Hub name.")
    ],
    repo: Annotated[str, typer.Argument(help="Hub repository, owner/name; made when there is none.")],
    *,
    space: Annotated[bool, typer.Option("--space", help="A Space that runs the web page, not a model.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only make the folder that would be uploaded.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="With --dry-run: the folder.")] = None,
    examples: Annotated[
        Path | None, typer.Option(help="Folder of pictures name.jpg and masks name_mask.png to show on the card.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Put a checkpoint on the Hub, as a complete model repository, or the web page as a Space.

    What the card still lacks is said on stderr. HF_ENDPOINT and HF_TOKEN say where to, and as whom.
    """
    from rfr_core.command.push import make_repository, repository_files
    from rfr_core.command.push import push as upload

    if out is not None and not dry_run:
        raise ConfigError("--out is about --dry-run; give both or neither.")
    if dry_run:
        folder = out or Path(repo.rpartition("/")[2])
        missing = make_repository(checkpoint, repo, folder, space=space, examples=examples)
        print("\n".join(str(folder / name) for name in repository_files(folder)))
    else:
        address, missing = upload(checkpoint, repo, space=space, examples=examples, private=private)
        print(address)
    for sentence in missing:
        typer.echo(f"rfr: {sentence}", err=True)


@app.command()
def convert(
    released: Annotated[Path, typer.Argument(help="A .pth file that the paper's authors released.")],
    out_dir: Annotated[Path, typer.Argument(help="Folder for the checkpoint.")],
    dtype: Annotated[str, typer.Option(help="Number format to store: 'float32', 'float16' or 'bfloat16'.")] = "float32",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a checkpoint that is there already.")] = False,
    as_json: _Json = False,
) -> None:
    """Convert a checkpoint of the paper's authors.

    Its names, shapes and values are checked; no code in it is run.
    """
    from rfr_core.checkpoints.loading import MODEL_NAME, open_checkpoint
    from rfr_core.checkpoints.saving import convert_released
    from rfr_core.inference.devices import DTYPES

    if dtype not in DTYPES:
        raise ConfigError(f"Dtype is {dtype!r}; expected one of {', '.join(DTYPES)}.")
    if (out_dir / MODEL_NAME).exists() and not overwrite:
        raise CheckpointError(f"{out_dir} holds a checkpoint already; choose another folder or add --overwrite.")
    _print_checkpoint(open_checkpoint(convert_released(released, out_dir, dtype=DTYPES[dtype])), as_json)


@app.command()
def export(
    checkpoint: Annotated[
        str, typer.Argument(help="'lite' (bundled), a folder, a .safetensors file, or a Hub name owner/name.")
    ],
    out: Annotated[Path, typer.Argument(help="File for the graph: .onnx, or .pt2 for torch.export.load.")],
    revision: _Revision = None,
    recurrences: Annotated[
        int | None, typer.Option(min=1, max=64, help="How often it recurs; left out, as often as it was trained with.")
    ] = None,
    parts: Annotated[
        bool,
        typer.Option("--parts", help="Write its parts, without weights, into a folder, for the fill without PyTorch."),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Write a network as one graph for other runtimes.

    It takes pictures (N, H, W, 3) and masks (N, H, W), 255 = fill, as bytes, and gives the filled pictures, 0 to 1.
    """
    from rfr_core.checkpoints.loading import load_network
    from rfr_core.inference.export import check_export_path, export_program, save_program

    if parts:
        from rfr_core.inference.parts import write_parts

        if recurrences is not None:
            raise ConfigError("--recurrences is about one graph; parts recur as often as they are called.")
        for path in write_parts(load_network(checkpoint, revision=revision), out):
            size = path.stat().st_size
            print(json.dumps({"path": str(path), "size": size}) if as_json else f"{path}: {size / 2**10:.1f} KiB")
        return
    check_export_path(out)
    program = export_program(load_network(checkpoint, revision=revision), recurrences)
    size = save_program(program, out).stat().st_size
    print(json.dumps({"path": str(out), "size": size}) if as_json else f"{out}: {size / 2**20:.1f} MiB")


# Filling


def _shard(jobs: list[Job], shard: str | None) -> list[Job]:
    """Every N-th job from the I-th on, for a shard written as I/N."""
    if shard is None:
        return jobs
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", shard)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"Shard is {shard!r}; expected I/N with I from 1 to N, such as 1/4.")
    return jobs[int(match[1]) - 1 :: int(match[2])]


def _search(kinds: str, sensitivity: float) -> DefectSearch:
    from rfr_core.command.marking import DefectSearch

    return DefectSearch(frozenset(kind.strip() for kind in kinds.split(",")), sensitivity)


def _inpainter(model: str, **keywords: Any) -> Inpainter:
    from rfr_core.inpainter import Inpainter

    return Inpainter.from_pretrained(model, **keywords)


def _portable(options: Options, asked: dict[str, bool]) -> Callable[[], PortableSteps]:
    """What fills without torch; ConfigError where an option needs it. asked: whether others than these were given."""
    from rfr_core.command.without_torch import NOTICE, PortableSteps, refuse_options

    refuse_options(options, asked)
    typer.echo(f"rfr: {NOTICE}", err=True)
    return PortableSteps


def _fill(
    jobs: Sequence[Job],
    load: Callable[[], Inpainter | PortableSteps],
    options: Options,
    quality: int | None,
    report: _Report,
    *,
    overwrite: bool,
    marking: Marking | None,
) -> None:
    """Fills what is not there yet, tells of each, and exits with 1 when any of many failed."""
    from rfr_core.command.batch import Outcome, clear_left_overs

    clear_left_overs(jobs)
    todo = []
    for job in jobs:
        if report.many and not overwrite and job.out.exists():
            report.tell(Outcome(job, "skipped"))
        else:
            todo.append(job)
    if todo:
        _run(todo, load, options, quality, report, marking)
    report.finish()


def _fill_sequence(
    jobs: Sequence[Job],
    load: Callable[[], Inpainter],
    options: Options,
    quality: int | None,
    report: _Report,
    *,
    overwrite: bool,
    marking: Marking | None,
) -> None:
    """As `_fill`, for the frames of one shot: all of them again where one is missing."""
    from rfr_core.command.batch import Outcome, clear_left_overs, make_folder
    from rfr_core.command.sequence import in_order, run_sequence

    jobs = in_order(jobs)
    clear_left_overs(jobs)
    if not overwrite and all(job.out.exists() for job in jobs):
        outcomes = iter([Outcome(job, "skipped") for job in jobs])
    else:
        inpainter = load()
        make_folder(jobs[0].out.parent)
        outcomes = run_sequence(jobs, lambda: inpainter, options, quality=quality, marking=marking)
    with report.bar as bar:
        for outcome in bar.track(outcomes, total=len(jobs), description="Filling"):
            report.tell(outcome)
    report.finish()


def _run(
    jobs: Sequence[Job],
    load: Callable[[], Inpainter | PortableSteps],
    options: Options,
    quality: int | None,
    report: _Report,
    marking: Marking | None,
) -> None:
    from rfr_core.command.batch import Recurred, make_folder, run_jobs

    if report.many:  # no folder is made for a model that cannot be loaded
        inpainter = load()
        make_folder(jobs[0].out.parent)
        events = run_jobs(jobs, lambda: inpainter, options, quality=quality, marking=marking)
    else:
        events = run_jobs(jobs, load, options, quality=quality, marking=marking)
    with report.bar as bar:
        task = bar.add_task("Filling", total=len(jobs))
        run: set[Job] = set()  # outcomes come later, when the result is written
        for event in events:
            if isinstance(event, Recurred) and event.index < event.total:
                bar.update(task, completed=len(run) + event.index / event.total)
                continue
            run.add(event.job)
            bar.update(task, completed=len(run))
            if not isinstance(event, Recurred):
                report.tell(event)


class _Report:
    """Says what becomes of the pictures: results on stdout, failures and a progress bar on stderr."""

    def __init__(self, many: bool, as_json: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self.many = many
        self.as_json = as_json
        self.counts = {"filled": 0, "skipped": 0, "failed": 0, "empty": 0}
        self.left_out: list[Path] = []
        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            redirect_stdout=False,  # else results would go where the bar goes
            disable=not sys.stderr.isatty() or (as_json and sys.stdout.isatty()),
        )

    def tell(self, outcome: Outcome) -> None:
        """Tells of one picture. Raises RFRError when it is the only one and failed."""
        self.counts[outcome.status] += 1
        if outcome.error is not None:
            if not self.many:
                raise RFRError(outcome.error)
            self._say(outcome.error)
        if outcome.dropped and not self.as_json:
            self._say(f"{outcome.job.out} lacks {', '.join(outcome.dropped)}.")
        if self.as_json:
            print(json.dumps(_facts(outcome)), flush=True)
        elif not self.many:
            amount = f"{outcome.hole_ratio:.1%} of it filled in {outcome.recurrences} recurrences"
            print(f"{outcome.job.out}: {amount if outcome.recurrences else 'nothing to fill'}, {outcome.seconds:.1f} s")

    def leave_out(self, paths: list[Path]) -> None:
        """Tells of a folder's pictures that are of kinds that are not read."""
        self.left_out = paths
        if self.as_json:
            for path in paths:
                print(json.dumps({"image": str(path), "status": "ignored"}), flush=True)

    def finish(self) -> None:
        """Sums up many pictures; exits with 1 when any failed, with 3 when any had nothing to fill."""
        if self.many and not self.as_json:
            print(", ".join(self._sums()))
        if self.counts["failed"]:
            raise typer.Exit(1)
        if self.counts["empty"]:
            raise typer.Exit(3)

    def _sums(self) -> list[str]:
        sums = [f"{self.counts[status]} {status}" for status in ("filled", "skipped", "failed")]
        if self.counts["empty"]:
            sums.append(f"{self.counts['empty']} with nothing to fill")
        if self.left_out:
            names = ", ".join(path.name for path in self.left_out)
            sums.append(f"{len(self.left_out)} of a kind that is not read ({names})")
        return sums

    def _say(self, sentence: str) -> None:
        self.console.print(f"rfr: {sentence}", markup=False, highlight=False, soft_wrap=True)


def _facts(outcome: Outcome) -> dict[str, Any]:
    job = outcome.job
    facts = {"image": str(job.image), "out": str(job.out), "status": outcome.status}
    if outcome.status == "failed":
        return facts | {"error": outcome.error}
    if outcome.status == "skipped":
        return facts
    numbers = {"recurrences": outcome.recurrences, "hole_ratio": outcome.hole_ratio, "seconds": outcome.seconds}
    return facts | numbers | {"dropped": list(outcome.dropped)}


# Checkpoints


def _print_checkpoint(checkpoint: Checkpoint, as_json: bool) -> None:
    config = checkpoint.config.to_dict()
    facts = {
        "path": str(checkpoint.path),
        "parameters": checkpoint.parameters,
        "dtype": checkpoint.dtype,
        "size": checkpoint.size,
    }
    if as_json:
        _print_facts(facts | {"config": config}, as_json)
        return
    facts |= {"parameters": f"{checkpoint.parameters:,}", "size": f"{checkpoint.size / 2**20:.1f} MiB"}
    _print_facts(facts | config, as_json)


def _print_facts(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts))
        return
    for name, value in facts.items():
        print(f"{name:<16} {value}")
