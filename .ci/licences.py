#!/usr/bin/env python3
"""Every dependency's licence is one that deny.toml allows: the part of cargo-deny that needs no installation."""

import json
import re
import subprocess
import sys
import tomllib

with open("deny.toml", "rb") as file:
    licences = tomllib.load(file)["licenses"]
allowed = set(licences["allow"])
exceptions = {entry.get("crate", entry.get("name")): set(entry["allow"]) for entry in licences.get("exceptions", [])}


def holds(expression: str, accepted: set[str]) -> bool:
    """Whether an SPDX expression can be satisfied: names are true when accepted, OR and AND as they stand."""
    words = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    python = []
    for word in words:
        if word in ("(", ")"):
            python.append(word)
        elif word in ("OR", "AND"):
            python.append(word.lower())
        elif word == "WITH":
            # "X WITH exception" is one licence.
            python[-1] = None
        elif python and python[-1] is None:
            python[-1] = "True" if any(a.endswith("WITH " + word) for a in accepted) else "False"
        else:
            python.append(str(word in accepted))
    return eval(" ".join(python))  # noqa: S307 - only True, False, and, or, parentheses


metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))
bad = [
    f"{package['name']} {package['version']}: {package['license']}"
    for package in metadata["packages"]
    if not holds(package["license"] or "none", allowed | exceptions.get(package["name"], set()))
]
print(f"{len(metadata['packages'])} packages, {len(bad)} with a licence that deny.toml does not allow")
sys.exit("\n".join(bad) if bad else 0)
