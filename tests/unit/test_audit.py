"""The audit recomputes: every verdict follows the published figures, and changes with them."""

import json
import os
import re
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from microexp_keras import audit, paper, protocols
from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import NETWORKS
from microexp_keras.paper import arithmetic
from microexp_keras.paper.published import PAPER

CELLS = [f"{model}-{dataset}" for dataset in ("smic", "casme2") for model in NETWORKS]
KEYS = {
    *(f"{family}-{cell}" for family in ("accuracy", "interval", "selection") for cell in CELLS),
    *(f"{family}-{dataset}" for family in ("table4", "split", "confusion", "clips") for dataset in ("smic", "casme2")),
    *("rival-LBP-TOP-smic", "rival-STCLQP-smic", "rival-3D-FCNN-smic", "rival-CNN-with-augmentation-casme2"),
    *("constant-table5", "constant-table8", "constant-table9", "means-table8", "gain-table8", "counts-table9"),
    *("kernel-table9", "kernel", "shapes", "settings", "untrained-classes", "other-protocol-smic"),
    *("weights-names", "weights-runs", "user-report"),
}


def found(published=PAPER):
    return {claim.key: claim for claim in paper.audit(published)}


@pytest.fixture(scope="module")
def claims():
    return found()


def told(claim):
    return " | ".join([claim.verdict, *claim.arithmetic])


def changed(name, key, value):
    """PAPER with one entry of one of its dictionaries changed."""
    return replace(PAPER, **{name: {**getattr(PAPER, name), key: value}})


def test_every_claim_is_there_once_and_says_how_it_was_found(claims):
    assert set(claims) == KEYS
    assert len(paper.audit()) == len(KEYS)
    for claim in claims.values():
        assert claim.kind in paper.KINDS and claim.subject and claim.verdict and claim.arithmetic
        assert all(isinstance(line, str) and line for line in claim.arithmetic)
        assert claim.certain == (not claim.inferred)


def test_the_published_figures_are_in_our_order_of_classes():
    assert DATABASES["casme2"].class_names == ("angry", "happy", "disgust")
    assert PAPER.confusion["casme2"][1] == (1, 19, 1)  # printed first, as 19 1 1
    assert set(PAPER.accuracy) == set(PAPER.last_ten) == set(PAPER.label_counts)


@pytest.mark.parametrize(
    ("key", "kind", "words"),
    [
        ("accuracy-stcnn-smic", "consistent", ["22 of 32", "no count of 40", "no count of 199"]),
        ("accuracy-stcnn-casme2", "consistent", ["36 of 41", "no count of 203"]),
        ("accuracy-intermediate-smic", "includes training clips", ["109 of 199", "159", "no count of 32"]),
        ("accuracy-late-smic", "includes training clips", ["129 of 199"]),
        ("accuracy-intermediate-casme2", "includes training clips", ["169 of 203", "162", "no count of 41"]),
        ("accuracy-late-casme2", "includes training clips", ["161 of 203"]),
        ("constant-table5", "constant classifier", ["1 of 6", "Intermediate MicroExpFuseNet on SMIC = always neg"]),
        ("constant-table9", "constant classifier", ["6 of 12", "always angry (12/41)", "always happy (21/41)"]),
        ("constant-table8", "consistent", ["none of 6", "cannot sum to 1019"]),
        ("interval-stcnn-smic", "not above majority", ["51.4% to 82.0%", "59.4%", "within", "19/32"]),
        ("interval-stcnn-casme2", "above majority", ["74.5% to 94.7%", "51.2%"]),
        ("rival-LBP-TOP-smic", "not possible", ["no count of 156 or 164"]),
        ("rival-STCLQP-smic", "not comparable", ["105 of 164", "of 32 or 199, and it says"]),
        ("rival-3D-FCNN-smic", "not comparable", ["91 of 164"]),
        ("rival-CNN-with-augmentation-casme2", "not possible", ["no count of 57,", "91, 182"]),
        ("table4-smic", "contradiction", ["66 - 19 = 47", "47 - 6 = 41", "20/5/7", "79 in all, 70 in"]),
        ("table4-casme2", "contradiction", ["206 clips", "203 or 204"]),
        ("split-smic", "consistent", ["66/47/43", "19/6/7", "47/41/36 train"]),
        ("split-casme2", "contradiction", ["12/20/10, 42 in all", "203 or 204 clips, 33 or 34 of disgust"]),
        ("confusion-smic", "consistent", ["14 + 2 + 6 = 22", "22/32"]),
        ("confusion-casme2", "consistent", ["11 + 19 + 6 = 36", "36/41"]),
        ("means-table8", "consistent", ["1019/(10 x 199)", "of 32 clips it is not possible"]),
        ("gain-table8", "selected on scored clips", ["3.57 to 6.25", "2.5 deviations of 2.55"]),
        ("counts-table9", "not possible", ["5x5x3", "26/41, is 63.41%"]),
        ("kernel", "contradiction", ["3x3x8 in Fig. 2", "14, 15 or 16"]),
        ("shapes", "contradiction", ["10x10x27 computed", "2 x 86400 = 172800", "(96 - 15 + 1) // 3 = 27"]),
        ("weights-names", "consistent", ["all 5", "54.77 % or Late"]),
        ("weights-runs", "contradiction", ["40-0.69 and 26-0.69", "22 of 32"]),
        ("user-report", "cannot be known", ["17/32", "of 41 clips: none"]),
        ("selection-stcnn-smic", "selected on scored clips", ["none of 32", "does not change the split"]),
        (
            "selection-intermediate-smic",
            "includes training clips",
            ["159 of 199", "chosen on 199", "43 labels", "109 are negative", "40 surprise", "trained on the mouth"],
        ),
        ("selection-late-casme2", "includes training clips", ["162 of 203", "6 happy, 35 disgust"]),
        ("untrained-classes", "unlikely", ["168/203 = 82.76%; printed 169"]),
        ("settings", "contradiction", ["batch size 8 in the text, 4 in the program"]),
        ("other-protocol-smic", "not comparable", ["5 have a higher UF1 than 0.6259"]),
        ("clips-smic", "cannot be known", ["8 are left out, 4/4/0", "229,132,060,500"]),
        ("clips-casme2", "contradiction", ["57 micro-expressions", "168 or more: 5.6 s"]),
    ],
)  # fmt: skip
def test_the_paper_as_printed(claims, key, kind, words):
    assert claims[key].kind == kind
    for text in words:
        assert text in told(claims[key])


@pytest.mark.parametrize(
    ("published", "key", "kind", "words"),
    [
        (changed("accuracy", ("stcnn", "smic"), 70.00), "accuracy-stcnn-smic", "consistent", "28 of 40"),
        (changed("accuracy", ("stcnn", "smic"), 70.10), "accuracy-stcnn-smic", "not possible", "no count of 32"),
        (changed("accuracy", ("stcnn", "smic"), 70.00), "interval-stcnn-smic", "not possible", "no count of 32"),
        (changed("accuracy", ("stcnn", "smic"), 90.62), "interval-stcnn-smic", "above majority", "lies below"),
        (changed("accuracy", ("stcnn", "smic"), 70.00), "confusion-smic", "contradiction", "Table V has 70.00"),
        (changed("accuracy", ("stcnn", "smic"), 70.00), "weights-names", "contradiction", "nothing in Table V"),
        (changed("accuracy", ("intermediate", "smic"), 54.80), "constant-table5", "consistent", "none of 6"),
        (changed("accuracy", ("intermediate", "smic"), 54.80), "accuracy-intermediate-smic", "not possible", "199"),
        (changed("accuracy", ("intermediate", "smic"), 56.25), "accuracy-intermediate-smic", "consistent", "18 of 32"),
        (changed("accuracy", ("intermediate", "casme2"), 82.76), "untrained-classes", "consistent", "all 6"),
        (changed("accuracy", ("stcnn", "casme2"), 51.22), "constant-table5", "constant classifier", "2 of 6"),
        (changed("rivals", ("LBP-TOP (2013)", "smic"), 42.68), "rival-LBP-TOP-smic", "not comparable", "70 of 164"),
        (
            changed("confusion", "smic", ((14, 0, 5), (2, 2, 2), (1, 1, 5))),
            "confusion-smic",
            "contradiction",
            "14 + 2 + 5 = 21",
        ),
        (
            changed("confusion", "smic", ((13, 0, 5), (2, 3, 2), (1, 0, 6))),
            "split-smic",
            "contradiction",
            "give 19/6/7, 32 in all",
        ),
        (changed("confusion", "casme2", ((11, 0, 1), (1, 19, 0), (1, 1, 8))), "split-casme2", "consistent", "76/94/36"),
        (changed("classes", "smic", (66, 47, 43)), "table4-smic", "contradiction", "60 train, but 66 - 19 = 47"),
        (changed("total", "casme2", 203), "table4-casme2", "consistent", "203 clips"),
        (changed("last_ten", ("late", "smic"), (59.98, 3.19)), "means-table8", "not possible", "59.98"),
        (
            changed("last_ten", ("late", "smic"), (54.77, 3.19)),
            "constant-table8",
            "constant classifier",
            "1 of 6: Late",
        ),
        (changed("last_ten", ("late", "smic"), (65.00, 3.19)), "gain-table8", "consistent", "-0.18"),
        (changed("kernel_sizes", (5, 5, 3), 63.41), "counts-table9", "consistent", "all 12"),
        (changed("kernel_sizes", (5, 5, 19), 29.28), "constant-table9", "constant classifier", "5 of 12"),
        (changed("kernel_sizes", (3, 3, 15), 85.37), "kernel-table9", "contradiction", "85.37 in Table IX"),
        (replace(PAPER, kernel_in_figure=(3, 3, 15)), "kernel", "consistent", "all 3"),
        (replace(PAPER, kernel_in_text=(3, 3, 8)), "shapes", "contradiction", "10x10x29 computed"),
        (replace(PAPER, stream_shape=(10, 10, 27), concatenation=172800), "shapes", "consistent", "172800"),
        (replace(PAPER, weights={"40-0.69": "the programs"}), "weights-runs", "consistent", "all 6"),
        (replace(PAPER, user_report=54), "user-report", "cannot be known", "22/41"),
        (changed("distributed", "smic", (66, 47, 43)), "clips-smic", "consistent", "0/0/0"),
        (changed("distributed", "smic", (65, 47, 43)), "clips-smic", "contradiction", "-1/0/0"),
        (changed("frame_rate", "casme2", 200), "clips-casme2", "contradiction", "57 micro-expressions"),
    ],
)
def test_another_figure_gives_another_verdict(claims, published, key, kind, words):
    claim = found(published)[key]
    assert claim.kind == kind and words in told(claim)
    assert (claim.kind, claim.verdict) != (claims[key].kind, claims[key].verdict)


def test_what_is_inferred_goes_with_what_it_is_inferred_from(claims):
    published = changed("accuracy", ("intermediate", "casme2"), 82.76)
    assert "takes no shuffle" in claims["untrained-classes"].inferred and found(published)["untrained-classes"].certain
    assert not claims["constant-table9"].certain and claims["counts-table9"].certain
    sound = replace(PAPER, kernel_sizes={(3, 3, 15): 87.80})
    assert found(sound)["constant-table9"].certain


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_fractions_are_those_that_print_so(decimals):
    step = Decimal(1).scaleb(-decimals)
    for n in (1, 7, 32, 41, 160, 203):
        exact = [Decimal(100 * k) / n for k in range(n + 1)]
        printed = np.random.default_rng(n).integers(0, 100 * 10**decimals + 1, 20) / 10**decimals
        for percent in [*printed, *(round(float(value), decimals) for value in exact)]:
            wanted = Decimal(str(round(float(percent), decimals))).quantize(step)
            for truncated, rules in (
                (False, (ROUND_HALF_UP, ROUND_HALF_EVEN, "ROUND_HALF_DOWN")),
                (True, (ROUND_DOWN,)),
            ):
                brute = [
                    k for k, value in enumerate(exact) if any(value.quantize(step, rule) == wanted for rule in rules)
                ]
                assert arithmetic.fractions(percent, n, decimals, truncated) == brute


def test_ties_go_either_way_and_cut_digits_are_said():
    assert arithmetic.fractions(3.12, 32) == arithmetic.fractions(3.13, 32) == [1]  # 3.125 exactly
    assert arithmetic.fractions(68.29, 41) == [28] and not arithmetic.fractions(68.30, 41)
    assert arithmetic.fractions(78.04, 41) == [] and arithmetic.fractions(78.04, 41, truncated=True) == [32]
    claim = found(changed("accuracy", ("stcnn", "casme2"), 78.04))["accuracy-stcnn-casme2"]
    assert claim.kind == "consistent" and "32/41 = 78.0488%, only if digits are cut off" in told(claim)


def test_totals_are_the_sizes_with_a_fraction():
    assert arithmetic.totals(64.02, 164) == [164]
    assert arithmetic.totals(78.02, 357) == [91, 182, 232, 273, 323]
    assert arithmetic.totals(50, 6, decimals=0) == [2, 4, 6]


def test_the_splits_are_the_protocols_own():
    split = protocols.get("upstream", "stcnn", "casme2").split
    assert arithmetic.held_out_counts((66, 47, 43), split) == (19, 6, 7)
    assert arithmetic.fitting_totals((76, 94, 36), (12, 21, 8), split) == [203, 204]
    fits = arithmetic.fitting_counts(156, (19, 6, 7), split)
    assert (66, 47, 43) in fits and (79, 34, 43) not in fits
    assert all(arithmetic.held_out_counts(counts, split) == (19, 6, 7) for counts in fits)


@pytest.mark.parametrize("form", audit.FORMATS)
def test_every_form_is_written_and_printed_alike(form, claims, tmp_path, capsys):
    assert audit.main(["--format", form]) == 0
    printed = capsys.readouterr().out
    assert audit.main(["--format", form, "--out", str(tmp_path / "audit")]) == 0
    assert (tmp_path / "audit").read_text(encoding="utf-8") == printed
    flat = re.sub(r"\s+", " ", printed)
    if form == "json":
        read = json.loads(printed)
        assert read["measured_on_real_data"] is False and read["package"].startswith("microexp_keras ")
        assert {claim["key"]: claim["kind"] for claim in read["claims"]} == {k: c.kind for k, c in claims.items()}
        assert all({"certain", "inferred", "unknown", "arithmetic"} <= set(claim) for claim in read["claims"])
        return
    assert "Nothing was measured on real data" in flat and f"{len(claims)} claims" in flat
    for claim in claims.values():
        assert claim.group in printed
        assert form == "text" or (f"(`{claim.key}`)" in printed and claim.verdict in printed)
    if form == "text":
        assert max(map(len, printed.splitlines())) <= 100


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path, capsys):
    path = os.path.join(tmp_path, "no", "such", "folder.txt")
    assert audit.main(["--out", path]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {path}") and len(captured.err.splitlines()) == 1 and not captured.out
