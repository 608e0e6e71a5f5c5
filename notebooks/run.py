"""Runs notebooks with plain Python: no Jupyter, no kernel.

    python3 run.py NOTEBOOK...           checks that every cell runs, and that what it prints and draws is what is stored
    python3 run.py --write NOTEBOOK...   stores what every cell prints and draws

Digits and the order of lines are not compared: another processor may round the last digits differently. Of IPython there is `display` with `SVG`.
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


def shape(outputs):
    """What is compared: the text without numbers, that a drawing is one, and its words."""
    shapes = []
    for output in outputs:
        if output["output_type"] == "stream":
            words = re.sub(r"[-+−]?\d[\d.,]*(e[-+]?\d+)?|█", "#", "".join(output["text"]))
            # What is sorted by a number may change places.
            shapes.append(sorted(re.sub(r"[ #]+", " ", words).splitlines()))
        else:
            text = "".join(output["data"]["image/svg+xml"])
            shapes.append(("drawing", re.findall(r"[A-Za-z][a-z]{3,}", " ".join(re.findall(r">([^<>]+)</text>", text)))[:3]))
    return shapes


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
                elif shape(outputs) != shape(cell["outputs"]):
                    print(f"stored: {shape(cell['outputs'])}\nnow:    {shape(outputs)}", file=sys.stderr)
                    sys.exit(f"{label}: the outputs are not those stored; store them with run.py --write")
        if is_written:
            file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
