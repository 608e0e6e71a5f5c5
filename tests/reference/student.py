"""Student's t autoregressions by direct maximisation, for tests/reference/scripted/student.json.

    python tests/reference/student.py > tests/reference/scripted/student.json

x_t = c + sum phi_i x_{t-i} + s e_t, e_t ~ t(v), given the first p values. Written without the closed derivatives or the
EM steps of the library: gradients by complex steps, Newton's method on them from several starts, v held at 200 where the
likelihood rises beyond. numpy and scipy only.
"""

import json
import pathlib

import numpy as np
from scipy.optimize import minimize
from scipy.special import loggamma

FOLDER = pathlib.Path(__file__).parent
BOUND = 200.0


def loss(theta, x, y, dof):
    k = x.shape[1]
    scale = np.exp(theta[k])
    v = dof if dof is not None else np.exp(theta[k + 1])
    r = (y - x @ theta[:k]) / scale
    each = loggamma((v + 1) / 2) - loggamma(v / 2) - np.log(np.pi * v) / 2 - np.log(scale)
    return -np.sum(each - (v + 1) / 2 * np.log(1 + r * r / v))


def gradient(theta, *args):
    step = 1e-30
    rows = np.eye(len(theta)) * 1j * step
    return np.array([loss(theta + row, *args).imag / step for row in rows])


def hessian(theta, *args):
    columns = []
    for i in range(len(theta)):
        h = 1e-5 * max(1.0, abs(theta[i]))
        e = np.zeros(len(theta))
        e[i] = h
        # Five points: the error is of the order h^4.
        g = [gradient(theta + j * e, *args) for j in (-2, -1, 1, 2)]
        columns.append((g[0] - 8 * g[1] + 8 * g[2] - g[3]) / (12 * h))
    columns = np.array(columns)
    return (columns + columns.T) / 2


def climb(start, args):
    theta = minimize(lambda t: float(np.real(loss(t, *args))), start, jac=lambda t: gradient(t, *args), method="BFGS").x
    for _ in range(8):
        theta = theta - np.linalg.solve(hessian(theta, *args), gradient(theta, *args))
    return theta


def fit(series, p):
    n = len(series)
    x = np.column_stack([np.ones(n - p)] + [series[p - i:n - i] for i in range(1, p + 1)])
    y = series[p:]
    b = np.linalg.lstsq(x, y, rcond=None)[0]
    spread = np.log(np.std(y - x @ b))
    found = []
    for v in (2.5, 5.0, 30.0):
        theta = climb(np.r_[b, spread, np.log(v)], (x, y, None))
        if np.all(np.isfinite(theta)) and theta[-1] < np.log(BOUND):
            found.append((theta, None))
    found.append((climb(np.r_[b, spread], (x, y, BOUND)), BOUND))
    theta, dof = min(found, key=lambda f: np.real(loss(f[0], x, y, f[1])))
    k = p + 1
    errors = np.sqrt(np.diag(np.linalg.inv(hessian(theta, x, y, dof))))[:k]
    return {
        "intercept": theta[0],
        "ar": list(theta[1:k]),
        "scale": float(np.exp(theta[k])),
        "dof": BOUND if dof else float(np.exp(theta[k + 1])),
        "loglik": float(-np.real(loss(theta, x, y, dof))),
        "se": list(errors),
        "max_abs_gradient": float(np.max(np.abs(gradient(theta, x, y, dof)))),
    }


def main():
    out = {}
    for name, orders in {"lakehuron": (1, 2), "lynx_log10": (1, 2, 11), "nile": (1,), "wwwusage": (3,)}.items():
        values = np.array(json.loads((FOLDER / f"{name}.json").read_text())["values"])
        out[name] = {f"p{p}": fit(values, p) for p in orders}
    # In its own units the lynx has outliers.
    lynx = 10 ** np.array(json.loads((FOLDER / "lynx_log10.json").read_text())["values"])
    out["lynx"] = {f"p{p}": fit(lynx, p) for p in (1, 2)}
    print(json.dumps(out, indent=1))


main()
