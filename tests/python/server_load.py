#!/usr/bin/env python3
"""Many clients ask for random chunks: none is refused, memory is bounded; and how fast that is beside
nginx, if it is installed, over the same directory tree in the same run. `wrk` (Debian) asks.

    server_load.py BIGARRAYS WORKDIR [--seconds 60] [--clients 200] [--chunk 64] [--least 0.6]

The command should be a release build. `--least` is what part of nginx's answers a second those of the
directory tree must be.
"""
import argparse
import getpass
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import numpy as np

from served import serving, stores
from tissue import run

SHAPE = (512, 512, 256)
# Beside what the option says there are the program, its threads, and what the stores themselves keep.
MEMORY, BESIDE = 128, 192

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


def load(options, base, root, names):
    """What wrk counted."""
    script = f"{options.work}/ask.lua"
    listed = ", ".join(f'"{name}"' for name in names)
    with open(script, "w") as file:
        file.write(ASKING.format(names=listed, root=root, seed=7))
    done = subprocess.run(["wrk", "-t2", f"-c{options.clients}", f"-d{options.seconds}s", "--timeout", "30s", "-s", script, base],
                          check=True, text=True, capture_output=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["errors"] == [0] * 5 and told["requests"] > 0, told
    told["rate"] = told["requests"] / told["micros"] * 1e6
    return told


def show(what, told, more=""):
    print(f"{what}: {told['rate']:.0f} answers/s, {told['bytes'] / told['micros'] / 1.048576:.0f} MiB/s, "
          f"half within {told['half'] / 1000:.1f} ms, 99 % within {told['most'] / 1000:.1f} ms{more}", flush=True)


def most_memory(process):
    """MiB that the server had at the most."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) >> 10


def nginx(options, names):
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
        return load(options, f"http://127.0.0.1:{port}", "/tree/8_8_8/", names)
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
    voxels = np.asfortranarray(np.random.default_rng(1).integers(0, 256, SHAPE, dtype=np.uint8))
    np.save(f"{options.work}/voxels.npy", voxels)
    places = stores(options.binary, options.work)
    edge = options.chunk
    for url in places.values():
        run(options.binary, "import", f"{options.work}/voxels.npy", url, "--resolution", "8,8,8", "--chunk", f"{edge},{edge},{edge}")
    os.remove(f"{options.work}/voxels.npy")
    names = sorted(os.listdir(f"{options.work}/tree/8_8_8"))
    print(f"{options.clients} clients, {options.seconds} s, {len(names)} chunks of {edge**3 >> 10} KiB")
    rates = {}
    for name, url in places.items():
        with serving(options.binary, f"{url}={name}", "--memory", f"{MEMORY}M") as server:
            told = load(options, server.url, f"/{name}/8_8_8/", names)
            memory = most_memory(server.process)
        rates[name] = told["rate"]
        show(name, told, f", {memory} MiB at the most")
        # Pages of its file that a database maps are counted, too.
        mapped = 256 if name != "tree" else 0
        assert memory < MEMORY + BESIDE + mapped, f"{name} took {memory} MiB"
    if not options.nginx:
        print("nginx is not installed: nothing to compare with")
        return
    told = nginx(options, names)
    show("nginx, tree", told)
    for name, rate in rates.items():
        print(f"{name}: {rate / told['rate']:.2f} of nginx")
    part = rates["tree"] / told["rate"]
    assert part >= options.least, f"{part:.2f} of nginx is less than {options.least}"


if __name__ == "__main__":
    main()
