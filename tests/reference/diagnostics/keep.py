"""Writes the reference values of tests and theoretical moments, one file per series.

    python3 keep.py FULL_RECORDS

FULL_RECORDS is the folder of complete reference records (R and statsmodels, see ../README.md), of which the keys below are
kept. ARCH-LM and the roots are computed here, from the values in the files one folder up.
"""

import json
import pathlib
import sys

import numpy as np
from statsmodels.stats.diagnostic import het_arch

R = ["ljung_box_raw", "box_pierce_raw", "ljung_box_resid_yw_pmax", "jarque_bera_raw", "kpss_level", "kpss_trend", "adf",
     "adf_k1", "urca_kpss", "urca_df", "ARMAacf", "ARMAtoMA"]
STATSMODELS = ["ljung_box_raw", "jarque_bera_raw", "kpss", "adf"]

here = pathlib.Path(__file__).parent
for path in sorted(here.parent.glob("*.json")):
    own = json.loads(path.read_text())
    full = json.loads((pathlib.Path(sys.argv[1]) / path.name).read_text())
    e = np.array(own["values"]) - np.mean(own["values"])
    arch = {}
    for lags in (1, 4, 10):
        test = het_arch(e, nlags=lags, result_object=True)
        arch[f"lag{lags}"] = {"lm": float(test.lm), "p": float(test.lmpval)}
    roots = {}
    for key, record in full["r"]["ar_yw"].items():
        phi = np.atleast_1d(record["ar"])
        found = np.roots(np.r_[1.0, -phi][::-1])
        found = found[np.lexsort((found.imag, np.round(np.abs(found), 9)))]
        roots[key] = {"ar": phi.tolist(), "real": found.real.tolist(), "imaginary": found.imag.tolist()}
    kept = {
        "series": own["series"],
        "r": {key: full["r"][key] for key in R},
        "statsmodels": {**{key: full["statsmodels"][key] for key in STATSMODELS}, "het_arch_demeaned": arch},
        "numpy": {"roots": roots},
    }
    (here / path.name).write_text(json.dumps(kept, separators=(",", ":")) + "\n")
