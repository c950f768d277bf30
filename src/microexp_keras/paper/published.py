"""The figures of Reddy et al., IJCNN 2019, as they were printed, and what is known of the databases; no logic.

A figure that is not known here is left out. Percentages are the printed numbers, with `decimals` digits behind the
point. Everything is in the order of `DATABASES`: Table VI prints happy first, here angry stands first.
"""

from dataclasses import dataclass

Key = tuple[str, str]
"""A network or another method, and a database, by their names."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What was printed; every field is a figure of the paper unless its description names another source.

    Attributes
    ----------
    decimals : int
        Digits behind the point of all percentages.
    label_counts : dict of (model, dataset) to tuple of int
        Clips by class in the labels of the six programs, which are written by position: `SMIC/MicroExpSTCNN.py:78`,
        `SMIC/{Intermediate,Late}_MicroFuseNet.py:147`, `CASME-SQUARE/MicroExpSTCNN.py:78`,
        `CASME-SQUARE/{Intermediate,Late}_MicroExpFuseNet.py:154`.
    total : dict of dataset to int
        Table IV: clips used, where only this sum is known here.
    classes, training, validation : dict of dataset to tuple
        Table IV: clips by class, of the whole and of both parts; None for a figure not known here.
    accuracy : dict of (model, dataset) to float
        Table V: percent, the paper's own networks.
    rivals : dict of (name, dataset) to float
        Table V: percent, the methods compared with.
    confusion : dict of dataset to tuple of tuple of int
        Tables VI (CAS(ME)^2) and VII (SMIC), both of MicroExpSTCNN: rows true, columns predicted.
    last_ten : dict of (model, dataset) to (float, float)
        Table VIII: mean and standard deviation of the accuracy after epochs 91 to 100, percent.
    kernel_sizes : dict of (rows, columns, frames) to float
        Table IX: percent, MicroExpSTCNN on CAS(ME)^2.
    kernel_in_text, kernel_in_figure : tuple of int
        Rows, columns, frames of the convolution kernel: the text, and Fig. 2.
    stream_shape : tuple of int
        Table II: rows, columns, frames behind pooling and dropout of a stream of the fused network, CAS(ME)^2.
    concatenation : int
        Table II: length of the two streams put together.
    weights : dict of str to str
        Names `EPOCH-ACCURACY` of weights files, and who names them: the programs, or others who have loaded them.
    stops_with : dict of (model, dataset) to str
        Programs that do not run as published, and why, seen by running them; all programs of the fused networks also
        import `multi_gpu_model`, which Keras 2.0.0 has not.
    user_report : int
        Whole percent that a user got with the published weights, from the only issue of the programs' repository.
    distributed : dict of dataset to tuple of int
        Clips by class of SMIC-HS as distributed by its owners.
    annotated : dict of dataset to (int, int)
        Expressions annotated in CAS(ME)^2 as distributed: micro-expressions, macro-expressions.
    frame_rate : dict of dataset to int
        Frames in a second, as distributed.
    first_frame : dict of dataset to int
        The first frame that the programs read of a clip, counted from 0.
    longest_micro_expression : float
        Seconds: the limit that is usually set (Yan et al., Journal of Nonverbal Behavior 2013).
    leave_one_subject_out : dict of str to (float, float)
        UF1 and UAR on SMIC-HS by the protocol of MEGC 2019 (See et al., FG 2019), as reported for each method.
    chosen_on_left_out : tuple of str
        Those of them whose program chooses the epoch on the very subject that it leaves out.
    collapsed_runs : dict of (model, dataset) to tuple of (str, int)
        Seen here, not printed: the program run in its own environment on as many clips of one person talking gave all
        of them one class; on which TensorFlow, and how many answers counted as right.
    """

    decimals: int
    label_counts: dict[Key, tuple[int, ...]]
    total: dict[str, int]
    classes: dict[str, tuple[int, ...]]
    training: dict[str, tuple[int | None, ...]]
    validation: dict[str, tuple[int, ...]]
    accuracy: dict[Key, float]
    rivals: dict[Key, float]
    confusion: dict[str, tuple[tuple[int, ...], ...]]
    last_ten: dict[Key, tuple[float, float]]
    kernel_sizes: dict[tuple[int, int, int], float]
    kernel_in_text: tuple[int, int, int]
    kernel_in_figure: tuple[int, int, int]
    stream_shape: tuple[int, int, int]
    concatenation: int
    weights: dict[str, str]
    stops_with: dict[Key, str]
    user_report: int
    distributed: dict[str, tuple[int, ...]]
    annotated: dict[str, tuple[int, int]]
    frame_rate: dict[str, int]
    first_frame: dict[str, int]
    longest_micro_expression: float
    leave_one_subject_out: dict[str, tuple[float, float]]
    chosen_on_left_out: tuple[str, ...]
    collapsed_runs: dict[Key, tuple[tuple[str, int], ...]]


PAPER = Published(
    decimals=2,
    label_counts={
        ("stcnn", "smic"): (66, 47, 43),
        ("intermediate", "smic"): (66, 47, 43),
        ("late", "smic"): (66, 47, 43),
        ("stcnn", "casme2"): (76, 94, 36),
        ("intermediate", "casme2"): (75, 93, 35),
        ("late", "casme2"): (75, 93, 35),
    },
    total={"casme2": 206},
    classes={"smic": (79, 34, 43)},
    training={"smic": (60, 28, None)},
    validation={"smic": (19, 6, 7)},
    accuracy={
        ("stcnn", "smic"): 68.75,
        ("intermediate", "smic"): 54.77,
        ("late", "smic"): 64.82,
        ("stcnn", "casme2"): 87.80,
        ("intermediate", "casme2"): 83.25,
        ("late", "casme2"): 79.31,
    },
    rivals={
        ("LBP-TOP (2013)", "smic"): 42.72,
        ("STCLQP (2016)", "smic"): 64.02,
        ("3D-FCNN (2018)", "smic"): 55.49,
        ("CNN with augmentation (2017)", "casme2"): 78.02,
    },
    confusion={
        "smic": ((14, 0, 5), (2, 2, 2), (1, 0, 6)),  # negative, positive, surprise
        "casme2": ((11, 0, 1), (1, 19, 1), (1, 1, 6)),  # angry, happy, disgust
    },
    last_ten={
        ("stcnn", "smic"): (62.50, 2.55),
        ("intermediate", "smic"): (51.20, 3.56),
        ("late", "smic"): (59.95, 3.19),
        ("stcnn", "casme2"): (82.20, 5.02),
        ("intermediate", "casme2"): (78.57, 5.78),
        ("late", "casme2"): (73.20, 3.87),
    },
    kernel_sizes={
        (3, 3, 3): 82.93,
        (3, 3, 7): 80.49,
        (3, 3, 15): 87.80,
        (3, 3, 19): 29.27,
        (5, 5, 3): 63.30,
        (5, 5, 7): 58.54,
        (5, 5, 15): 51.22,
        (5, 5, 19): 29.27,
        (7, 7, 3): 70.73,
        (7, 7, 7): 51.22,
        (7, 7, 15): 29.27,
        (7, 7, 19): 51.22,
    },
    kernel_in_text=(3, 3, 15),
    kernel_in_figure=(3, 3, 8),
    stream_shape=(20, 20, 27),
    concatenation=86400,
    weights={
        "53-0.88": "the programs",
        "40-0.69": "the programs",
        "22-0.83": "the programs",
        "17-0.79": "the programs",
        "26-0.69": "others",
    },
    stops_with={
        ("intermediate", "casme2"): "sklearn.cross_validation.train_test_split takes no shuffle",
        ("late", "casme2"): "sklearn.cross_validation.train_test_split takes no shuffle",
    },
    user_report=53,
    distributed={"smic": (70, 51, 43)},
    annotated={"casme2": (57, 300)},
    frame_rate={"casme2": 30},
    first_frame={"casme2": 72},
    longest_micro_expression=0.5,
    leave_one_subject_out={
        "LBP-TOP": (0.2000, 0.5280),
        "Bi-WOOF": (0.5727, 0.5829),
        "CapsuleNet": (0.5820, 0.5877),
        "STSTNet": (0.6801, 0.7013),
        "RCN": (0.6326, 0.6441),
        "FeatRef": (0.7011, 0.7083),
        "EMR": (0.7461, 0.7530),
        "HTNet": (0.8049, 0.7905),
    },
    chosen_on_left_out=("HTNet",),
    collapsed_runs={("intermediate", "smic"): (("TensorFlow 1.15", 109), ("TensorFlow 1.13.2", 47))},
)
