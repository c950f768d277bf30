"""What a fold learns does not depend on the pixels and labels of the subject left out, and does on those of others."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from microexp_keras.baselines import augmentation, kernels, lbp_top, scaling, stclqp, svm
from microexp_keras.baselines.flow import flow

LEFT_OUT = "s2"


def learned_by_lbp_top(clips: np.ndarray, labels: np.ndarray, subjects: list[str], train: np.ndarray) -> dict:
    gram = kernels.linear_gram(np.stack([lbp_top.features(clip, blocks=(2, 2, 1)) for clip in clips]))
    return dataclasses.asdict(svm.fit(gram, labels, subjects, train))


def learned_by_stclqp(clips: np.ndarray, labels: np.ndarray, subjects: list[str], train: np.ndarray) -> dict:
    counts = np.stack([stclqp.counts(clip, blocks=(2, 2, 1)) for clip in clips])
    codebooks = stclqp.learn(counts, labels, train, sizes=(4, 8), share=0.5)
    machine = svm.fit(kernels.chi_square_gram(stclqp.features(counts, codebooks)), labels, subjects, train)
    return dataclasses.asdict(codebooks) | dataclasses.asdict(machine)


def learned_by_cnn_augmentation(clips: np.ndarray, labels: np.ndarray, subjects: list[str], train: np.ndarray) -> dict:
    images = np.stack([augmentation.pick_images(clip, 3) for clip in clips])
    found, owner = augmentation.training_images(images, train, seed=0)
    scale = scaling.measure(found, np.arange(len(found)))
    return dataclasses.asdict(scale) | {"images": scale.apply(found), "labels": labels[owner]}


def learned_by_3d_fcnn(clips: np.ndarray, labels: np.ndarray, subjects: list[str], train: np.ndarray) -> dict:
    fields = np.stack([flow(clip) for clip in clips])
    streams = {"gray": clips, "flow_x": fields[:, 0], "flow_y": fields[:, 1]}
    scales = {name: scaling.measure(values, train) for name, values in streams.items()}
    inputs = {name: scales[name].apply(values[train]) for name, values in streams.items()}
    return {**inputs, "labels": labels[train], "means": [one.mean for one in scales.values()]}


METHODS = {
    "lbp-top": learned_by_lbp_top,
    "stclqp": learned_by_stclqp,
    "cnn-augmentation": learned_by_cnn_augmentation,
    "3d-fcnn": learned_by_3d_fcnn,
}


def same(first: dict, second: dict) -> dict[str, bool]:
    return {name: np.array_equal(value, second[name]) for name, value in first.items()}


@pytest.mark.parametrize("learn", METHODS.values(), ids=METHODS)
def test_the_subject_left_out_changes_nothing_learned(
    learn: Callable, clips: np.ndarray, labels: np.ndarray, subjects: list[str]
) -> None:
    out = np.array(subjects) == LEFT_OUT
    train = np.flatnonzero(~out)
    before = learn(clips, labels, subjects, train)
    other_clips, other_labels = clips.copy(), labels.copy()
    other_clips[out], other_labels[out] = 255 - clips[out] // 3, (labels[out] + 1) % 3
    assert (other_labels != labels).any() and (other_clips != clips).any()
    after = same(before, learn(other_clips, other_labels, subjects, train))
    assert all(after.values()), after


@pytest.mark.parametrize("learn", METHODS.values(), ids=METHODS)
def test_other_subjects_do(learn: Callable, clips: np.ndarray, labels: np.ndarray, subjects: list[str]) -> None:
    """Otherwise the test above could not fail."""
    train = np.flatnonzero(np.array(subjects) != LEFT_OUT)
    before = learn(clips, labels, subjects, train)
    others = clips.copy()
    others[train[:5]] //= 3
    changed = same(before, learn(others, labels, subjects, train))
    assert not all(changed.values())
    for name in ("tables", "kept", "coefficients", "images", "gray", "flow_x", "flow_y"):
        assert not changed.get(name, False), name


def test_labels_of_other_subjects_change_what_stclqp_selects(
    clips: np.ndarray, labels: np.ndarray, subjects: list[str]
) -> None:
    train = np.flatnonzero(np.array(subjects) != LEFT_OUT)
    counts = np.stack([stclqp.counts(clip, blocks=(2, 2, 1)) for clip in clips])
    first = stclqp.learn(counts, labels, train, sizes=(4, 8), share=0.5)
    second = stclqp.learn(counts, (labels + np.arange(30)) % 3, train, sizes=(4, 8), share=0.5)
    assert (first.sizes != second.sizes).any() or (first.kept != second.kept).any()


def test_the_whole_loop_answers_a_subject_without_their_labels(
    clips: np.ndarray, labels: np.ndarray, subjects: list[str]
) -> None:
    counts = np.stack([stclqp.counts(clip, blocks=(2, 2, 1)) for clip in clips])

    def predicted(labels: np.ndarray) -> np.ndarray:
        def gram_of(train: np.ndarray) -> np.ndarray:
            return kernels.chi_square_gram(stclqp.features(counts, stclqp.learn(counts, labels, train, sizes=(4, 8))))

        return svm.leave_one_subject_out(gram_of, labels, subjects).predicted

    out = np.array(subjects) == LEFT_OUT
    relabelled = np.where(out, (labels + 1) % 3, labels)
    np.testing.assert_array_equal(predicted(relabelled)[out], predicted(labels)[out])
