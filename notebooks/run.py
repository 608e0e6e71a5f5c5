"""Runs notebooks with plain Python: no Jupyter, no kernel.

    python3 run.py NOTEBOOK...           checks that every cell runs, and that what it prints and draws is what is stored
    python3 run.py --write NOTEBOOK...   stores what every cell prints and draws

Numbers may differ by a fifth and a unit, and lines stand in another order: another processor rounds differently, and trainings end
elsewhere. Of IPython there is `display` with `SVG`.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
import types
from pathlib import Path


class SVG:
    """A drawing, as IPython.display.SVG."""

    def __init__(self, filename):
        self.text = Path(filename).read_text(encoding="utf-8")


class Recorder(io.StringIO):
    """Standard output that remembers drawings between the lines."""

    def __init__(self):
        super().__init__()
        self.outputs = []

    def flush_text(self):
        if text := self.getvalue():
            self.outputs.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)})
        self.seek(0)
        self.truncate()

    def display(self, drawing):
        self.flush_text()
        lines = drawing.text.splitlines(keepends=True)
        self.outputs.append({"data": {"image/svg+xml": lines}, "metadata": {}, "output_type": "display_data"})


def offer_display(current):
    """Lets notebooks import `display`, which draws into the output of whatever cell runs."""
    sys.modules["IPython"] = types.ModuleType("IPython")
    sys.modules["IPython.display"] = module = types.ModuleType("IPython.display")
    module.SVG, module.display = SVG, lambda drawing: current[-1].display(drawing)


def run(cell, label, names, current):
    """The outputs of a cell."""
    recorder = Recorder()
    current.append(recorder)
    with contextlib.redirect_stdout(recorder):
        # The name of the code says which cell a traceback means.
        exec(compile("".join(cell["source"]), label, "exec"), names)
    recorder.flush_text()
    return recorder.outputs


NUMBER = re.compile(r"[-+−]?\d[\d.,]*(?:e[-+]?\d+)?")
# Another processor rounds differently, and a training of thousands of steps ends elsewhere.
TOLERANCE = 0.2


def lines_of(output):
    """The lines of a text, or of the words of a drawing, as their words and their numbers; what is sorted by a number may change places."""
    if output["output_type"] == "stream":
        lines = "".join(output["text"]).splitlines()
    else:
        svg = "".join(output["data"]["image/svg+xml"])
        lines = [word for word in re.findall(r">([^<>]+)</text>", svg) if re.search("[a-z]{3}", word)][:3]
    words = [re.sub(r"[ #]+", " ", NUMBER.sub("#", line).replace("█", "#")) for line in lines]
    numbers = [[float(number.replace(",", "").replace("−", "-").rstrip(".")) for number in NUMBER.findall(line)] for line in lines]
    return sorted(zip(words, numbers), key=lambda line: line[0])


def is_same(now, stored):
    """Whether outputs have the same words, and numbers that differ by no more than the tolerance and a unit."""
    if [output["output_type"] for output in now] != [output["output_type"] for output in stored]:
        return False
    for a, b in zip(now, stored):
        a, b = lines_of(a), lines_of(b)
        if [words for words, _ in a] != [words for words, _ in b]:
            return False
        pairs = (pair for (_, a), (_, b) in zip(a, b) for pair in zip(a, b))
        is_text = now[0]["output_type"] == "stream"
        if is_text and not all(abs(a - b) <= TOLERANCE * max(abs(a), abs(b)) + 1 for a, b in pairs):
            return False
    return True


def main(arguments):
    is_written = "--write" in arguments
    files = [Path(file).resolve() for file in arguments if file != "--write"]
    if not files:
        sys.exit(__doc__)
    for file in files:
        print("==", file.name, flush=True)
        notebook = json.loads(file.read_text(encoding="utf-8"))
        names, current = {"__name__": "__main__"}, []
        offer_display(current)
        os.chdir(file.parent)
        tempfile.tempdir = None
        with tempfile.TemporaryDirectory() as folder:
            tempfile.tempdir = folder  # whatever the notebook writes
            count = 0
            for number, cell in enumerate(notebook["cells"], start=1):
                if cell["cell_type"] != "code":
                    continue
                count += 1
                label = f"{file.name}, cell {number}"
                outputs = run(cell, label, names, current)
                if is_written:
                    cell["outputs"], cell["execution_count"] = outputs, count
                elif not is_same(outputs, cell["outputs"]):
                    told = [[lines_of(output) for output in outputs] for outputs in (cell["outputs"], outputs)]
                    print(f"stored: {told[0]}\nnow:    {told[1]}", file=sys.stderr)
                    sys.exit(f"{label}: the outputs are not those stored; store them with run.py --write")
        if is_written:
            file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
