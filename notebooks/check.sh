#!/bin/sh
# Runs the code cells of every notebook here from scratch, in order, with plain python3, and compares what they print and draw
# with what is stored, digits aside. FORETOKEN is the path of the binary:
#
#     cargo build --release && FORETOKEN=target/release/foretoken notebooks/check.sh
set -eu

foretoken=${FORETOKEN:?set FORETOKEN to the path of the foretoken binary}
FORETOKEN=$(realpath "$foretoken")
export FORETOKEN
cd "$(dirname "$0")"
exec python3 run.py *.ipynb
