"""How hard the synthetic SMIC is: single frames must not give the class away, and MicroExpSTCNN must learn it.

    python benchmarks/synthetic_difficulty.py [--landmarks]

Three parts, each figure a mean and a standard deviation over seeds:
1. MicroExpSTCNN at the settings of the protocol "upstream", on its own split (clips of one subject on both sides) and
   on unseen synthetic subjects (three folds of subjects, their predictions pooled). Scored at the last epoch, nothing
   chosen. It sees the first 18 frames, and 38 % of the apexes come later.
2. Logistic regression and an SVM (RBF) on 40 principal components of one frame of unseen synthetic subjects, over
   several generated sets. The first frame knows nothing of the class by construction, so its row shows the spread of
   chance; "motion" is the apex, wherever it is, minus the first frame, which shows that these classifiers can find what
   there is.
3. With --landmarks: in how many frames dlib's detector finds exactly one face.
All people are warps of one portrait: an unseen synthetic subject is far more like the others than an unseen person.
"""

import tempfile
from pathlib import Path

import cv2
import numpy as np
from harness import begin, whole

from microexp_keras import datasets, metrics, preprocessing, protocols
from microexp_keras.backend import import_keras
from microexp_keras.datasets.database import DATABASES
from microexp_keras.synthetic import trees

PROTOCOL = protocols.get("upstream", model="stcnn", dataset="smic")
CLASSES = DATABASES["smic"].class_names


def generate(folder, seed):
    """A synthetic SMIC without its five short clips: clips, gray stacks, single frames by name, labels and subjects."""
    root = datasets.synthesize("smic", Path(folder) / f"seed-{seed}", seed, progress=False)
    clips = [clip for clip in datasets.find_clips(root) if len(clip.frames) > PROTOCOL.frames]
    stacks = preprocessing.face_stacks(clips, PROTOCOL, progress=False)
    apexes = {Path(film.path).name: film.expressions[0].apex for film in trees.plan("smic", seed)}
    single = {
        "first": stacks[..., 0],
        "apex": np.stack([gray(clip, apexes[clip.id]) for clip in clips]),
    }
    return clips, stacks, single, np.array([clip.label for clip in clips]), [clip.subject for clip in clips]


def gray(clip, index):
    """One frame, uint8 (rows, columns), as the networks see it."""
    return cv2.resize(cv2.imread(str(clip.frames[index]), cv2.IMREAD_GRAYSCALE), (PROTOCOL.size, PROTOCOL.size))


def subject_folds(labels, subjects, folds, seed):
    """Pairs of positions (training, test); no subject is in both."""
    from sklearn.model_selection import GroupKFold

    return GroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, subjects)


def train(keras, images, labels, fold, seed, epochs):
    """Train MicroExpSTCNN; give the test accuracy after each epoch and the labels predicted after the last."""
    from microexp_keras import models, training

    keras.utils.set_random_seed(seed)
    learn, test = fold
    model = models.build_microexp_stcnn(PROTOCOL.frames, PROTOCOL.size)
    training.compile_model(model, PROTOCOL.learning_rate)
    wanted = np.eye(len(CLASSES), dtype=np.float32)[labels]
    batches = training.Batches({"face": images}, wanted, learn, PROTOCOL.batch_size, seed=seed)
    course = []
    for epoch in range(epochs):
        training.train_epoch(model, batches, epoch)
        logs = training.held_out_logs(model, {"face": images}, wanted, test, PROTOCOL.batch_size)
        course.append(logs["val_accuracy"])
    outputs = keras.ops.convert_to_numpy(model(images[test], training=False))
    return np.array(course), outputs.argmax(axis=1)


def measure_networks(stacks, labels, subjects, seeds, epochs):
    keras = import_keras()
    images = preprocessing.standardize(stacks)[0][..., None]
    fold = PROTOCOL.split(labels, subjects)[0]
    best, last, uar, uf1, accuracy = [], [], [], [], []
    majority = np.bincount(labels[fold.test]).max() / len(fold.test)
    for seed in range(seeds):
        course, _ = train(keras, images, labels, (fold.train, fold.test), seed, epochs)
        best.append(course.max())
        last.append(course[-10:].mean())
        predicted = np.zeros_like(labels)
        for learn, test in subject_folds(labels, subjects, 3, seed):
            predicted[test] = train(keras, images, labels, (learn, test), seed, epochs)[1]
        scores = metrics.score(labels, predicted, CLASSES)
        uar.append(scores.uar)
        uf1.append(scores.uf1)
        accuracy.append(scores.accuracy)
    print(f"\nMicroExpSTCNN, {epochs} epochs, {seeds} training seeds, data seed 0, Keras {keras.__version__}")
    print(f"  upstream split (majority {majority:.3f})      best accuracy {spread(best)}   last ten {spread(last)}")
    print(f"  unseen synthetic subjects (majority {np.bincount(labels).max() / len(labels):.3f})")
    print(f"      accuracy {spread(accuracy)}   UAR {spread(uar)} (chance 0.333)   UF1 {spread(uf1)}", flush=True)


def frame_classifiers():
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    logistic = LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)
    components = [StandardScaler(), PCA(40, random_state=0), StandardScaler()]
    return {
        "logistic": make_pipeline(*components, logistic),
        "SVM": make_pipeline(*components[:2], SVC(C=3, class_weight="balanced")),
    }


def measure_frames(sets):
    views = {
        "first frame": lambda single: single["first"],
        "apex frame": lambda single: single["apex"],
        "motion": lambda single: single["apex"].astype(float) - single["first"],
    }
    print(f"\none frame, unseen synthetic subjects, {len(sets)} data seeds: UAR (chance 0.333) and accuracy")
    for view, pixels in views.items():
        for name, classifier in frame_classifiers().items():
            uar, accuracy = [], []
            for _, _, single, labels, subjects in sets:
                values = pixels(single).reshape(len(labels), -1)
                for seed in range(4):
                    predicted = np.zeros_like(labels)
                    for learn, test in subject_folds(labels, subjects, 5, seed):
                        predicted[test] = classifier.fit(values[learn], labels[learn]).predict(values[test])
                    scores = metrics.score(labels, predicted, CLASSES)
                    uar.append(scores.uar)
                    accuracy.append(scores.accuracy)
            # The four ways to part the subjects are averaged first: they share their clips.
            uar, accuracy = (np.reshape(values, (len(sets), 4)).mean(axis=1) for values in (uar, accuracy))
            print(f"  {view:12} {name:9} UAR {spread(uar)}   accuracy {spread(accuracy)}", flush=True)


def measure_faces(clips):
    import dlib

    detector = dlib.get_frontal_face_detector()
    frames = [frame for clip in clips for frame in clip.frames]
    found = np.bincount([len(detector(cv2.imread(str(frame))[..., ::-1].copy(), 1)) for frame in frames], minlength=2)
    print(f"\ndlib, data seed 0: exactly one face in {found[1]} of {len(frames)} frames, none in {found[0]}")


def spread(values):
    return f"{np.mean(values):.3f} +- {np.std(values):.3f}"


def main():
    """Measure frames, then faces if asked to, then networks."""
    args = begin(
        __doc__,
        ("--seeds", whole(3, "training seeds, 0 to skip the networks")),
        ("--data-seeds", whole(8, "generated sets")),
        ("--epochs", whole(PROTOCOL.epochs, "of the networks")),
        ("--landmarks", {"action": "store_true", "help": "also look for the face in every frame (needs dlib)"}),
    )
    with tempfile.TemporaryDirectory() as folder:
        sets = [generate(folder, seed) for seed in range(args.data_seeds)]
        measure_frames(sets)
        if args.landmarks:
            measure_faces(sets[0][0])
    if args.seeds:
        _, stacks, _, labels, subjects = sets[0]
        measure_networks(stacks, labels, subjects, args.seeds, args.epochs)


if __name__ == "__main__":
    main()
