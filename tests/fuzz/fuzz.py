"""Thousands of damaged files of each kind, every one read in a child under a limit of time and memory.

    PYTHONPATH=tests python -m fuzz.fuzz [--kinds h5 npy ...] [--count 1000] [--seed 0]

A change is drawn from a seed, so that every failure can be made again. What is allowed: a MicroExpError, or the right
content; for files with checksums "right" is "the same". Everything else fails the command: another exception, other
content of a file with checksums, more than SECONDS, more than MEGABYTES above what the process takes before.
"""

import argparse
import collections
import json
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path

import cv2

from fuzz.subjects import KINDS
from microexp_keras.errors import MicroExpError

SECONDS, MEGABYTES = 10, 512

NUMBERS = [0, 1, 2, 16, 255, 256, 2**15, 2**16 - 1, 2**20, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]
WORDS = ["9e9", "-1", "1e400", "NaN", "Infinity", "null", "[]", "{}", "true", '""', '"../x"', "[[[[0]]]]", "1" * 5000]


def main():
    """Damage files and count what comes of it."""
    parser = argparse.ArgumentParser(description="Read damaged files under limits.")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--count", type=int, default=1000, help="of damaged files of each kind (default: 1000)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    failed = 0
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            counts, failures, seconds, megabytes = run(kind, Path(folder), args.count, args.seed)
        failed += len(failures)
        said = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
        print(f"{kind}: {said}; slowest {seconds:.2f} s, most memory {megabytes} MB")
        for number, what in failures:
            print(f"  seed {args.seed}, number {number}: {what}")
    return int(failed > 0)


def run(kind, folder, count, seed):
    """Read `count` damaged files of a kind; give counts, failures, the longest time and the most memory of one."""
    subjects = [(subject, subject.read(written(folder, subject, subject.bytes))) for subject in KINDS[kind](folder)]
    rows = []  # number, what came of it (of a failure with a colon), seconds, megabytes
    while len(rows) < count:
        rows += in_child(subjects, folder, range(len(rows), count), seed)
    counts = collections.Counter(outcome.partition(": ")[0] for _, outcome, _, _ in rows)
    failures = [(number, outcome) for number, outcome, _, _ in rows if ": " in outcome]
    return counts, failures, max(row[2] for row in rows), max(row[3] for row in rows)


def in_child(subjects, folder, numbers, seed):
    """Read the damaged files of these numbers in a child, until all are done or one ends it; give a row for each."""
    reader, writer = os.pipe()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(0)  # a child would wait for threads that it has not got
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            before = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (before + MEGABYTES * 2**20,) * 2)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the cache and OpenCV say what is damaged
            for number in numbers:
                signal.alarm(SECONDS)
                row = number, *outcome_of(subjects, folder, random.Random(f"{seed} {number}"))
                os.write(writer, json.dumps(row).encode() + b"\n")
        finally:
            os._exit(0)
    os.close(writer)
    cv2.setNumThreads(threads)
    with open(reader) as lines:
        rows = [json.loads(line) for line in lines]
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        ended = signal.Signals(os.WTERMSIG(status))
        what = "hung" if ended == signal.SIGALRM else "crashed"
        rows.append([numbers[len(rows)], f"{what}: {ended.name}", SECONDS, 0])
    return rows


def outcome_of(subjects, folder, draw):
    """Read one damaged file; give what came of it, a failure with a colon, and what it took."""
    subject, expected = draw.choice(subjects)
    path = written(folder, subject, damaged(subject, draw))
    before, start = peak(), time.perf_counter()
    try:
        found = subject.read(path)
        outcome = "same" if found == expected else "refused" if found is None else "other"
        if subject.sealed and outcome == "other":
            outcome = f"other: {subject.name} was accepted with other content"
    except MicroExpError:
        outcome = "refused"
    except BaseException as error:
        outcome = f"raised: {type(error).__name__} {error}"
    return outcome, time.perf_counter() - start, peak() - before


def damaged(subject, draw):
    """Change some bytes of a file, nine times of ten where its structure is."""
    data = bytearray(subject.bytes)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        whole = (0, len(data))
        first, end = draw.choice(subject.structure or [whole]) if draw.random() < 0.9 else whole
        end = min(end, len(data))
        if first >= end:
            continue
        place = draw.randrange(first, end)
        how = draw.randrange(8)
        if how == 0:
            data[place] ^= 1 << draw.randrange(8)
        elif how == 1:
            data[place] = draw.choice((0, 1, 0xFF, draw.randrange(256)))
        elif how == 2:
            data[place : place + 16] = bytes(len(data[place : place + 16]))
        elif how in (3, 4):  # a length or an address
            number = draw.choice([*NUMBERS, len(data), draw.randrange(len(data)), draw.randrange(first, end)])
            place -= place % draw.choice((1, 2, 8))
            data[place : place + 8] = struct.pack("<Q", number)[: len(data) - place]
        elif how == 5:  # a block that stands elsewhere too
            length, other = draw.choice((8, 24, 40, 96, 512)), draw.randrange(first, end)
            data[place : place + length] = data[other : other + length][: len(data) - place]
        elif how == 6 and subject.name.endswith(".json"):
            words = subject.bytes.split(b" ")
            words[draw.randrange(len(words))] = draw.choice(WORDS).encode() + draw.choice((b"", b","))
            return b" ".join(words)
        elif draw.random() < 0.1:
            del data[place:]
            if not data:
                break
    return bytes(data)


def written(folder, subject, data):
    (folder / "damaged").mkdir(exist_ok=True)
    path = folder / "damaged" / subject.name
    path.write_bytes(data)
    return path


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
