"""Byte-pair merges of series of a thousand symbols with HuggingFace tokenizers.

    cargo bench --no-default-features --bench merges    # the same here: 64 series over 16 symbols, 256 merges
    python3 benches/peers/tokens.py                     # needs `pip install tokenizers`
"""

import random
import time

import tokenizers
from tokenizers import Tokenizer, models, trainers

SYMBOLS, LENGTH, SERIES = 16, 1_000, 64


def series(stream):
    rng = random.Random(stream)
    x, out = 8, []
    while len(out) < LENGTH:
        if rng.random() < 0.1:
            out.extend([3, 4, 6, 9, 12, 13, 12, 9, 6, 4, 3, 2])
        x = min(max(x + rng.randrange(5) - 2, 0), SYMBOLS - 1)
        out.append(x)
    return "".join(chr(97 + symbol) for symbol in out[:LENGTH])


if __name__ == "__main__":
    texts = [series(stream) for stream in range(SERIES)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=SYMBOLS + 256, show_progress=False))
    best = float("inf")
    for _ in range(30):
        start = time.perf_counter()
        for text in texts:
            tokenizer.encode(text)
        best = min(best, time.perf_counter() - start)
    print(f"tokenizers {tokenizers.__version__}: {SERIES * LENGTH / best / 1e6:.2f} million symbols/s")
