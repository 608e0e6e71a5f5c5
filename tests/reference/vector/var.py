"""Writes var.json: a simulated VAR(2) of three series and what statsmodels' VAR computes from it.

Run in this folder: python3 var.py
"""

import json
from importlib.metadata import version

import numpy as np
from statsmodels.tsa.api import VAR

NAMES = ["a", "b", "c"]
HORIZON = 8


def simulate(n=120, burn_in=200):
    """Levels of different size and scale; c does not act on a."""
    rng = np.random.default_rng(20)
    a1 = np.array([[0.5, 0.2, 0.0], [0.3, 0.4, -0.2], [0.0, 0.6, 0.3]])
    a2 = np.array([[-0.2, 0.1, 0.0], [0.0, -0.3, 0.1], [0.2, 0.0, 0.2]])
    root = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.3, 0.2, 1.1]])
    x = np.zeros((burn_in + n, 3))
    for t in range(2, burn_in + n):
        x[t] = a1 @ x[t - 1] + a2 @ x[t - 2] + root @ rng.standard_normal(3)
    return x[burn_in:] * [1.0, 5.0, 0.1] + [10.0, 1000.0, 0.0]


def granger(fit, caused, causing):
    f = fit.test_causality(caused, causing, kind="f")
    wald = fit.test_causality(caused, causing, kind="wald")
    return {
        "caused": caused,
        "causing": causing,
        "f": f.test_statistic,
        "f_df": [int(d) for d in f.df],
        "f_p": f.pvalue,
        "wald": wald.test_statistic,
        "wald_p": wald.pvalue,
    }


def record(x, order, trend):
    fit = VAR(x).fit(order, trend=trend)
    # The cached covariance is the unbiased one; an order of 0 has neither lags to test nor roots.
    last = x[len(x) - order :] if order else x[:0]
    mean = fit.forecast(last, HORIZON)
    entry = {
        "order": order,
        "trend": trend,
        "params": np.asarray(fit.params).tolist(),
        "bse": np.asarray(fit.bse).tolist(),
        "pvalues": np.asarray(fit.pvalues).tolist(),
        "sigma_u": np.asarray(fit.sigma_u).tolist(),
        "sigma_u_mle": np.asarray(fit.sigma_u_mle).tolist(),
        "llf": fit.llf,
        "aic": fit.aic,
        "bic": fit.bic,
        "hqic": fit.hqic,
        "nobs": int(fit.nobs),
        "forecast": {
            "mean": np.asarray(mean).tolist(),
            "cov": np.asarray(fit.mse(HORIZON)).tolist(),
        },
    }
    if order:
        irf = fit.irf(HORIZON - 1)
        entry["irf"] = irf.irfs.tolist()
        entry["orth_irf"] = irf.orth_irfs.tolist()
        entry["root_moduli"] = sorted(np.abs(fit.roots).tolist())
        entry["granger"] = [granger(fit, i, j) for i in range(3) for j in range(3) if i != j]
    return entry


def selection(x, trend, maxlags=6):
    orders = VAR(x).select_order(maxlags, trend=trend)
    return {
        "trend": trend,
        "maxlags": maxlags,
        "selected": {name: int(getattr(orders, name)) for name in ["aic", "bic", "hqic"]},
        "ics": {name: [float(v) for v in orders.ics[name]] for name in ["aic", "bic", "hqic"]},
    }


def main():
    x = simulate()
    content = {
        "series": "var2",
        "versions": {name: version(name) for name in ["statsmodels", "numpy", "scipy"]},
        "names": NAMES,
        "values": {name: x[:, i].tolist() for i, name in enumerate(NAMES)},
        "fits": [record(x, p, trend) for p, trend in [(0, "c"), (1, "n"), (1, "c"), (2, "c"), (2, "ct"), (4, "c")]],
        "select_order": [selection(x, trend) for trend in ["c", "ct"]],
    }
    with open("var.json", "w", encoding="utf-8") as file:
        json.dump(content, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
