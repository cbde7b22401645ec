#!/usr/bin/env python3
"""Checks the dependencies against deny.toml, where cargo-deny is not installed.

    python3 .ci/dependencies.py

Of every package in Cargo.lock, for all features and systems: that one of its licences is allowed,
that it is not banned, and that it comes from an allowed registry. Advisories need cargo-deny.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def is_allowed(expression, allowed):
    """Evaluates an SPDX expression; `/` is how old packages write OR."""
    text = expression.replace("/", " OR ")
    tokens = re.findall(r"\(|\)|[^\s()]+", text)
    tokens.reverse()

    def single():
        token = tokens.pop()
        if token == "(":
            result = either()
            if not tokens or tokens.pop() != ")":
                raise ValueError(expression)
            return result
        if tokens and tokens[-1] == "WITH":
            tokens.pop()
            token += f" WITH {tokens.pop()}"
        return token in allowed

    def both():
        result = single()
        while tokens and tokens[-1] == "AND":
            tokens.pop()
            # Not `result and single()`: the rest must be read in any case.
            result = single() and result
        return result

    def either():
        result = both()
        while tokens and tokens[-1] == "OR":
            tokens.pop()
            result = both() or result
        return result

    result = either()
    if tokens:
        raise ValueError(expression)
    return result


def main():
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    allowed = set(rules["licenses"]["allow"])
    banned = {rule["crate"] for rule in rules["bans"]["deny"]}
    registries = {f"registry+{address}" for address in rules["sources"]["allow-registry"]}
    command = ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"]
    packages = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    wrong = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        license = package["license"]
        if not license or not is_allowed(license, allowed):
            wrong.append(f"{name} has the licence {license}, which deny.toml does not allow")
        if package["name"] in banned:
            wrong.append(f"{name} is banned by deny.toml")
        # Packages of the workspace have none.
        if package["source"] is not None and package["source"] not in registries:
            wrong.append(f"{name} comes from {package['source']}, which deny.toml does not allow")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(packages)} packages: licences, bans and sources are those of deny.toml" if not wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
