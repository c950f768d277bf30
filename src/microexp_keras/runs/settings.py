"""What repeats a run, as one frozen dataclass: from the command line to config.json and back."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, get_origin, get_type_hints

from microexp_keras import protocols
from microexp_keras.datasets.database import Database
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import POOL
from microexp_keras.protocols import Protocol
from microexp_keras.text import by

PRECISIONS = ("float32", "bfloat16")


NEW = {"faces": True, "weights_synthetic": False, "precision": "float32", "keep_weights": True, "patience": None}
"""Settings that run folders of earlier versions lack, and what these did."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a run: all that `train --resume` needs to repeat the command.

    Attributes
    ----------
    database : datasets.Database
    model, protocol : str
        Names of the method and the protocol.
    data : str or None
        Folder of the clips, or a user's own table of them.
    options : dict of str to str
        Which of several things in that folder are meant; see `datasets.find_clips`.
    training_images : tuple of str
        Instead of clips the original's arrays, one for each input of the network.
    training_labels : str or None
        The labels that belong to them.
    landmarks : str or None
        Table of the user's own landmarks.
    epochs, batch_size : int
        Passes over the training clips, and clips per step.
    patience : int or None
        Early stopping, see `Protocol`.
    kernel_size : (int, int, int)
        Rows, columns and frames of the convolution kernels.
    seed : int
        Of initial weights, order of the clips and dropout.
    weights : str or None
        File whose weights training starts from.
    weights_synthetic : bool
        Whether synthetic clips trained these.
    keep_weights : bool
        Whether the folds of a run of several keep their best weights; a run of one fold always does.
    keep_all : bool
        Whether every improvement is kept, not only the best; of several folds, too.
    tensorboard : bool
        Whether training is logged for TensorBoard too.
    faces : bool
        Whether report and saliency may show faces of the clips.
    precision : str
        Of the computation in training and prediction, one of `PRECISIONS`; weights are float32 all the same.
    """

    database: Database
    model: str
    protocol: str
    data: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    training_images: tuple[str, ...] = ()
    training_labels: str | None = None
    landmarks: str | None = None
    epochs: int
    batch_size: int
    patience: int | None = None
    kernel_size: tuple[int, ...]
    seed: int = 0
    weights: str | None = None
    weights_synthetic: bool = False
    keep_weights: bool = False
    keep_all: bool = False
    tensorboard: bool = False
    faces: bool = True
    precision: str = "float32"

    @classmethod
    def of(cls, protocol: Protocol, **given: Any) -> "Settings":
        """Take what is given and not None; the rest is the protocol's, or the default.

        Raises
        ------
        MicroExpError
            If faces are to be cut out for a method that sees eyes and mouth, or a protocol that is as published shall
            stop early.
        """
        patience = given.get("patience")
        if patience is not None and patience < 1:
            raise MicroExpError("patience", "at least 1 epoch", str(patience))
        if patience is not None and not protocol.may_stop_early:
            raise MicroExpError(
                "--patience",
                "with a protocol of this package, as loso, only",
                f"{protocol.name}, which trains all its epochs",
                "Leave it out, or take another protocol.",
            )
        if protocol.crop != "none" and not protocol.network.on_whole_face:
            raise MicroExpError(
                "--crop", "with a method that sees the whole face", protocol.network.title, "Leave it out."
            )
        own: dict[str, Any] = {
            "database": protocol.database,
            "model": protocol.model,
            "protocol": protocol.name,
            "epochs": protocol.epochs,
            "batch_size": protocol.batch_size,
            "kernel_size": protocol.kernel_size,
        }
        return cls(**own | {name: value for name, value in given.items() if value is not None})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Settings":
        """Read what `to_json` wrote.

        Raises
        ------
        KeyError, TypeError
            If a setting is missing or of another type.
        """
        read: dict[str, Any] = {}
        for name, hint in get_type_hints(cls).items():
            if name == "database":
                read[name] = Database.from_json(value["dataset"])
                continue
            item = value.get(name, NEW[name]) if name in NEW else value[name]
            kind = get_origin(hint) if get_origin(hint) in (dict, tuple) else hint
            item = tuple(item) if kind is tuple and isinstance(item, list) else item
            if not isinstance(item, kind) or (hint in (int, int | None) and isinstance(item, bool)):
                raise TypeError(f"settings: {name}")
            if name == "patience" and item is not None and item < 1:
                raise TypeError("settings: patience")
            read[name] = item
        return cls(**read)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON has them."""
        own = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "database"}
        written = {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
        return {"dataset": self.database.as_json(), **written}

    @property
    def dataset(self) -> str:
        """Name of the database."""
        return self.database.name

    def changed(self, other: "Settings") -> list[str]:
        """Name the settings in which two differ."""
        return [one.name for one in fields(self) if getattr(self, one.name) != getattr(other, one.name)]

    @property
    def published_protocol(self) -> Protocol:
        """The protocol of that name, as it stands."""
        return protocols.get(self.protocol, self.model, self.database)

    def applied_protocol(self) -> Protocol:
        """Return the protocol with what these settings change in it.

        Raises
        ------
        MicroExpError
            If the kernel is too large for its clips.
        """
        protocol = self.published_protocol
        kernel_size = (self.kernel_size[0], self.kernel_size[1], self.kernel_size[2])
        largest = tuple(length - POOL + 1 for length in (protocol.size, protocol.size, protocol.frames))
        if (
            "kernel_size" in protocol.network.takes
            and self.data
            and any(length > limit for length, limit in zip(kernel_size, largest, strict=True))
        ):
            clips = f"{protocol.frames} frames of {protocol.size}x{protocol.size} pixels"
            raise MicroExpError("kernel", f"at most {by(largest)} with {clips}", by(kernel_size), "Take a smaller one.")
        return replace(
            protocol,
            epochs=self.epochs,
            batch_size=self.batch_size,
            patience=self.patience,
            kernel_size=kernel_size,
        )
