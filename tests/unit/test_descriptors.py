"""LBP-TOP, STCLQP and their machine: codes by literal loops and known answers, codebooks, histograms, kernels."""

import math

import numpy as np
import pytest
from skimage.feature import local_binary_pattern
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC

from microexp_keras.baselines import lbp_top, stclqp, svm
from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError

PLANES = {"XY": (1, 0), "XT": (1, 2), "YT": (2, 0)}  # axes of (rows, columns, time) that cosine and sine run along
COSTS = settings("lbp-top").costs
CLIPS = np.random.default_rng(1).integers(0, 256, (30, 12, 13, 7), np.uint8)
LABELS = np.random.default_rng(2).integers(0, 3, 30)


def literal_codes(shape, radii, plane, bit):
    """Codes of one plane by loops, straight from the definition; `bit(centre, neighbour)` decides."""
    across, down, late = radii
    radius, (cosine, sine) = (down, across, late), PLANES[plane]
    upwards = -1 if sine == 0 else 1  # rows count downwards
    edge = np.array([max(across, down), max(across, down), late])
    found = np.zeros(shape - 2 * edge, np.uint8)
    for place in np.ndindex(found.shape):
        centre = edge + place
        for p in range(8):
            neighbour = centre.copy()
            neighbour[cosine] += math.floor(radius[cosine] * math.cos(math.pi * p / 4) + 0.5)
            neighbour[sine] += math.floor(upwards * radius[sine] * math.sin(math.pi * p / 4) + 0.5)
            found[place] |= int(bit(tuple(centre), tuple(neighbour))) << p
    return found


def literal_components(volume, radii, plane):
    """Sign, magnitude and orientation of what the neighbours differ by from their centres."""
    differences, padded, steps = [], np.pad(volume, 1, "edge"), np.eye(3, dtype=int)[[*PLANES[plane]]]

    def is_not_darker(centre, neighbour):
        differences.append(abs(volume[neighbour] - volume[centre]))
        return volume[neighbour] >= volume[centre]

    def differs_much(centre, neighbour):
        return abs(volume[neighbour] - volume[centre]) * len(differences) >= total

    def gradient(where):
        where = np.add(where, 1)
        return np.array([padded[tuple(where + step)] - padded[tuple(where - step)] for step in steps])

    def points_alike(centre, neighbour):
        return gradient(centre) @ gradient(neighbour) >= 0

    sign = literal_codes(volume.shape, radii, plane, is_not_darker)
    total = sum(differences)
    return sign, *(literal_codes(volume.shape, radii, plane, bit) for bit in (differs_much, points_alike))


@pytest.mark.parametrize("radii", [(1, 1, 1), (3, 3, 3), (2, 1, 3), (1, 4, 2)])
def test_literal_loops_agree(radii):
    volume = np.random.default_rng(0).integers(0, 30, (11, 12, 9), np.uint8)
    for place, plane in enumerate(PLANES):
        expected = literal_components(volume.astype(int), radii, plane)
        np.testing.assert_array_equal(lbp_top.codes(volume, radii)[place], expected[0])
        np.testing.assert_array_equal(stclqp.components(volume, radii)[:, place], expected)


# --------------------------------------------------------------------------------------------- LBP-TOP


def slices(volume, plane, radius):
    """Codes of a plane by scikit-image, image by image; (rows, columns, time), at the centres of radius 1."""

    def of(image):
        return local_binary_pattern(np.ascontiguousarray(image), 8, radius, "default").astype(np.uint8)

    v = volume.transpose(2, 0, 1)
    if plane == "XY":
        found = np.stack([of(image) for image in v])
    elif plane == "XT":
        found = np.stack([of(v[::-1, row])[::-1] for row in range(v.shape[1])], axis=1)
    else:
        found = np.stack([of(v[:, :, column].T).T for column in range(v.shape[2])], axis=2)
    return found[1:-1, 1:-1, 1:-1].transpose(1, 2, 0)


def test_scikit_image_gives_the_same_codes():
    volume = np.random.default_rng(0).integers(0, 256, (64, 64, 18), np.uint8)
    nearest, bilinear = lbp_top.codes(volume), lbp_top.codes(volume, sampling="bilinear")
    assert (nearest != bilinear).any()
    for place, plane in enumerate(PLANES):
        on_circle, on_corners = slices(volume, plane, 1), slices(volume, plane, 2**0.5)
        np.testing.assert_array_equal(nearest[place], (on_circle & 0b01010101) | (on_corners & 0b10101010))
        np.testing.assert_array_equal(bilinear[place], on_circle)


def test_uniform_bins_are_in_ascending_order():
    bins = lbp_top.uniform_bins()
    uniform = bins < 58
    assert uniform.sum() == 58 and bins[uniform].tolist() == list(range(58))
    assert all((format(code, "08b") * 2).count("01") <= 2 for code in np.flatnonzero(uniform))
    assert bins[0b00000101] == 58 and bins[0b10000001] < 58


@pytest.mark.parametrize("rise", [1, 3, 10, 50])
@pytest.mark.parametrize(("p", "up", "right"), [(1, 1, 1), (3, 1, -1), (5, -1, -1), (7, -1, 1)])
def test_ties_of_bilinear_neighbours_count_as_not_darker(p, up, right, rise):
    """Weights are w = 3 - 2 sqrt 2 for the far corner, 2 w for the near one, and equal ones for the two beside."""
    volume = np.full((7, 7, 3), 100, np.uint8)
    volume[3 - 2 * up, 3 + 2 * right], volume[3 - up, 3 + right] = 102, 99  # 2 w - 2 w
    volume[3 - 2 * up, 3 + right], volume[3 - up, 3 + 2 * right] = 100 + rise, 100 - rise
    assert lbp_top.codes(volume, (2, 2, 1), "bilinear")[0, 1, 1, 0] >> p & 1 == 1
    volume[3 - up, 3 + 2 * right] -= 1
    assert lbp_top.codes(volume, (2, 2, 1), "bilinear")[0, 1, 1, 0] >> p & 1 == 0


def test_counts_of_blocks_by_hand():
    codes = lbp_top.codes(np.random.default_rng(0).integers(0, 17, (8, 9, 7), np.uint8))
    assert lbp_top.counts(codes, (1, 1, 1)).sum(axis=2).tolist() == [[210]] * 3
    blocks = lbp_top.counts(codes, (4, 3, 2)).reshape(3, 4, 3, 2, 256)  # 6 rows, 7 columns, 5 frames
    rows, columns, time = [0, 1, 3, 4, 6], [0, 2, 4, 7], [0, 2, 5]
    for plane, i, j, k in np.ndindex(3, 4, 3, 2):
        part = codes[plane, rows[i] : rows[i + 1], columns[j] : columns[j + 1], time[k] : time[k + 1]]
        np.testing.assert_array_equal(blocks[plane, i, j, k], np.bincount(part.ravel(), minlength=256))


def test_features_are_histograms_in_order():
    volume = np.random.default_rng(3).integers(0, 256, (64, 64, 18), np.uint8)
    features = lbp_top.features(volume)
    assert features.shape == (3 * 64 * 59,) == (11_328,)
    np.testing.assert_allclose(features.reshape(-1, 59).sum(axis=1), 1, atol=1e-12)
    bins = lbp_top.uniform_bins()[lbp_top.codes(volume)]
    first = np.bincount(bins[1, :7, 7:15].ravel(), minlength=59)  # plane XT, the second block of the first row
    np.testing.assert_allclose(features.reshape(3, 64, 59)[1, 1], first / first.sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((9, 9), {}, "uint8 gray levels"),
        ((9, 9, 2), {}, "2x9x9 .* at least 3x3x3"),
        ((9, 9, 6), {"radii": (3, 3, 3)}, "at least 7x7x7"),
        ((9, 4, 9), {"radii": (1, 2, 1)}, "at least 3x5x5"),
        ((9, 9, 9), {"radii": (1, 0, 1)}, "at least 1"),
        ((9, 9, 9), {"blocks": (8, 8, 1)}, "7x7x7 centres"),
        ((9, 9, 9), {"blocks": (0, 1, 1)}, "not between 1"),
    ],
)
def test_what_cannot_be_is_refused(shape, arguments, message):
    with pytest.raises(MicroExpError, match=message):
        lbp_top.features(np.zeros(shape, np.uint8), **{"blocks": (2, 2, 1), **arguments})
    with pytest.raises(MicroExpError, match="uint8 gray levels"):
        lbp_top.features(np.zeros((9, 9, 9)))
    with pytest.raises(MicroExpError, match="more than 65,535"):
        stclqp.counts(np.zeros((260, 260, 3), np.uint8), blocks=(1, 1, 1))


# ---------------------------------------------------------------------------------------------- STCLQP


def test_order_and_sums_of_features():
    counts = np.stack([stclqp.counts(clip, blocks=(2, 2, 1)) for clip in CLIPS])
    assert counts.dtype == np.uint16 and counts.shape == (30, 3, 3, 4, 256)
    codebooks = stclqp.learn(counts, LABELS, np.arange(30), sizes=(4, 8))
    features = stclqp.features(counts, codebooks)
    assert features.shape == (30, 4 * codebooks.sizes.sum())
    at = 0
    for component, plane in np.ndindex(3, 3):
        size = codebooks.sizes[component, plane]
        part = features[:, at : at + 4 * size].reshape(30, 4, size)
        np.testing.assert_allclose(part.sum(axis=2), 1, atol=1e-12)
        words = codebooks.tables[component, plane][stclqp.components(CLIPS[7])[component, plane]]
        block = words[: words.shape[0] // 2, words.shape[1] // 2 :]  # the second one
        np.testing.assert_allclose(part[7, 1], np.bincount(block.ravel(), minlength=size) / block.size, atol=1e-12)
        at += 4 * size


def test_the_best_size_is_chosen_for_each_plane_by_fishers_ratio():
    """Of counts in which only one component's plane differs between classes: by code 1 beside code 3."""
    counts, labels = np.zeros((12, 3, 3, 1, 256), np.uint16), np.arange(12) % 2
    counts[..., [0, 1, 3, 255]] = np.random.default_rng(0).integers(20, 40, (12, 3, 3, 1, 4))
    counts[labels == 1, 1, 2, 0, 1] += 200
    chosen = stclqp.learn(counts, labels, np.arange(12), sizes=(1, 4))
    assert chosen.sizes[1, 2] == 4  # one word has the same histogram for all clips
    same = stclqp.learn(counts, labels, np.arange(12), sizes=(4, 5, 6))
    assert same.sizes[1, 2] == 4  # a fifth word has no codes: of equal ratios the smaller size
    both = np.concatenate([counts, counts])
    nothing = stclqp.learn(both, np.repeat([0, 1], 12), np.arange(24), sizes=(1, 2))
    assert (nothing.sizes == 1).all()  # classes with the same clips: 0 for every size


def occurrences(counts):
    return np.bincount([*counts], [*counts.values()], minlength=256)


def test_words_move_to_the_mean_of_their_codes_and_stay_without_any():
    table, words = stclqp.codebook(occurrences({0: 30, 1: 10, 255: 20, 254: 5}), 2)
    assert table[[0, 1, 255, 254]].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(words, [[0.25, *[0] * 7], [0.8, *[1] * 7]])
    table, words = stclqp.codebook(occurrences({9: 4}), 3)  # starts at 9, and at 0 and 1, which never occur
    assert words.tolist() == [[1, 0, 0, 1, 0, 0, 0, 0], [0] * 8, [1] + [0] * 7]
    assert table[[0, 1, 9]].tolist() == [1, 2, 0]


@pytest.mark.parametrize("size", [1, 5, 16, 64])
def test_a_codebook_ends_where_k_means_ends(size):
    """Each code is at its nearest word, each word at the mean of its codes; checked by plain loops."""
    occurrences = np.random.default_rng(size).integers(0, 1000, 256)
    table, words = stclqp.codebook(occurrences, size)
    assert table.dtype == np.uint8 and words.shape == (size, 8)
    points = np.array([[code >> p & 1 for p in range(8)] for code in range(256)], float)
    for code in range(256):
        distances = [((points[code] - word) ** 2).sum() for word in words]
        assert distances[table[code]] <= min(distances) + 1e-9
        assert min(distances[: table[code]], default=9) > min(distances) + 1e-10  # no lower number as near
    for number, word in enumerate(words):
        share = occurrences * (table == number)
        if share.sum():
            np.testing.assert_allclose(word, share @ points / share.sum(), atol=1e-12)


@pytest.mark.parametrize(
    ("features", "ratio"),
    [
        ([[1], [3], [5], [7]], 4),  # 16 between, 4 within
        ([[1, 0], [3, 0], [5, 0], [7, 0]], 4),
        ([[1, 1], [3, 3], [5, 1], [7, 3]], 2),  # 16 + 0 between, 4 + 4 within
        ([[0.1], [0.1], [0.1], [0.1]], 0),
        ([[1], [1], [2], [2]], np.inf),
    ],
)
def test_fishers_ratio_by_hand(features, ratio):
    assert stclqp.fisher(np.array(features, float), np.array([0, 0, 1, 1])) == ratio


# ----------------------------------------------------------------------------------------- the machine


def example(classes, clips=60, noise=1.0):
    """Histograms of clips of six subjects that tell the class more or less."""
    random = np.random.default_rng(classes)
    labels = random.integers(0, classes, clips)
    means = np.eye(classes)[labels] @ random.normal(size=(classes, 300))
    features = np.abs(means + noise * random.normal(size=(clips, 300)))
    features[:, ::7] = 0  # bins that stay empty
    return features / features.sum(axis=1, keepdims=True) * 50, labels, np.array([f"s{n % 6}" for n in range(clips)])


def test_kernels_are_plain_sums():
    features, _, _ = example(3, clips=9)
    gram = svm.chi_square_kernel(features, features[:5])
    for a, b in np.ndindex(9, 5):
        x, y = features[a], features[b]
        some = x + y > 0
        assert gram[a, b] == pytest.approx((2 * x * y)[some] @ (1 / (x + y)[some]), rel=1e-12)
    np.testing.assert_allclose(svm.linear_kernel(features, features[:5]), features @ features[:5].T)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("noise", [0.2, 2.0])
def test_shares_of_votes_answer_as_scikit_learn_and_again_after_a_second_fit(classes, noise):
    features, labels, subjects = example(classes, noise=noise)
    labels = np.array([7, 2, 30, 4])[labels]  # labels need not be consecutive
    train, score = np.arange(0, 60, 2), np.arange(1, 60, 2)
    gram = svm.linear_kernel(features[train], features[train])
    ours = svm.choose(gram, labels[train], subjects[train], COSTS, 5)
    theirs = SVC(C=ours.C, kernel="linear").fit(features[train], labels[train])
    known, numbers = [2, 4, 7, 30], svm.linear_kernel(features[score], features[train])
    shares = svm.vote_shares(ours, numbers, 31)
    assert shares.sum(axis=1) == pytest.approx(1) and not np.delete(shares, known, axis=1).any()
    np.testing.assert_array_equal(shares.argmax(axis=1), theirs.predict(features[score]))
    again = svm.with_cost(gram, labels[train], ours.C)
    np.testing.assert_array_equal(svm.vote_shares(again, numbers, 31), shares)
    assert len(set(shares.argmax(axis=1))) > 1


@pytest.mark.parametrize("scale", [1, 10, 30])
def test_the_cost_is_the_smallest_with_most_clips_right_on_subjects_left_out(scale):
    features, labels, _ = example(3, noise=1.0)
    features = features[5:] / scale  # so small that the cost matters
    labels, owner = labels[5:], np.array([*["s0"] * 20, *[f"s{clip % 5}" for clip in range(35)]])
    right = dict.fromkeys(COSTS, 0)
    for learn, check in StratifiedGroupKFold(5).split(features, labels, owner):
        for cost in COSTS:
            model = SVC(C=cost, kernel="linear").fit(features[learn], labels[learn])
            right[cost] += int((model.predict(features[check]) == labels[check]).sum())
    most = [cost for cost in COSTS if right[cost] == max(right.values())]
    assert most[0] == svm.choose(features @ features.T, labels, owner, COSTS[::-1], 5).C
    assert scale == 1 or len(set(right.values())) > 1


def test_few_classes_or_subjects_do_not_stop_the_choice_and_too_few_are_refused():
    labels = np.array([0] * 10 + [1] * 10)
    for subjects in (["a"] * 5 + ["b"] * 5 + ["c"] * 10, ["a"] * 10 + ["b"] * 10):  # without c all are of class 0
        gram = np.eye(2)[labels] @ np.eye(2)[labels].T
        machine = svm.choose(gram, labels, subjects, COSTS, 5)
        assert (machine.predict(gram) == labels).all()
    assert machine.C == 0.1  # a subject for each class: nothing to choose by
    for few, subjects, said in (([0] * 8, "aabbccdd", "has 1 and 4"), ([0, 1] * 4, "aaaaaaaa", "has 2 and 1")):
        with pytest.raises(MicroExpError, match=said):
            svm.choose(np.eye(8), np.array(few), [*subjects], COSTS, 5)
