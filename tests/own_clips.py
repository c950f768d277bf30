"""A user's own clips for tests: folders with spaces, people by name, four classes, a video, and their table."""

from trees import write_images, write_video

CLASSES = ("happy", "très sad", "calm", "other $1")
PEOPLE = ("Ana María", "李雷", "p-3")


def write_own(root, frames=20):
    """Twelve clips, one of them a video, and `my clips.csv` as a spreadsheet writes it: byte-order mark, semicolons."""
    rows = ["clip;subject;label;first;last;apex"]
    for person, subject in enumerate(PEOPLE):
        for label, name in enumerate(CLASSES):
            clip = f"people {person}/clip {label}"
            if (person, label) == (1, 2):
                clip = "people 1/film.avi"
                write_video(root / clip, frames, size=40)
                rows.append(f"{clip};{subject};{name};1;{frames};9")
                continue
            write_images(root / clip, range(1, frames + 1), "frame {:03d}.png", size=40)
            rows.append(f"{clip};{subject};{name};;;9")
    path = root / "my clips.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8-sig")
    return path


def write_table(root, *clips):
    """A table of these clips, of one subject and two classes."""
    rows = [f"{clip},1,{'ab'[number % 2]}" for number, clip in enumerate(clips)]
    (root / "clips.csv").write_text("\n".join(["clip,subject,label", *rows]) + "\n")
    return root / "clips.csv"
