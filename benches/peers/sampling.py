"""1,000 sampled paths x 48 steps from an AR(12) with NumPy: a loop over steps, vectorised over paths.

    cargo bench --no-default-features --bench sampling    # the same here
    python3 benches/peers/sampling.py
"""

import time

import numpy as np

PATHS, HORIZON = 1_000, 48
PHI = np.array([0.5, 0.1, -0.05, 0.02, 0.03, -0.04, 0.05, 0.01, -0.02, 0.03, 0.04, 0.2])
PAST = np.array([9.0, 10.0, 11.0, 10.0, 9.0, 12.0, 10.0, 9.5, 10.5, 11.0, 8.0, 10.0])


def paths(rng):
    x = np.empty((PAST.size + HORIZON, PATHS))
    x[: PAST.size] = PAST[:, None]
    noise = rng.standard_normal((HORIZON, PATHS))
    for t in range(PAST.size, PAST.size + HORIZON):
        x[t] = 1.0 + PHI[::-1] @ x[t - PAST.size : t] + noise[t - PAST.size]
    return x[PAST.size :]


def smallest(work, rounds=300):
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    rng = np.random.default_rng(7)
    print(f"numpy {np.__version__}")
    print(f"paths            {1e6 * smallest(lambda: paths(rng)):7.0f} us")
    print(f"normals alone    {1e6 * smallest(lambda: rng.standard_normal((HORIZON, PATHS))):7.0f} us")
