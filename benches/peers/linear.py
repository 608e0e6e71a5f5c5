"""The linear kernels beside numpy, SciPy, statsmodels and R: one run, one thread, CPU time, ratios.

    pip install numpy scipy statsmodels
    python benches/peers/linear.py            # R is measured too where `Rscript` is found

Every figure is the smallest CPU time of several runs on the same simulated series. The Rust side is
`cargo bench --bench kernels`, which this script runs.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import json
import platform
import shutil
import subprocess
import time
import warnings

import numpy as np
import scipy
import scipy.linalg
import scipy.signal
import statsmodels
from statsmodels.regression.linear_model import burg as statsmodels_burg
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.arima.model import ARIMA

warnings.simplefilter("ignore")
P = 20


def ar2(n, seed=0):
    rng = np.random.default_rng(seed)
    return scipy.signal.lfilter([1.0], [1.0, -0.5, -0.3], rng.standard_normal(n)) + 50.0


def measure(work, seconds=2.0):
    """The smallest CPU time of a call; short calls run in batches."""
    work()
    start = time.process_time()
    work()
    once = max(time.process_time() - start, 1e-7)
    batch = max(1, min(10_000, int(2e-3 / once)))
    best, begin = float("inf"), time.process_time()
    while True:
        start = time.process_time()
        for _ in range(batch):
            work()
        best = min(best, (time.process_time() - start) / batch)
        if time.process_time() - begin > seconds:
            return best


def yule_walker(x):
    x = x - x.mean()
    c = np.array([x[k:] @ x[: len(x) - k] for k in range(P + 1)]) / len(x)
    return scipy.linalg.solve_toeplitz(c[:-1], c[1:])


def design(x):
    return np.column_stack([np.ones(len(x) - P)] + [x[P - k : len(x) - k] for k in range(1, P + 1)]), x[P:]


def normal_equations(x):
    rows, y = design(x)
    return np.linalg.solve(rows.T @ rows, rows.T @ y)


def lstsq(x):
    rows, y = design(x)
    return np.linalg.lstsq(rows, y, rcond=None)[0]


def burg(x, order=P):
    x = x - x.mean()
    forward, backward, a = x[1:].copy(), x[:-1].copy(), np.zeros(0)
    for _ in range(order):
        k = 2 * (forward @ backward) / (forward @ forward + backward @ backward)
        a = np.concatenate([a - k * a[::-1], [k]])
        forward, backward = (forward - k * backward)[1:], (backward - k * forward)[:-1]
    return a


def burg_orders(x, order):
    """Burg and AICc of all orders of many series of one length at once; x is series x n."""
    x = x - x.mean(axis=1, keepdims=True)
    n = x.shape[1]
    variance = np.einsum("ij,ij->i", x, x) / n
    forward, backward = x[:, 1:], x[:, :-1]
    best, chosen = n * np.log(variance) + 2 * 2 * n / (n - 3), np.zeros(len(x), int)
    for p in range(1, order + 1):
        top = 2 * np.einsum("ij,ij->i", forward, backward)
        k = top / (np.einsum("ij,ij->i", forward, forward) + np.einsum("ij,ij->i", backward, backward))
        variance = variance * (1 - k * k)
        criterion = n * np.log(variance) + 2 * (p + 2) * n / (n - p - 3)
        better = criterion < best
        best, chosen = np.where(better, criterion, best), np.where(better, p, chosen)
        forward, backward = (forward - k[:, None] * backward)[:, 1:], (backward - k[:, None] * forward)[:, :-1]
    return chosen


class Rls:
    """Recursive least squares as textbooks have it."""

    def __init__(self, p):
        self.b, self.P = np.zeros(p), np.eye(p) * 1e3

    def update(self, row, y, forgetting=0.99):
        g = self.P @ row
        k = g / (forgetting + row @ g)
        self.b += k * (y - row @ self.b)
        self.P = (self.P - np.outer(k, g)) / forgetting


R_SCRIPT = r"""
best <- function(f, runs) min(sapply(seq_len(runs), function(i) sum(system.time(f())[1:2])))
ar2 <- function(n) as.numeric(arima.sim(list(ar = c(.5, .3)), n)) + 50
set.seed(1)
short <- ar2(1000); long <- ar2(1e6); small <- ar2(200)
many <- function(f, k) function() for (i in seq_len(k)) f()
say <- function(work, n, seconds) cat(sprintf('{"work": "%s", "n": %d, "seconds": %.9g}\n', work, n, seconds))
yw <- function(x) function() ar.yw(x, aic = FALSE, order.max = 20)
say("autocovariances and Levinson", 1000L, best(many(yw(short), 50), 5) / 50)
say("autocovariances and Levinson", 1000000L, best(yw(long), 3))
say("least squares", 1000000L, best(function() ar.ols(long, aic = FALSE, order.max = 20, demean = FALSE, intercept = TRUE), 1))
say("Burg, direct", 1000000L, best(function() ar.burg(long, aic = FALSE, order.max = 20), 2))
for (p in c(2, 8)) say(sprintf("exact likelihood, AR(%d)", p), 200L,
  best(many(function() arima(small, c(p, 0, 0), method = "ML"), 5), 5) / 5)
"""


def peers():
    """(work, n) -> {peer: seconds}."""
    short, long, small = ar2(1_000), ar2(1_000_000), ar2(200)
    found = {}

    def add(work, n, peer, seconds):
        found.setdefault((work, n), {})[peer] = seconds
        print(f"{work:40} {n:>10}  {peer:28} {1e6 * seconds:14.1f} us", flush=True)

    for x in (short, long):
        add("autocovariances and Levinson", len(x), "numpy + solve_toeplitz", measure(lambda: yule_walker(x)))
    for peer, work in [("numpy normal equations", normal_equations), ("numpy lstsq", lstsq)]:
        add("least squares", len(long), peer, measure(lambda: work(long)))
    add("least squares", len(long), "statsmodels AutoReg", measure(lambda: AutoReg(long, P).fit(), 0.1))
    add("least squares, pairs of doubles", len(long), "numpy lstsq", measure(lambda: lstsq(long)))
    for form in ("direct", "lag sums"):
        add(f"Burg, {form}", len(long), "numpy", measure(lambda: burg(long)))
        add(f"Burg, {form}", len(long), "statsmodels burg", measure(lambda: statsmodels_burg(long, P)))
    for p in (2, 8):
        fit = lambda: ARIMA(small, order=(p, 0, 0)).fit()
        add(f"exact likelihood, AR({p})", len(small), "statsmodels ARIMA", measure(fit, 1.0))
    rls, row = Rls(8), np.random.default_rng(1).standard_normal(8)
    add("recursive least squares, p = 8", 1, "numpy", measure(lambda: rls.update(row, 0.3)))
    batch = np.stack([ar2(200, seed) for seed in range(2_000)])
    add("Burg, order by AICc up to 16", 100_000, "numpy, batched", 50 * measure(lambda: burg_orders(batch, 16)))
    points, taps = ar2(10_000_000), 0.97 ** np.arange(257)
    work = lambda: scipy.signal.oaconvolve(points, taps, mode="valid")
    add("residuals of order 256", len(points), "SciPy oaconvolve", measure(work, 1.0))
    if shutil.which("Rscript"):
        text = subprocess.run(["Rscript", "-e", R_SCRIPT], capture_output=True, text=True, check=True).stdout
        for line in text.splitlines():
            row = json.loads(line)
            add(row["work"], row["n"], "R", row["seconds"])
    return found


def ours():
    command = ["cargo", "bench", "--bench", "kernels"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {(row["work"], row["n"]): row["seconds"] for row in rows}


def main():
    here, there = ours(), peers()
    versions = f"numpy {np.__version__}, SciPy {scipy.__version__}, statsmodels {statsmodels.__version__}"
    print(f"\n{versions}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| work | n | here | peer | time | ratio |\n|---|---|---|---|---|---|")
    for (work, n), seconds in here.items():
        for peer, theirs in there.get((work, n), {}).items():
            print(f"| {work} | {n:,} | {show(seconds)} | {peer} | {show(theirs)} | {theirs / seconds:.1f} |")


def show(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


if __name__ == "__main__":
    main()
