#!/usr/bin/env python3
"""How many chunks a second the server sends, and nginx, if it is installed. Run by hand:

    server_load.py BIGARRAYS LOAD_EXAMPLE WORKDIR [CLIENTS [REQUESTS]]
"""
import os
import shutil
import socket
import subprocess
import sys
import time

import numpy as np

from served import serving

BINARY, LOAD, WORK = sys.argv[1:4]
CLIENTS, REQUESTS = (sys.argv[4:] + ["200", "40000"][len(sys.argv) - 4:])[:2]

NGINX = """
daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log; worker_processes auto;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000;
  client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
  uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  server {{ listen 127.0.0.1:{port}; root {work}; }} }}
"""


def load(address, name):
    folder = f"{WORK}/tree/8_8_8"
    paths = [f"/{name}/8_8_8/{chunk}" for chunk in sorted(os.listdir(folder))[:64]]
    return subprocess.run([LOAD, address, CLIENTS, REQUESTS, *paths], check=True, text=True,
                          capture_output=True).stdout.strip()


def main():
    voxels = np.asfortranarray(np.random.default_rng(1).integers(0, 256, (256, 256, 256), dtype=np.uint8))
    np.save(f"{WORK}/voxels.npy", voxels)
    places = {"tree": f"file://{WORK}/tree", "lite": f"sqlite://{WORK}/lite.db"}
    for url in places.values():
        subprocess.run([BINARY, "import", f"{WORK}/voxels.npy", url, "--resolution", "8,8,8"], check=True,
                       capture_output=True)
    for cache in ("0", "1G"):
        with serving(BINARY, *(f"{url}={name}" for name, url in places.items()), "--cache", cache) as server:
            for name in places:
                print(f"{name}, cache {cache}: {load(server.url.split('//')[1], name)}")
    if not shutil.which("nginx"):
        print("nginx is not installed: nothing to compare with")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(f"{WORK}/nginx.conf", "w") as file:
        file.write(NGINX.format(work=WORK, port=port))
    nginx = subprocess.Popen(["nginx", "-p", WORK, "-c", f"{WORK}/nginx.conf"])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        print(f"nginx, tree: {load(f'127.0.0.1:{port}', 'tree')}")
    finally:
        nginx.terminate()
        nginx.wait()


if __name__ == "__main__":
    main()
