"""The audit recomputes: every claim is borne out by its steps, and falls with the figures that it rests on."""

import copy
import re
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from microexp_keras import audit, paper, protocols
from microexp_keras.datasets.database import DATABASES, of_table
from microexp_keras.paper import arithmetic
from microexp_keras.paper.claims import CLAIMS
from microexp_keras.paper.published import FIGURES, PAPER, published_value


def found(figures=FIGURES):
    return {claim.key: claim for claim in paper.audit(figures)}


@pytest.fixture(scope="module")
def claims():
    return found()


def told(claim):
    return " | ".join([claim.verdict, *claim.arithmetic])


def changed(path, value):
    """The published figures with one of them changed: a value, or a function of it."""
    figures = copy.deepcopy(FIGURES)
    *way, last = path.split(".")
    table = figures
    for name in way:
        table = table[int(name) if isinstance(table, list) else name]
    last = int(last) if isinstance(table, list) else last
    table[last] = value(table[last]) if callable(value) else value
    return figures


def test_every_claim_is_there_once_holds_and_says_how_it_was_found(claims):
    assert len(paper.audit()) == len(claims) == 61
    for claim in claims.values():
        assert claim.kind in paper.KINDS and claim.kind != "does not hold", told(claim)
        assert claim.subject and claim.verdict and claim.arithmetic
        assert claim.certain == (not claim.inferred)
    assert all(table["source"] for table in FIGURES.values())
    assert DATABASES["casme2"].class_names == ("angry", "happy", "disgust")
    assert PAPER.confusion["casme2"][1] == (1, 19, 1)  # printed first, as 19 1 1: in our order of classes


PRINTED = [
    ("accuracy-stcnn-smic", "consistent", ["22 of 32", "no count of 40", "no count of 199"]),
    ("accuracy-late-casme2", "includes training clips", ["161 of 203"]),
    ("constant-table5", "constant classifier", ["1 of 6", "Intermediate MicroExpFuseNet on SMIC = always neg"]),
    ("constant-table9", "constant classifier", ["6 of 12", "always angry (12/41)", "always happy (21/41)"]),
    ("constant-table8", "consistent", ["none of 6", "cannot sum to 1019"]),
    ("interval-stcnn-smic", "not above majority", ["51.4% to 82.0%", "59.4%", "within", "19/32"]),
    ("interval-late-smic", "includes training clips", ["58.0% to 71.1%", "of which 159 train"]),
    ("rival-STCLQP-smic", "not comparable", ["105 of 164", "of 32 or 199, and it says"]),
    ("rival-CNN-with-augmentation-casme2", "not possible", ["no count of 57,", "91, 182"]),
    ("outperforms", "not shown", ["22/32 and 105/164", "p = 0.69"]),
    ("most-methods", "not shown", ["above 1 of 3", "above 3 of 3", "2 > 2: no"]),
    ("table4-smic", "contradiction", ["66 - 19 = 47", "47 - 6 = 41", "20/5/7", "79 > 70: yes"]),
    ("table4-casme2", "contradiction", ["ceil(206 / 5) = 42; 41 in print", "203 or 204", "206 into 164 + 42"]),
    ("split-casme2", "contradiction", ["12/20/10, 42 in all", "203 or 204 clips, 33 or 34 of disgust"]),
    ("other-protocol-smic", "not comparable", ["5 have a higher UF1", "68 subjects", "CapsuleNet, EMR"]),
    ("means-table8", "consistent", ["1019/(10 x 199)"]),
    ("deviation-stcnn-smic", "consistent", ["from 2 to 60, 32 can", "of 40 clips: none", "of 199 clips: no"]),
    ("deviation-late-casme2", "includes training clips", ["of 41 clips: no", "on 203 or 206 clips"]),
    ("gain-table8", "selected on scored clips", ["3.57 to 6.25", "(68.75 - 62.50) / 2.55 = 2.45"]),
    ("counts-table9", "not possible", ["5x5x3", "26/41, is 63.41%"]),
    ("longer-kernels", "not shown", ["correlation -0.4", "correlation -1.0", "correlation -0.63"]),
    ("shapes", "contradiction", ["10x10x27 computed", "2 x 86400 = 172800", "(96 - 15 + 1) // 3 = 27"]),
    ("weights-names", "consistent", ["all 5", "54.77 % or Late"]),
    ("selection-intermediate-smic", "includes training clips", ["43 labels", "by folder 0/0/40", "on the mouth"]),
    ("same-split", "contradiction", ["19/6/7 of 156", "0/0/40 of 199", "12/20/10 of 206", "0/6/35 of 203"]),
    ("untrained-classes", "unlikely", ["168/203 = 82.76%; printed 169"]),
    ("frames-casme2", "contradiction", ["72 + 96 = 168", "96 + 1 = 97"]),
    ("clips-smic", "cannot be known", ["66 + 50 + 43 = 159", "C(50, 47) = 19600", "21/3/8"]),
]  # fmt: skip
"""Claims about the paper as printed: key, kind, and words of what was found."""


def test_the_paper_as_printed(claims):
    for key, kind, words in PRINTED:
        assert claims[key].kind == kind
        assert [text for text in words if text not in told(claims[key])] == []


@pytest.mark.parametrize(
    ("path", "value", "keys", "words"),
    [
        ("accuracy.smic.stcnn", 70.0, ["accuracy-stcnn-smic", "interval-stcnn-smic", "confusion-smic"], "28/40"),
        ("accuracy.smic.intermediate", 54.8, ["constant-table5", "accuracy-intermediate-smic"], "no count of 199"),
        ("rivals.smic.LBP-TOP (2013)", 42.68, ["rival-LBP-TOP-smic"], "70/164"),
        ("confusion.smic.0", [13, 0, 5], ["confusion-smic", "split-smic"], "13 + 2 + 6 = 21"),
        ("table_4.smic.total", [66, 47, 43], ["sums-table4"], "66 in print"),
        ("last_ten.smic.stcnn.1", 2.64, ["deviation-stcnn-smic"], "of 40 clips: 2"),
        ("kernel_sizes.5x5x3", 63.41, ["counts-table9"], "26/41"),
        ("figure_2.kernel", [3, 3, 15], ["kernel"], "no figures disagree"),
        ("label_counts.casme2.stcnn", [75, 93, 35], ["labels-casme2"], "0/0/0 are wrong"),
        ("frame_rate.casme2", 200, ["clips-casme2"], "96 / 200 = 0.48"),
        ("megc_2019.RCN", [0.6, 0.6], ["other-protocol-smic"], "above 4 of 8"),
    ],
)
def test_a_claim_falls_with_a_figure_that_it_rests_on(path, value, keys, words):
    after = found(changed(path, value))
    fallen = [after[key] for key in keys if after[key].kind == "does not hold"]
    assert [claim.key for claim in fallen] == keys
    assert any(words in told(after[key]) for key in keys)


def test_the_value_beside_ours_is_of_the_same_kernel():
    for dataset, kernel, percent in (
        ("casme2", (3, 3, 15), 87.8),
        ("casme2", (5, 5, 3), 63.3),
        ("casme2", (3, 3, 80), None),
        ("smic", (5, 5, 3), None),
    ):
        protocol = replace(protocols.get("upstream", "stcnn", dataset), kernel_size=kernel)
        assert published_value(protocol).percent == percent


def test_every_published_figure_is_cited_by_a_claim():
    steps = str([claim["steps"] for claim in CLAIMS["claim"]])
    cited = {"label_counts", *re.findall(r"@([\w.]+(?: [\w ]*\(\d+\))?)", steps)}  # counts: of programs that steps name

    def uncited(value, path):
        if any(path == way or path.startswith(f"{way}.") for way in cited):
            return []
        if not isinstance(value, dict | list):
            return [path]
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for name, item in items for leaf in uncited(item, f"{path}.{name}".strip("."))]

    assert [leaf for leaf in uncited(FIGURES, "") if not leaf.endswith(".source")] == []


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_fractions_are_those_that_print_so(decimals):
    step = Decimal(1).scaleb(-decimals)
    for n in (1, 7, 32, 41, 160, 203):
        exact = [Decimal(100 * k) / n for k in range(n + 1)]
        rounded = [{value.quantize(step, rule) for rule in (ROUND_HALF_UP, ROUND_HALF_DOWN)} for value in exact]
        cut = [{value.quantize(step, ROUND_DOWN)} for value in exact]
        printed = np.random.default_rng(n).integers(0, 100 * 10**decimals + 1, 20) / 10**decimals
        for percent in [*printed, *(round(float(value), decimals) for value in exact)]:
            wanted = Decimal(str(round(float(percent), decimals))).quantize(step)
            for truncated, values in ((False, rounded), (True, cut)):
                brute = [k for k, printed_as in enumerate(values) if wanted in printed_as]
                assert arithmetic.fractions(percent, n, decimals, truncated) == brute
    claim = found(changed("accuracy.casme2.stcnn", 78.04))["accuracy-stcnn-casme2"]
    assert "32/41 = 78.0488%, only if digits are cut off" in told(claim)


@pytest.mark.parametrize("n", [32, 41, 97, 199])
def test_ten_counts_are_found_where_there_are_some(n):
    drawn = np.random.default_rng(n)
    for _ in range(5):
        ten = drawn.binomial(n, drawn.uniform(0.3, 0.7), 10)
        mean, deviation = 10 * ten.sum() / n, 100 * float(np.std(ten, ddof=1)) / n
        counts = arithmetic.ten_counts(mean, deviation, n)
        assert sum(counts) == ten.sum() and min(counts) >= 0 and max(counts) <= n
        assert 100 * np.std(counts, ddof=1) / n == pytest.approx(deviation)
    assert arithmetic.ten_counts(100 / 7, 1, 32) is None  # no ten counts of 32 have this mean
    assert arithmetic.ten_counts(50, 0.05, 32) == [16] * 10  # the nearest: ten alike, since others deviate by 1.47


def test_the_command_prints_a_summary_then_every_claim(claims, capsys):
    assert audit.main([]) == 0
    printed = capsys.readouterr().out
    flat = re.sub(r"\s+", " ", printed)
    assert flat.index(f"{len(claims)} claims") < flat.index("Nothing was measured on real data") < flat.index("Table V")
    for claim in claims.values():
        assert claim.group in printed and f"(`{claim.key}`)" in flat and claim.verdict in flat
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.parametrize("model", ["stcnn", "late", "lbp-top"])
def test_nothing_is_published_of_ones_own_clips_that_are_called_like_a_database(model):
    own = of_table(name="casme2", title="Ours", class_names=("a", "b", "c"), frames=18, sampling="first", crop="none")
    assert published_value(protocols.get("loso", model, own)).percent is None
