"""Every setting has a mark, and the functions' defaults are the settings."""

import dataclasses
import inspect
from collections.abc import Callable

import pytest

from microexp_keras.baselines import augmentation, lbp_top, stclqp, svm
from microexp_keras.baselines.flow import flow
from microexp_keras.baselines.parameters import METHODS, CnnAugmentation, FlowFcnn, LbpTop, Stclqp, marks


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_setting_is_marked(method: type) -> None:
    found = marks(method())
    assert [name for name, _, _ in found] == [field.name for field in dataclasses.fields(method)]
    for name, value, mark in found:
        assert mark.startswith(("published (", "reported by ", "ours: ")) and len(mark) > 9, name
        assert value == getattr(method(), name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        method().blocks = (5, 5, 1)


def test_three_are_reconstructions_and_say_so() -> None:
    assert {name: method.reconstruction for name, method in METHODS.items()} == {
        "lbp-top": False,
        "stclqp": True,
        "cnn-augmentation": True,
        "3d-fcnn": True,
    }
    for method in METHODS.values():
        assert ("(our reconstruction)" in method.title) == method.reconstruction


def test_a_value_of_ones_own_is_marked_as_such() -> None:
    found = {name: (value, mark) for name, value, mark in marks(LbpTop(blocks=(5, 5, 1), kernel="polynomial"))}
    assert found["blocks"] == ((5, 5, 1), "ours: chosen for this run")
    assert found["kernel"] == ("polynomial", "ours: chosen for this run")
    assert found["bins"][1].startswith("published")


def test_nothing_of_the_cnn_but_its_idea_is_called_published() -> None:
    numbers = [(name, mark) for name, value, mark in marks(CnnAugmentation()) if not isinstance(value, str)]
    assert numbers and all(mark.startswith("ours: ") for _, mark in numbers)


def defaults(function: Callable) -> dict[str, object]:
    return {name: one.default for name, one in inspect.signature(function).parameters.items()}


@pytest.mark.parametrize(
    ("function", "settings", "names"),
    [
        (lbp_top.features, LbpTop(), {"radii", "blocks", "sampling"}),
        (stclqp.counts, Stclqp(), {"radii", "blocks"}),
        (stclqp.learn, Stclqp(), {"sizes", "share"}),
        (augmentation.training_images, CnnAugmentation(), {"copies", "flip", "angle", "shift", "zoom"}),
        (augmentation.pick_images, CnnAugmentation(), {"images"}),
        (augmentation.clip_probabilities, CnnAugmentation(), {"images"}),
        (flow, FlowFcnn(), {"pyramid_scale", "levels", "window", "iterations", "neighbourhood", "sigma"}),
    ],
)
def test_the_defaults_of_functions_are_the_settings(function: Callable, settings: object, names: set[str]) -> None:
    found = defaults(function)
    assert {name: found[name] for name in names} == {name: getattr(settings, name) for name in names}


def test_the_machines_defaults_are_the_settings() -> None:
    for settings in (LbpTop(), Stclqp()):
        assert (settings.costs, settings.inner_parts) == (svm.COSTS, svm.PARTS)
    assert Stclqp().components == stclqp.COMPONENTS and LbpTop().bins == lbp_top.UNIFORM_BINS
