"""Penalised autoregressions by scikit-learn: writes least_squares/penalties.json.

Lags are standardised with the deviation of their rows (divisor n), and so is the response for elastic net; the intercept
goes free.
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import ElasticNet, Ridge
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
TIGHT = {"tol": 1e-14, "max_iter": 10_000_000}

records = []
for series, order in [("lakehuron", 4), ("lynx_log10", 12), ("ukgas_log", 9), ("wwwusage", 6)]:
    x = np.array(json.loads((HERE / f"{series}.json").read_text())["values"])
    rows = np.column_stack([x[order - k : len(x) - k] for k in range(1, order + 1)])
    y, scaler = x[order:], StandardScaler().fit(rows)
    z = scaler.transform(rows)
    cases = [("ridge", None, strength) for strength in (0.1, 10.0, 1000.0)]
    cases += [("elastic net", l1, strength) for l1 in (1.0, 0.5, 0.1) for strength in (0.003, 0.03, 0.3)]
    for kind, l1, strength in cases:
        model = Ridge(alpha=strength, solver="cholesky") if kind == "ridge" else ElasticNet(alpha=strength, l1_ratio=l1, **TIGHT)
        size = 1.0 if kind == "ridge" else np.std(y)
        fit = model.fit(z, y / size)
        b = size * fit.coef_ / scaler.scale_
        records.append({"series": series, "order": order, "kind": kind, "l1_ratio": l1, "strength": float(strength),
                        "intercept": float(size * fit.intercept_ - b @ scaler.mean_), "coefficients": b.tolist()})

text = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
(HERE / "least_squares/penalties.json").write_text(
    f'{{"versions": "scikit-learn {sklearn.__version__}, numpy {np.__version__}", "records": [\n{text}\n]}}\n')
