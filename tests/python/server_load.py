#!/usr/bin/env python3
"""Many clients ask for random chunks: none is refused, memory is bounded; and how fast that is beside
nginx, if it is installed, over the same directory tree in the same run. `wrk` (Debian) asks.

    server_load.py BIGARRAYS WORKDIR [--seconds 60] [--clients 200] [--chunk 64] [--least 0.6]

The command should be a release build. `--least` is what part of nginx's answers a second those of the
directory tree must be.
"""
import argparse
import contextlib
import getpass
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import time

import numpy as np

from served import serving, stores
from tissue import run

SHAPE = (512, 512, 256)
# Beside what the option says there are the program, its threads, what the stores themselves keep, and
# pages of their files that they map.
MEMORY, BESIDE = 128, 256

NGINX = """
user {user}; daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log; worker_processes auto;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000000;
  client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
  uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  server {{ listen 127.0.0.1:{port}; root {work}; }} }}
"""

# Each thread of wrk asks for chunks by chance; at the end one line of JSON.
ASKING = """
local names = {{{names}}}
local thread = 0
function setup(t) t:set("seed", thread); thread = thread + 1 end
function init() math.randomseed({seed} + seed) end
function request() return wrk.format("GET", "{root}" .. names[math.random(#names)]) end
function done(summary, latency)
  local e = summary.errors
  print(string.format('{{"requests": %d, "micros": %d, "bytes": %d, "errors": [%d, %d, %d, %d, %d], "half": %d, "most": %d}}',
    summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write, e.status, e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def load(options, base, root, names, seconds):
    """What wrk counted."""
    script = f"{options.work}/ask.lua"
    listed = ", ".join(f'"{name}"' for name in names)
    with open(script, "w") as file:
        file.write(ASKING.format(names=listed, root=root, seed=7))
    done = subprocess.run(["wrk", "-t2", f"-c{options.clients}", f"-d{seconds}s", "--timeout", "30s", "-s", script, base],
                          check=True, text=True, capture_output=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["errors"] == [0] * 5 and told["requests"] > 0, told
    return told


def rate(rounds):
    return sum(told["requests"] for told in rounds) / sum(told["micros"] for told in rounds) * 1e6


def show(what, rounds):
    amount = sum(told["bytes"] for told in rounds) / sum(told["micros"] for told in rounds) / 1.048576
    half, most = (statistics.median(told[key] / 1000 for told in rounds) for key in ("half", "most"))
    print(f"{what}: {rate(rounds):.0f} answers/s, {amount:.0f} MiB/s, half within {half:.1f} ms, 99 % within {most:.1f} ms", flush=True)


def most_memory(process):
    """MiB that the server had at the most."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) >> 10


@contextlib.contextmanager
def nginx(options):
    """Its address, or None where it is not installed."""
    if not options.nginx:
        print("nginx is not installed: nothing to compare with")
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(f"{options.work}/nginx.conf", "w") as file:
        file.write(NGINX.format(work=options.work, port=port, user=getpass.getuser()))
    server = subprocess.Popen([options.nginx, "-p", options.work, "-c", f"{options.work}/nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--chunk", type=int, default=64, help="voxels of an edge of a chunk")
    parser.add_argument("--least", type=float, default=0)
    parser.add_argument("--nginx", default=shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"))
    options = parser.parse_args()
    if not shutil.which("wrk"):
        print("skipped: wrk is not here; run ./test.sh")
        return
    edge = options.chunk
    voxels = np.asfortranarray(np.random.default_rng(1).integers(0, 256, SHAPE, dtype=np.uint8))
    np.save(f"{options.work}/voxels.npy", voxels)
    places = stores(options.binary, options.work)
    for url in places.values():
        run(options.binary, "import", f"{options.work}/voxels.npy", url, "--resolution", "8,8,8", "--chunk", f"{edge},{edge},{edge}")
    os.remove(f"{options.work}/voxels.npy")
    names = sorted(os.listdir(f"{options.work}/tree/8_8_8"))
    # All are asked in turns, so that what else the machine does is borne by all alike.
    turns = max(1, options.seconds // 10)
    seconds = options.seconds // turns
    print(f"{options.clients} clients, {turns} times {seconds} s, {len(names)} chunks of {edge**3 >> 10} KiB")
    served = [f"{url}={name}" for name, url in places.items()]
    with serving(options.binary, *served, "--memory", f"{MEMORY}M") as server, nginx(options) as rival:
        asked = {name: (server.url, name) for name in places}
        if rival:
            asked["nginx"] = (rival, "tree")
        told = {who: [] for who in asked}
        for _ in range(turns):
            for who, (base, name) in asked.items():
                told[who].append(load(options, base, f"/{name}/8_8_8/", names, seconds))
        memory = most_memory(server.process)
    for who, rounds in told.items():
        show(who, rounds)
    print(f"the server had {memory} MiB at the most")
    assert memory < MEMORY + BESIDE, memory
    if rival:
        parts = {name: rate(told[name]) / rate(told["nginx"]) for name in places}
        print("of nginx:", ", ".join(f"{name} {part:.2f}" for name, part in parts.items()))
        assert parts["tree"] >= options.least, f"less than {options.least} of nginx"


if __name__ == "__main__":
    main()
