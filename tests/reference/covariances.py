"""Covariances of least squares coefficients by statsmodels: writes least_squares/covariances.json."""

import json
from pathlib import Path

import numpy as np
import statsmodels
from statsmodels.tsa.ar_model import AutoReg

HERE = Path(__file__).parent
CASES = [("lakehuron", [1, 2], "c"), ("lynx_log10", [1, 2, 3, 9], "c"), ("ukgas_log", [1, 4], "ct")]
KINDS = {
    "classical": {},
    "HC0": {"cov_type": "HC0"},
    "HC1": {"cov_type": "HC1"},
    "HAC_1": {"cov_type": "HAC", "cov_kwds": {"maxlags": 1}},
    "HAC_4": {"cov_type": "HAC", "cov_kwds": {"maxlags": 4}},
    "HAC_12": {"cov_type": "HAC", "cov_kwds": {"maxlags": 12}},
}

records = []
for series, lags, trend in CASES:
    y = np.array(json.loads((HERE / f"{series}.json").read_text())["values"])
    for kind, options in KINDS.items():
        # `AutoReg` takes its covariance from the regression on the same columns.
        fit = AutoReg(y, lags=lags, trend=trend).fit(**options)
        records.append({"series": series, "lags": lags, "trend": trend, "kind": kind, "nobs": int(fit.nobs),
                        "covariance": np.asarray(fit.cov_params()).tolist()})

text = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
(HERE / "least_squares/covariances.json").write_text(
    f'{{"versions": "statsmodels {statsmodels.__version__}, numpy {np.__version__}", "records": [\n{text}\n]}}\n')
