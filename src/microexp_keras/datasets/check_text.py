"""From what `check` found to text for a terminal, and to JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from microexp_keras.datasets.check import Report
from microexp_keras.datasets.clips import SYNTHETIC_NOTE
from microexp_keras.datasets.tree import SHOWN, by_kind


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as values that JSON can hold."""
    tree = report.tree
    return {
        "dataset": tree.dataset,
        "synthetic": report.synthetic,
        "layout": tree.layout.name,
        "root": str(tree.layout.root),
        "camera": tree.layout.camera,
        "workbook": str(tree.workbook) if tree.workbook else None,
        "annotated": tree.annotated,
        "classes": tree.database.class_names,
        "clips": len(tree.clips),
        "clips_by_subject": report.counts(),
        "published_by_subject": report.published,
        "left_out": tree.left_out,
        "frames_read": report.frames,
        "clips_by_frames": report.lengths,
        "files_by_size": {f"{columns}x{rows}": files for (columns, rows), files in report.sizes.items()},
        "problems": [problem._asdict() for problem in report.problems],
        "stops_training": report.stops_training,
    }


def as_text(report: Report) -> str:
    """Return a report as text for a person."""
    tree = report.tree
    camera = f", camera {tree.layout.camera}" if tree.layout.camera else ""
    lines = [
        tree.database.origin(report.synthetic) + f", tree {tree.layout.name}{camera}, in {tree.layout.root}",
        *([f"annotated by {tree.workbook} ({tree.annotated} clips)"] if tree.workbook else []),
        *([SYNTHETIC_NOTE] if report.synthetic else []),
        "",
        *_table(report),
        "",
    ]
    if tree.left_out:
        lines.append("left out: " + ", ".join(f"{count} {reason}" for reason, count in sorted(tree.left_out.items())))
    if report.lengths:
        lines.append(f"frames of a clip: {_spread(report.lengths)}; {_read(report)}")
        if any(clip.video for clip in tree.clips):
            lines[-1] = f"frames from a clip's first to its video's end: {_spread(report.lengths)}; {_read(report)}"
        sizes = [f"{columns}x{rows} ({files} files)" for (columns, rows), files in report.sizes.items()]
        lines.append(
            "columns x rows: " + ", ".join(sizes[:SHOWN]) + (f" and {len(sizes) - SHOWN} more" * (len(sizes) > SHOWN))
        )
    for stops, title in ((True, "Stops training"), (False, "Worth knowing")):
        kinds = by_kind([problem for problem in report.problems if problem.stops_training == stops])
        lines += ["", f"{title}: {'nothing' if not kinds else ''}".rstrip(" ")]
        for kind, problems in kinds.items():
            lines.append(f"* {kind} ({len(problems)})")
            lines += [f"    {problem.where}: {problem.found}" for problem in problems[:SHOWN]]
            lines += [f"    and {len(problems) - SHOWN} more; --json lists all"] * (len(problems) > SHOWN)
            lines += [f"  {remedy}" for remedy in dict.fromkeys(problem.remedy for problem in problems) if remedy]
    return "\n".join(lines)


def _table(report: Report) -> list[str]:
    """Rows of clips by subject and class, with the published counts where they are known and differ."""
    classes = report.tree.database.class_names
    counts = report.counts()
    counts["all"] = tuple(sum(column) for column in zip(*counts.values(), strict=True)) or (0,) * len(classes)
    published: Mapping[str, tuple[int, ...]] = counts
    if report.published:
        total = tuple(sum(column) for column in zip(*report.published.values(), strict=True))
        published = {**report.published, "all": total}
    wide = max(map(len, ("subject ", *counts))) + 1
    lines = [f"{'subject':<{wide}}" + "".join(f"{name:>12}" for name in (*classes, "clips"))]
    for subject, found in counts.items():
        expected = published.get(subject, (0,) * len(classes))
        pairs = zip((*found, sum(found)), (*expected, sum(expected)), strict=True)
        cells = [str(have) if have == want else f"{have} of {want}" for have, want in pairs]
        lines.append(f"{subject:<{wide}}" + "".join(f"{cell:>12}" for cell in cells))
    return lines


def _read(report: Report) -> str:
    """Which of a clip's frames are read."""
    said = {"first": "the first {} are read", "apex": "{} around the apex are read"}
    return said.get(report.tree.database.sampling, "all are read and brought to {}").format(report.frames)


def _spread(lengths: Mapping[int, int]) -> str:
    """`9 to 58, median 34`."""
    all_lengths = [length for length, clips in lengths.items() for _ in range(clips)]
    return f"{min(all_lengths)} to {max(all_lengths)}, median {int(np.median(all_lengths))}"
