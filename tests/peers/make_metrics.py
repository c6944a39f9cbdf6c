"""Writes tests/data/metrics.json: labels, predictions, and what scikit-learn makes of them.

    python tests/peers/make_metrics.py tests/data/metrics.json
"""
import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

warnings.filterwarnings("ignore")


def of_classes(labels, predicted):
    average = dict(zero_division=0)
    return {
        "accuracy": m.accuracy_score(labels, predicted),
        "balanced_accuracy": m.balanced_accuracy_score(labels, predicted),
        "f1_macro": m.f1_score(labels, predicted, average="macro", **average),
        "f1_weighted": m.f1_score(labels, predicted, average="weighted", **average),
        "precision_macro": m.precision_score(labels, predicted, average="macro", **average),
        "recall_macro": m.recall_score(labels, predicted, average="macro", **average),
        "mcc": m.matthews_corrcoef(labels, predicted),
    }


def main():
    rng = np.random.default_rng(5)
    cases = []
    for index in range(60):
        rows, classes = int(rng.integers(1, 30)), int(rng.integers(2, 6))
        # Halves and quarters, so that there are ties; some classes never come up.
        logits = rng.integers(-8, 9, (rows, classes)) / 4
        labels = rng.integers(0, max(2, classes - index % 3), rows)
        predicted = logits.argmax(1)
        case = {"labels": labels.tolist(), "logits": logits.ravel().tolist(), "classes": classes,
                "values": of_classes(labels, predicted)}
        if classes == 2:
            positive = index % 2
            case["positive"] = positive
            # The binary metrics want a label set of two.
            binary = dict(labels=[0, 1], pos_label=positive, zero_division=0)
            case["values"] |= {
                "f1": m.f1_score(labels, predicted, **binary),
                "precision": m.precision_score(labels, predicted, **binary),
                "recall": m.recall_score(labels, predicted, **binary)}
            if len(set(labels)) == 2:
                score = logits[:, positive] - logits[:, 1 - positive]
                case["values"]["auroc"] = m.roc_auc_score(labels == positive, score)
        cases.append(case)
    for _ in range(10):
        rows = int(rng.integers(2, 30))
        outputs = rng.normal(size=rows).astype(np.float32)
        targets = rng.normal(size=rows).astype(np.float32)
        cases.append({"labels": targets.tolist(), "logits": outputs.tolist(), "classes": 1, "values": {
            "mse": m.mean_squared_error(targets.astype(float), outputs.astype(float)),
            "mae": m.mean_absolute_error(targets.astype(float), outputs.astype(float))}})
    about = f"tests/peers/make_metrics.py with scikit-learn {sklearn.__version__}"
    with open(sys.argv[1], "w", encoding="ascii") as out:
        body = ",\n".join(json.dumps(case) for case in cases)
        out.write(f'{{"made_by": {json.dumps(about)},\n"cases": [\n{body}]}}\n')


if __name__ == "__main__":
    main()
