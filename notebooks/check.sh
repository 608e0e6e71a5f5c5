#!/bin/sh
# Runs the code cells of every notebook here, in order, with plain python3. FORETOKEN is the path of the binary:
#
#     cargo build --release && FORETOKEN=target/release/foretoken notebooks/check.sh
set -eu

foretoken=${FORETOKEN:?set FORETOKEN to the path of the foretoken binary}
FORETOKEN=$(realpath "$foretoken")
export FORETOKEN
TMPDIR=$(mktemp -d) # whatever the notebooks write
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

cd "$(dirname "$0")"
for notebook in *.ipynb; do
    echo "== $notebook"
    python3 - "$notebook" <<'PYTHON'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    cells = json.load(file)["cells"]
names = {"__name__": "__main__"}
for number, cell in enumerate(cells, start=1):
    if cell["cell_type"] == "code":
        if cell["outputs"]:
            sys.exit(f"{sys.argv[1]}, cell {number}: outputs are not committed; clear them")
        # The name of the code says which cell a traceback means.
        exec(compile("".join(cell["source"]), f"{sys.argv[1]}, cell {number}", "exec"), names)
PYTHON
done
