"""The experiments of the paper, with its own numbers and its claims (Li et al., CVPR 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rfr_core.training.experiments.claims import Claim

# Data set -> method -> score -> one number per bucket.
Numbers = Mapping[str, Mapping[str, Mapping[str, tuple[float, ...]]]]


@dataclass(frozen=True)
class Experiment:
    """A table or figure.

    systems: names in `experiments.systems.SYSTEMS`, in the paper's order. titles: where the paper gives a
    system another title here. metrics: scores in the paper's order. costs: of ``"parameters"``, ``"macs"`` and
    ``"memory"``, measured at the paper's size. untrained: systems of which only the costs are measured, as in the
    paper. paper: its numbers, by title; methods that are no system here are shown as well.
    """

    title: str
    systems: tuple[str, ...]
    buckets: tuple[str, ...]
    claims: tuple[Claim, ...]
    titles: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = ("ssim", "psnr", "l1")
    costs: tuple[str, ...] = ("parameters", "macs")
    untrained: tuple[str, ...] = ()
    paper: Numbers = field(default_factory=dict)
    paper_note: str = ""


_THREE = ("10-20", "30-40", "50-60")
_LARGE = ("40-50",)

_TABLE1: Numbers = {
    "Places2": {
        "PIC": {"ssim": (0.932, 0.786, 0.494), "psnr": (27.14, 21.72, 17.17), "l1": (0.0161, 0.0441, 0.0944)},
        "PConv": {"ssim": (0.934, 0.803, 0.555), "psnr": (27.29, 22.12, 18.29), "l1": (0.0154, 0.0409, 0.0824)},
        "GatedConv": {},
        "EdgeConnect": {"ssim": (0.933, 0.802, 0.553), "psnr": (27.17, 22.18, 18.35), "l1": (0.0157, 0.0408, 0.0821)},
        "PRVS": {"ssim": (0.936, 0.810, 0.574), "psnr": (27.41, 22.36, 18.67), "l1": (0.0148, 0.0390, 0.0778)},
        "RFR-Net": {"ssim": (0.939, 0.819, 0.596), "psnr": (27.75, 22.63, 18.92), "l1": (0.0142, 0.0381, 0.0761)},
    },
    "CelebA": {
        "PIC": {"ssim": (0.965, 0.881, 0.672), "psnr": (30.67, 24.74, 19.29), "l1": (0.0111, 0.0314, 0.0749)},
        "PConv": {"ssim": (0.977, 0.922, 0.791), "psnr": (32.77, 26.94, 22.14), "l1": (0.0083, 0.0236, 0.0524)},
        "GatedConv": {"ssim": (0.973, 0.914, 0.767), "psnr": (32.56, 26.72, 21.47), "l1": (0.0088, 0.0245, 0.0561)},
        "EdgeConnect": {"ssim": (0.975, 0.915, 0.759), "psnr": (32.48, 26.62, 21.49), "l1": (0.0088, 0.0247, 0.0572)},
        "PRVS": {"ssim": (0.978, 0.926, 0.799), "psnr": (33.05, 27.24, 22.37), "l1": (0.0079, 0.0224, 0.0500)},
        "RFR-Net": {"ssim": (0.981, 0.934, 0.819), "psnr": (33.56, 27.76, 22.88), "l1": (0.0075, 0.0212, 0.0470)},
    },
    "Paris StreetView": {
        "PIC": {"ssim": (0.930, 0.785, 0.519), "psnr": (29.35, 23.97, 19.52), "l1": (0.0140, 0.0379, 0.0799)},
        "PConv": {"ssim": (0.947, 0.835, 0.619), "psnr": (30.76, 25.46, 21.39), "l1": (0.0123, 0.0313, 0.0623)},
        "GatedConv": {"ssim": (0.953, 0.849, 0.621), "psnr": (31.32, 25.54, 20.61), "l1": (0.0120, 0.0309, 0.0660)},
        "EdgeConnect": {"ssim": (0.950, 0.849, 0.646), "psnr": (31.19, 26.04, 21.89), "l1": (0.0110, 0.0286, 0.0582)},
        "PRVS": {"ssim": (0.953, 0.854, 0.659), "psnr": (31.49, 26.17, 22.07), "l1": (0.0111, 0.0281, 0.0562)},
        "RFR-Net": {"ssim": (0.954, 0.862, 0.681), "psnr": (31.71, 26.44, 22.40), "l1": (0.0110, 0.0275, 0.0546)},
    },
}

EXPERIMENTS: dict[str, Experiment] = {
    "table1": Experiment(
        "Table 1: comparison with other methods",
        systems=(
            "pluralistic",
            "pconv",
            "gated-conv",
            "edge-connect",
            "edge-connect-rfr",
            "prvs",
            "coarse-to-fine",
            "rfr",
        ),
        buckets=_THREE,
        claims=(
            Claim(
                "RFR-Net is better than PConv, all ratios together.", ("rfr", "pconv"), ("ssim", "psnr", "l1"), _THREE
            ),
            Claim("RFR-Net is better than GatedConv.", ("rfr", "gated-conv"), ("ssim", "psnr", "l1"), _THREE),
            Claim("RFR-Net is better than EdgeConnect.", ("rfr", "edge-connect"), ("ssim", "psnr", "l1"), _THREE),
            Claim("RFR-Net is better than PRVS.", ("rfr", "prvs"), ("ssim", "psnr", "l1"), _THREE),
            Claim("RFR-Net is better than PIC.", ("rfr", "pluralistic"), ("ssim", "psnr", "l1"), _THREE),
            Claim(
                "RFR-Net has the best SSIM, PSNR and l1 on Places2, CelebA and Paris StreetView.",
                kind="untestable",
                reason="needs the three data sets and the full budget; the others are trained with the losses of all, "
                "not against their discriminators",
            ),
        ),
        paper=_TABLE1,
    ),
    "table2": Experiment(
        "Table 2: size and quality of backbones, holes of 40-50 %",
        systems=("coarse-to-fine", "pconv", "bare"),
        buckets=_LARGE,
        metrics=("ssim", "psnr"),
        claims=(
            Claim(
                "Bare RFR-Net has the fewest parameters (31 M, 33 M, 100 M+).",
                ("bare", "pconv", "coarse-to-fine"),
                ("parameters",),
            ),
            Claim(
                "Bare RFR-Net has the best SSIM and PSNR.",
                ("bare", "coarse-to-fine", "pconv"),
                ("ssim", "psnr"),
                _LARGE,
            ),
            Claim("PConv has a higher PSNR than Coarse-To-Fine.", ("pconv", "coarse-to-fine"), ("psnr",), _LARGE),
            Claim("Coarse-To-Fine has a higher SSIM than PConv.", ("coarse-to-fine", "pconv"), ("ssim",), _LARGE),
            Claim(
                "A picture takes 85-95 ms, less than with several other methods.",
                kind="untestable",
                reason="needs the paper's GPU (RTX 2080 Ti) and the other methods",
            ),
        ),
        paper={
            "Paris StreetView": {
                "Coarse-To-Fine": {"ssim": (0.768,), "psnr": (23.10,)},
                "PConv": {"ssim": (0.759,), "psnr": (23.69,)},
                "bare RFR-Net": {"ssim": (0.796,), "psnr": (24.60,)},
            }
        },
    ),
    "table3": Experiment(
        "Table 3: number of recurrences in training",
        systems=("rfr", "iternum-7", "iternum-8"),
        buckets=("30-40",),
        metrics=("ssim", "psnr"),
        titles={"rfr": "IterNum 6"},
        claims=(
            Claim(
                "The method is robust to IterNum: PSNR moves by 0.19 dB at most.",
                ("rfr", "iternum-7", "iternum-8"),
                ("psnr",),
                ("30-40",),
                "within",
                0.19,
            ),
            Claim(
                "More recurrences do not improve the result.",
                ("rfr", "iternum-7", "iternum-8"),
                ("ssim", "psnr"),
                ("30-40",),
                "no gain",
            ),
        ),
        paper={
            "Paris StreetView": {
                "IterNum 6": {"ssim": (0.857,), "psnr": (26.26,)},
                "IterNum 7": {"ssim": (0.852,), "psnr": (26.07,)},
                "IterNum 8": {"ssim": (0.854,), "psnr": (26.15,)},
            }
        },
        paper_note="The paper does not say which holes Table 3 uses; its numbers are nearest to those of 30-40 %.",
    ),
    "table5": Experiment(
        "Table 5: where the module is put, without attention",
        systems=("downsamp-0", "bare", "downsamp-2", "downsamp-3"),
        buckets=_THREE,
        titles={"bare": "DownSamp 1"},
        costs=("parameters", "macs", "memory"),
        untrained=("downsamp-0",),
        claims=(
            Claim(
                "The earlier the module, the better the picture.",
                ("bare", "downsamp-2", "downsamp-3"),
                ("ssim", "psnr", "l1"),
                _THREE,
                "ordered",
            ),
            Claim(
                "Moving the module costs little: 0.8 dB at most.",
                ("bare", "downsamp-2", "downsamp-3"),
                ("psnr",),
                _THREE,
                "within",
                0.8,
            ),
            Claim(
                "Every downsampling saves memory and arithmetic.",
                ("downsamp-3", "downsamp-2", "bare", "downsamp-0"),
                ("memory", "macs"),
                kind="ordered",
            ),
        ),
        paper={
            "Paris StreetView": {
                "DownSamp 0": {},
                "DownSamp 1": {
                    "ssim": (0.955, 0.860, 0.673),
                    "psnr": (31.72, 26.38, 22.29),
                    "l1": (0.0110, 0.0279, 0.0558),
                },
                "DownSamp 2": {
                    "ssim": (0.949, 0.845, 0.650),
                    "psnr": (30.99, 25.78, 21.86),
                    "l1": (0.0118, 0.0296, 0.0582),
                },
                "DownSamp 3": {
                    "ssim": (0.948, 0.839, 0.635),
                    "psnr": (30.93, 25.64, 21.70),
                    "l1": (0.0129, 0.0303, 0.0600),
                },
            }
        },
        paper_note="Memory in the paper, on its GPU: 1657, 1122, 863 and 834 MB; DownSamp 0 was unable to train.",
    ),
    "fig8": Experiment(
        "Fig. 8: attention, holes of 40-50 %",
        systems=("bare", "contextual", "lambda-half", "rfr"),
        buckets=_LARGE,
        titles={"bare": "No Attention", "rfr": "KCA"},
        claims=(
            Claim("KCA is better than existing attention.", ("rfr", "contextual"), ("ssim", "psnr", "l1"), _LARGE),
            Claim("KCA is better than no attention.", ("rfr", "bare"), ("ssim", "psnr", "l1"), _LARGE),
            Claim("Existing attention is better than none.", ("contextual", "bare"), ("ssim", "psnr", "l1"), _LARGE),
            Claim("A learned λ is better than a fixed one.", ("rfr", "lambda-half"), ("ssim", "psnr", "l1"), _LARGE),
        ),
        paper_note="The paper prints its numbers inside the figure's picture; its text gives none.",
    ),
    "fig9": Experiment(
        "Fig. 9: merging, holes of 40-50 %",
        systems=("merge-last", "merge-mean", "rfr"),
        buckets=_LARGE,
        titles={"rfr": "Adaptive Merging"},
        claims=(
            Claim(
                "Adaptive merging is better than average merging.",
                ("rfr", "merge-mean"),
                ("ssim", "psnr", "l1"),
                _LARGE,
            ),
            Claim("Adaptive merging is better than none.", ("rfr", "merge-last"), ("ssim", "psnr", "l1"), _LARGE),
        ),
        paper_note="The paper compares pictures here and gives no numbers.",
    ),
    "fig10": Experiment(
        "Fig. 10: the module for structure estimation",
        systems=("edges-residual", "edges-rfr"),
        buckets=_THREE,
        metrics=("ap", "precision", "recall"),
        claims=(Claim("The module's edges beat EdgeConnect's.", ("edges-rfr", "edges-residual"), ("ap",), _THREE),),
        paper_note="The paper compares pictures here and gives no numbers. Both generators are trained with a balanced "
        "cross entropy in place of EdgeConnect's discriminator. ap: average precision in the hole.",
    ),
    "area": Experiment(
        "Supplement: three ways to identify the area",
        systems=("rfr", "gated", "learnable"),
        buckets=_LARGE,
        titles={"rfr": "Partial Convolution"},
        claims=(
            Claim(
                "Gated convolution and learnable attention maps are options for area identification: within 1 dB.",
                ("rfr", "gated", "learnable"),
                ("psnr",),
                _LARGE,
                "within",
                1.0,
            ),
        ),
        paper_note="The paper names the three options and tests the first alone; the limit of 1 dB is ours.",
    ),
}
