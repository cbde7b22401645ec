#!/usr/bin/env python3
"""schemathesis against the server and its own OpenAPI document, with and without tokens.

    server_openapi.py BIGARRAYS WORKDIR PYTHON [EXAMPLES]

PYTHON is one with schemathesis; EXAMPLES how many requests it invents for each operation.
"""
import subprocess
import sys

from served import serving
from tissue import pyramids

BINARY, WORK, PYTHON = sys.argv[1:4]
EXAMPLES = sys.argv[4] if len(sys.argv) > 4 else "60"
TOKEN = "0123456789abcdef"
# A query may be written well and still ask for what there is not: a box whose ends are the wrong way
# round, a png of a box, more than the server sends at once.
SETTINGS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "400", "404", "413", "416"]
"""


def examine(server, *more):
    line = [PYTHON, "-m", "schemathesis.cli", "--config-file", f"{WORK}/schemathesis.toml", "run", f"{server.url}/openapi.json", "--checks", "all",
            "--max-examples", EXAMPLES, "--seed", "8", "--no-color", "--continue-on-failure", *more]
    # What it learns it would keep in the folder where it is run.
    done = subprocess.run(line, cwd=WORK, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    print("\n".join(line for line in done.stdout.splitlines() if "generated" in line or "Test cases" in line))


def main():
    images, labels = f"sqlite://{WORK}/img.db", f"{WORK}/labels"
    pyramids(BINARY, WORK, images, labels)
    with open(f"{WORK}/tokens", "w") as file:
        file.write(TOKEN + "\n")
    with open(f"{WORK}/schemathesis.toml", "w") as file:
        file.write(SETTINGS)
    places = [f"{images}=em", f"{labels}=cells"]
    with serving(BINARY, *places) as server:
        examine(server)
    with serving(BINARY, *places, "--token-file", f"{WORK}/tokens") as server:
        examine(server, "--header", f"Authorization: Bearer {TOKEN}")


if __name__ == "__main__":
    main()
