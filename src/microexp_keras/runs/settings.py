"""What repeats a run, as one frozen dataclass: from the command line to config.json and back."""

from dataclasses import dataclass, field, replace
from typing import Any

from microexp_keras import protocols
from microexp_keras.errors import MicroExpError
from microexp_keras.models.original import POOL
from microexp_keras.protocols import Protocol
from microexp_keras.protocols.protocol import typed
from microexp_keras.text import by

TRAINED_BY = ("epochs", "batch_size", "patience", "kernel_size")  #: Settings that change the protocol.


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a run: all that `train --resume` needs to repeat the command."""

    protocol: Protocol  # with what was changed in it
    data: str  # folder of the clips, or a user's own table of them
    options: dict[str, str] = field(default_factory=dict)  # which of several things there; see `datasets.find_clips`
    landmarks: str | None = None  # table of the user's own
    seed: int = 0  # of initial weights, order of the clips and dropout
    weights: str | None = None  # file whose weights training starts from
    weights_synthetic: bool = False  # whether synthetic clips trained these
    keep_weights: bool = False  # whether folds keep their best weights; a run of one fold always does
    faces: bool = True  # whether report and saliency may show faces of the clips

    @classmethod
    def of(cls, protocol: Protocol, **given: Any) -> "Settings":
        """Take what is given and not None, of the settings above and of the protocol's `TRAINED_BY`, if it fits."""
        given = {name: value for name, value in given.items() if value is not None}
        changed = {name: given.pop(name) for name in TRAINED_BY if name in given}
        method, kernel = protocol.network, tuple(changed.get("kernel_size", protocol.kernel_size))
        if "patience" in changed and not protocol.may_stop_early:
            found = f"does not go with {protocol.name}, which trains all its epochs"
            raise MicroExpError("--patience", found, "Leave it out, or take a protocol such as loso.")
        if protocol.crop != "none" and not method.on_whole_face:
            found = f"goes with methods that see the whole face, not with {method.title}"
            raise MicroExpError("--crop", found, "Leave it out.")
        largest = tuple(length - POOL + 1 for length in (protocol.size, protocol.size, protocol.frames))
        too_large = any(length > limit for length, limit in zip(kernel, largest, strict=True))
        if "kernel_size" in method.takes and too_large:
            clips = f"{protocol.frames} frames of {protocol.size}x{protocol.size} pixels"
            found = f"{by(kernel)} is too large for {clips}"
            raise MicroExpError("kernel", found, f"Take at most {by(largest)}.")
        return cls(protocol=replace(protocol, **changed | {"kernel_size": kernel}), **given)

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> "Settings":
        """Read what `to_json` wrote into config.json; an error if a setting is missing or of another type."""
        return cls(**typed(cls, {**config["settings"], "protocol": Protocol.from_json(config["protocol"])}))

    def to_json(self) -> dict[str, Any]:
        """Return `settings` and `protocol` for config.json."""
        own = {name: value for name, value in vars(self).items() if name != "protocol"}
        return {"settings": own, "protocol": self.protocol.as_json()}

    @property
    def published_protocol(self) -> Protocol:
        """The protocol of that name, as it stands."""
        return protocols.get(self.protocol.name, self.protocol.model, self.protocol.database)

    def changed(self, other: "Settings") -> dict[str, tuple[Any, Any]]:
        """Return the settings in which two differ: by name this value and the other."""
        mine, theirs = ({**one.to_json()["protocol"], **one.to_json()["settings"]} for one in (self, other))
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}
