"""What the first cell of each notebook runs, in the root of the repository: package, Google Drive, device.

Where the package is there already, nothing is installed. It does no harm to run it again, also after a restart.
"""

import importlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from IPython import get_ipython

ON_DRIVE = "MyDrive/microexp"  # there the folders data/ and runs/


def set_up(drive=False, mount_at="/content/drive"):
    """Install what is missing, mount Google Drive if asked to, print the device; return a new folder in runs/."""
    if importlib.util.find_spec("microexp_keras") is None:
        install()
    if drive:
        from google.colab import drive as google_drive

        google_drive.mount(mount_at)
        use_drive(Path(mount_at, ON_DRIVE))
    if shell := get_ipython():  # shows figures that were made without pyplot, too
        shell.run_line_magic("matplotlib", "inline")
    print_device()
    before = [path.name.removeprefix("notebook-") for path in Path("runs").glob("notebook-*")]
    number = max((int(one) for one in before if one.isdigit()), default=0) + 1
    folder = Path("runs", f"notebook-{number:03d}")
    folder.mkdir(parents=True)
    return folder


def install():
    """Install the package with what it needs, and print what pip added and replaced for it."""
    before = versions()
    command = [sys.executable, "-m", "pip", "install", "--quiet", "."]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    importlib.invalidate_caches()
    after, modules = versions(), importlib.metadata.packages_distributions()
    replaced = sorted(name for name in before if before[name] != after.get(name))
    print("pip installed:", ", ".join(sorted(after.keys() - before.keys())))
    for name in replaced:
        print(f"pip replaced {name} {before[name]} by {after.get(name)}")
    loaded = {name for module in sys.modules for name in modules.get(module, [])}
    if old := loaded & set(replaced):
        raise SystemExit(
            f"The old {', '.join(sorted(old))} is loaded: restart the kernel, run this cell again."
        )


def versions():
    """Versions of all installed packages by their names."""
    return {one.name: one.version for one in importlib.metadata.distributions()}


def use_drive(home):
    """Copy or unpack `home`/data to the local disk, which is much faster, and let runs/ be `home`/runs."""
    endings = tuple(ending for _, known, _ in shutil.get_unpack_formats() for ending in known)
    for folder in (home / "data", home / "runs"):
        folder.mkdir(parents=True, exist_ok=True)
    half = Path("data", ".half")  # so that an interrupted copy does not look like a whole one
    for source in sorted((home / "data").iterdir()):
        ending = next((one for one in endings if source.name.lower().endswith(one)), "")
        target = Path("data", source.name[: len(source.name) - len(ending)])
        if target.exists():
            continue
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        if ending:
            shutil.unpack_archive(source, half / "new")
        else:
            (shutil.copytree if source.is_dir() else shutil.copy)(source, half / "new")
        (half / "new").rename(target)
        print(f"{target}: from Google Drive")
    shutil.rmtree(half, ignore_errors=True)
    runs = Path("runs")
    if runs.is_dir() and not runs.is_symlink():
        runs.rename("runs-before-drive")
    if not runs.is_symlink():
        runs.symlink_to(home / "runs", target_is_directory=True)


def print_device():
    """Print what Keras computes on, and what to do if that is no GPU."""
    from microexp_keras.backend import devices, import_keras

    version, found, card = import_keras().__version__, devices(), shutil.which("nvidia-smi")
    print(f"Keras {version} computes on: {', '.join(found)}")
    used = any(kind in one for one in found for kind in ("gpu", "cuda"))
    if used and card:
        print(subprocess.run([card, "-L"], capture_output=True, text=True).stdout.strip())
    elif card:
        print("There is a GPU that is not used.", end=" ")
        print('Run pip install "tensorflow[and-cuda]" and restart the kernel.')
    elif not used:
        print(
            "No GPU. In Colab: Runtime, Change runtime type, T4 GPU; then run this cell again."
        )
