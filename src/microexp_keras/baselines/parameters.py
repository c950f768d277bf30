"""Every setting of the four rival methods as data, and whose it is: published, reported by others, or ours.

"Published" was seen in the method's own paper or its authors' program, "reported by" in another work named there; all
else is ours, with the reason. What is only remembered of the literature is not called published.
"""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

_ELBPTOP = "Guo et al. 2019, ELBPTOP"
_OULU = "Zhao and Pietikäinen 2007 and their group's LBPTOP.m"
_LQP = "Hussain and Triggs 2012, local quantized patterns"
_COSTS = (0.1, 1.0, 2.0, 10.0, 100.0, 1000.0)


def _set(value: Any, mark: str) -> Any:
    return field(default=value, metadata={"mark": mark})


@dataclass(frozen=True)
class LbpTop:
    """LBP-TOP with a support vector machine; not a reconstruction, as its authors' program is public."""

    title: ClassVar[str] = "LBP-TOP"
    reconstruction: ClassVar[bool] = False

    planes: tuple[str, ...] = _set(("XY", "XT", "YT"), f"published ({_OULU})")
    points: tuple[int, int, int] = _set((8, 8, 8), f"reported by {_ELBPTOP}")
    native_radii: tuple[int, int, int] = _set((3, 3, 3), f"reported by {_ELBPTOP}: x, y, t at the frames' own size")
    radii: tuple[int, int, int] = _set((1, 1, 1), "ours: 3 pixels of a face 160 wide are 1.3 of one 64 wide")
    sampling: str = _set("nearest", "ours: exact in whole numbers and quick; both ways are published")
    comparison: str = _set("neighbour >= centre", f"published ({_OULU})")
    bins: int = _set(59, f"published ({_OULU}): 58 uniform patterns and the rest")
    blocks: tuple[int, int, int] = _set(
        (8, 8, 1), f"ours: 8 x 8 as reported by {_ELBPTOP} for SMIC, who have 2 in time; 1, as few frames are left"
    )
    block_borders: str = _set("equal to a pixel, no overlap", "ours: the published program leaves them to the caller")
    normalisation: str = _set("each block's histogram sums to 1", f"published ({_OULU})")
    frames: int = _set(10, f"reported by {_ELBPTOP}, following Li X. et al. 2018")
    interpolation: str = _set("cosine", "published (Zhou et al. 2011), in closed form; rounded half to even: ours")
    classifier: str = _set("support vector machine", "reported by Merghani et al. 2018 of Li X. et al. 2013")
    kernel: str = _set("linear", f"ours: which one the paper has was not seen; linear as {_ELBPTOP}")
    degree: int = _set(6, "ours: of the polynomial kernel, an option")
    classes_against: str = _set("one against one", "ours: what libsvm does")
    costs: tuple[float, ...] = _set(_COSTS, "reported by notes on Li X. et al. 2018: searched from 0.1 to 1000")
    inner_parts: int = _set(5, "reported by notes on Li X. et al. 2018; that a part holds whole subjects is ours")


@dataclass(frozen=True)
class Stclqp:
    """STCLQP with a support vector machine; its abstract gives the idea and no number."""

    title: ClassVar[str] = "STCLQP (our reconstruction)"
    reconstruction: ClassVar[bool] = True

    components: tuple[str, ...] = _set(("sign", "magnitude", "orientation"), "published (abstract)")
    planes: tuple[str, ...] = _set(("XY", "XT", "YT"), "published (abstract): appearance and temporal domains")
    points: int = _set(8, "ours: 256 codes make codebooks exact and quick")
    native_radii: tuple[int, int, int] = _set((3, 3, 3), "ours: as LBP-TOP")
    radii: tuple[int, int, int] = _set((1, 1, 1), "ours: as LBP-TOP")
    sign: str = _set("neighbour >= centre", "published (Guo, Zhang and Zhang 2010, CLBP)")
    magnitude: str = _set(
        "difference >= its mean over plane and clip",
        "ours: published for images (Guo, Zhang and Zhang 2010, CLBP), for each plane and clip the direct extension",
    )
    orientation: str = _set(
        "gradients at most 90 degrees apart", "ours: no angles, no threshold, exact; the abstract does not define it"
    )
    codebooks: str = _set("one for each component and plane", "published (abstract)")
    clustering: str = _set("k-means on the bits, weighted by occurrence", f"ours: k-means and a table as {_LQP}")
    start: str = _set("most frequent codes", "ours: nothing random")
    rounds: int = _set(100, "ours: more than is needed")
    sizes: tuple[int, ...] = _set((16, 32, 64), "ours: below and at the number of uniform patterns")
    criterion: str = _set("Fisher", "ours: that codebooks are chosen is published (abstract), by what was not seen")
    share: float = _set(1.0, "ours: all features; fewer are an option")
    blocks: tuple[int, int, int] = _set((8, 8, 1), "ours: as LBP-TOP")
    normalisation: str = _set("each block's histogram sums to 1", "ours: as LBP-TOP")
    frames: int = _set(10, "ours: as LBP-TOP")
    kernel: str = _set("chi-square", "ours: usual for histograms")
    costs: tuple[float, ...] = _set(_COSTS, "ours: as LBP-TOP")
    inner_parts: int = _set(5, "ours: as LBP-TOP")


@dataclass(frozen=True)
class CnnAugmentation:
    """A small network on single images and changed copies of them; its abstract gives the idea and no number."""

    title: ClassVar[str] = "CNN with augmentation (our reconstruction)"
    reconstruction: ClassVar[bool] = True

    unit: str = _set("single images", "published (abstract)")
    augmentation: str = _set("of training images only", "published (abstract): training images are synthesised")
    images: int = _set(8, "ours: few enough for a CPU; equally spaced, as few trees name the apex")
    size: int = _set(64, "ours: the package's stacks")
    split: str = _set("clips", "ours: images of one clip on both sides of a split would inflate the score")
    copies: int = _set(4, "ours: five times the images")
    flip: float = _set(0.5, "ours: mild, keeps the expression")
    angle: float = _set(10.0, "ours: degrees; mild, keeps the expression")
    shift: float = _set(0.05, "ours: share of the image; mild, keeps the expression")
    zoom: float = _set(0.05, "ours: mild, keeps the expression")
    sampling: str = _set("linear, border repeated", "ours: no black corners")
    scale: str = _set("mean, then largest left, of the training images", "ours: the package's rule")
    filters: tuple[int, ...] = _set((16, 32, 64), "ours: small, as the data")
    kernel_size: tuple[int, int] = _set((3, 3), "ours: usual")
    pool: tuple[int, int] = _set((2, 2), "ours: usual")
    dense: int = _set(128, "ours: as MicroExpSTCNN")
    dropout: float = _set(0.5, "ours: as MicroExpSTCNN")
    loss: str = _set("categorical cross-entropy", "ours: usual")
    optimizer: str = _set("SGD", "ours: as MicroExpSTCNN")
    learning_rate: float = _set(0.01, "ours: as MicroExpSTCNN")
    momentum: float = _set(0.9, "ours: fewer epochs")
    batch: int = _set(32, "ours: usual for images")
    epochs: int = _set(30, "ours: enough with momentum; the best one is chosen on the selection subjects")
    answer: str = _set("mean of the images' probabilities", "ours: one answer a clip, as the other methods give")


@dataclass(frozen=True)
class FlowFcnn:
    """3D-FCNN, a shallow 3D network on gray levels and flow; an abstract and one sentence elsewhere say so much."""

    title: ClassVar[str] = "3D-FCNN (our reconstruction)"
    reconstruction: ClassVar[bool] = True

    streams: tuple[str, ...] = _set(
        ("gray", "flow_x", "flow_y"),
        "reported by Computer Engineering 2022 no. 12: frames and flow, three streams; that flow gives one for each "
        "component is ours: the natural reading",
    )
    size: int = _set(64, "ours: the package's stacks")
    frames: int = _set(18, "ours: as MicroExpSTCNN on SMIC")
    reduction: str = _set("cosine interpolation", "ours: brings the 96 frames of CAS(ME)^2 to 18")
    flow: str = _set("Farneback", "ours: in OpenCV's main package, and deterministic; the paper's was not seen")
    pyramid_scale: float = _set(0.5, "ours: OpenCV's example")
    levels: int = _set(3, "ours: OpenCV's example")
    window: int = _set(15, "ours: OpenCV's example")
    iterations: int = _set(3, "ours: OpenCV's example")
    neighbourhood: int = _set(5, "ours: OpenCV's example")
    sigma: float = _set(1.2, "ours: OpenCV's example")
    scale: str = _set("mean, then largest left, of each stream's training clips", "ours: the package's rule")
    filters: tuple[int, ...] = _set((8, 16, 32), "ours: three streams have as many parameters as MicroExpSTCNN")
    kernel_size: tuple[int, int, int] = _set((3, 3, 3), "ours: usual")
    pool: tuple[int, int, int] = _set((2, 2, 2), "ours: usual")
    fusion: str = _set("fully connected layer", "reported by Computer Engineering 2022 no. 12")
    dense: int = _set(128, "ours: as MicroExpSTCNN")
    dropout: float = _set(0.5, "ours: as MicroExpSTCNN")
    loss: str = _set("categorical cross-entropy", "ours: as MicroExpSTCNN")
    optimizer: str = _set("SGD", "ours: as MicroExpSTCNN")
    learning_rate: float = _set(0.01, "ours: as MicroExpSTCNN")
    batch: int = _set(8, "ours: as MicroExpSTCNN")
    epochs: int = _set(100, "ours: as MicroExpSTCNN; the best one is chosen on the selection subjects")


METHODS: dict[str, type] = {
    "lbp-top": LbpTop,
    "stclqp": Stclqp,
    "cnn-augmentation": CnnAugmentation,
    "3d-fcnn": FlowFcnn,
}


def marks(parameters: LbpTop | Stclqp | CnnAugmentation | FlowFcnn) -> list[tuple[str, Any, str]]:
    """List the settings of a method as (name, value, mark), the mark saying whose the default is.

    A value that differs from the default is marked "ours: chosen for this run".
    """
    return [
        (one.name, value, one.metadata["mark"] if value == one.default else "ours: chosen for this run")
        for one in fields(parameters)
        for value in [getattr(parameters, one.name)]
    ]
