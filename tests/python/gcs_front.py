"""What an emulator of Google Cloud Storage lacks, before one: tokens, and uploads in parts.

    python gcs_front.py BACKEND DIRECTORY

Writes files of credentials to DIRECTORY, prints `ready PORT`, and serves on that port of loopback
until its standard input ends. Requests with a live token are passed on to BACKEND (host:port).
Needs the package `cryptography`.

    service.json   a service account, its token_uri at this server
    wrong.json     the same account with another private key
    user.json      a user, as gcloud writes it

Beyond the emulator it
- makes tokens (POST /token): RFC 7523 with RS256 for the account, RFC 6749 section 6 for the user;
- does uploads in parts as Google does: 308 with what it has, also as the answer to a question;
- honours ifGenerationMatch when it deletes.

For tests:
- GET /__state tells what happened;
- POST /__control changes what will happen; the fields are told at `Control`.
"""

import base64
import http.client
import http.server
import json
import os
import re
import secrets
import sys
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

EMAIL = "tester@project.iam.gserviceaccount.com"
USER = {"client_id": "me.apps", "client_secret": "s3cret-of-the-client", "refresh_token": "1//refresh"}
UNIT = 256 * 1024
HOP = {"host", "connection", "content-length", "transfer-encoding", "date"}


class Control:
    """What will happen. Each field is set by POST /__control."""

    ttl = 3600  # the life of tokens made from now on, in seconds
    refuse = False  # whether every token is refused, the new ones too
    token_status = 200  # what POST /token answers, if not 200
    gather = 0  # so many requests are held until all of them have come
    take = None  # of the next part of an upload only so many bytes are taken
    fault = None  # {"method", "contains", "times", "how": "before" | "after" | a status}


class State:
    def __init__(self, backend):
        self.backend = backend
        self.lock = threading.RLock()
        self.control = Control()
        self.live = {}  # token: when it ends
        self.sessions = {}
        self.issued, self.scopes, self.parts = [], [], []
        self.refused = self.questions = self.cancelled = self.requests = 0
        self.barrier = None

    def told(self):
        with self.lock:
            return {
                "tokens": len(self.issued),
                "issued": self.issued,
                "scopes": self.scopes,
                "refused": self.refused,
                "requests": self.requests,
                "parts": self.parts,
                "questions": self.questions,
                "cancelled": self.cancelled,
                "sessions": len(self.sessions),
            }

    def change(self, wanted):
        with self.lock:
            if wanted.pop("revoke", False):
                self.live.clear()
            for name, value in wanted.items():
                if not hasattr(Control, name):
                    raise ValueError(f"no control {name!r}")
                setattr(self.control, name, value)
            if wanted.get("gather"):
                self.barrier = threading.Barrier(wanted["gather"])

    def fault(self, method, path):
        """The fault for this request, if it is meant."""
        with self.lock:
            fault = self.control.fault
            if not fault or fault.get("times", 1) <= 0:
                return None
            if fault.get("method", method) != method or fault.get("contains", "") not in path:
                return None
            fault["times"] = fault.get("times", 1) - 1
            return fault["how"]


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    @property
    def state(self):
        return self.server.state

    def answer(self, status, body=b"", headers=()):
        if not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), [*headers, ("Content-Type", "application/json")]
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def failed(self, status, message, headers=()):
        self.answer(status, {"error": {"code": status, "message": message}}, headers)

    def hang_up(self):
        self.close_connection = True

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/__state":
            return self.answer(200, self.state.told())
        if self.path == "/__control":
            self.state.change(json.loads(body))
            return self.answer(200, {})
        if self.path == "/token":
            return self.token(dict(urllib.parse.parse_qsl(body.decode())))
        with self.state.lock:
            self.state.requests += 1
            barrier = self.state.barrier
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        with self.state.lock:
            known = self.state.live.get(token, 0) > time.time() and not self.state.control.refuse
        if barrier is not None:
            try:
                barrier.wait(10)
            except threading.BrokenBarrierError:
                pass
            with self.state.lock:
                self.state.barrier = None
        if not known:
            with self.state.lock:
                self.state.refused += 1
            who = [("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/"')]
            return self.failed(401, "Invalid Credentials", who)
        fault = self.state.fault(self.command, self.path)
        if fault == "before":
            return self.hang_up()
        if isinstance(fault, int):
            return self.failed(fault, "a fault was asked for")
        self.lose = fault == "after"
        self.object(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = serve

    def token(self, form):
        state = self.state
        if state.control.token_status != 200:
            return self.answer(state.control.token_status, {"error": "asked_for"})
        try:
            if form.get("grant_type") == "refresh_token":
                assert all(form.get(name) == value for name, value in USER.items())
                scope = "user"
            else:
                scope = self.checked(form)
        except Exception as error:
            return self.answer(400, {"error": "invalid_grant", "error_description": repr(error)[:200]})
        token = "ya29." + secrets.token_urlsafe(24)
        with state.lock:
            state.live[token] = time.time() + state.control.ttl
            state.issued.append(token)
            state.scopes.append(scope)
        lasts = state.control.ttl
        self.answer(200, {"access_token": token, "expires_in": lasts, "token_type": "Bearer"})

    def checked(self, form):
        """The scope that a signed claim asks for."""
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        head, claims, signature = form["assertion"].split(".")
        assert json.loads(unpadded(head))["alg"] == "RS256"
        signed = f"{head}.{claims}".encode()
        self.server.key.verify(unpadded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(unpadded(claims))
        now = time.time()
        assert claims["iss"] == EMAIL
        assert claims["aud"] == self.server.token_uri, claims["aud"]
        assert claims["iat"] - 300 < now < claims["exp"] <= claims["iat"] + 3600
        assert "devstorage" in claims["scope"]
        return claims["scope"]

    def object(self, body):
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        if path.startswith("/upload/") and query.get("uploadType") == "resumable":
            if self.command == "POST":
                return self.begin(body, query)
            return self.go_on(body, query)
        if self.command == "DELETE" and "ifGenerationMatch" in query:
            with self.state.lock:
                return self.delete(path, query["ifGenerationMatch"])
        if path.startswith("/upload/"):
            # A delete looks and then removes: no put may come between.
            with self.state.lock:
                return self.relay(*self.ask(self.command, self.path, body, self.headers))
        self.relay(*self.ask(self.command, self.path, body, self.headers))

    def ask(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self.state.backend)
        kept = {name: value for name, value in headers.items() if name.lower() not in HOP}
        connection.request(method, path, body, kept)
        response = connection.getresponse()
        answer = response.read()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP]
        connection.close()
        return response.status, answer, kept

    def relay(self, status, body, headers):
        if self.lose:
            return self.hang_up()
        self.answer(status, body, headers)

    def delete(self, path, wanted):
        status, body, headers = self.ask("GET", path, b"", {})
        if status != 200:
            return self.relay(status, body, headers)
        if json.loads(body)["generation"] != wanted:
            return self.failed(412, "conditionNotMet")
        self.relay(*self.ask("DELETE", path, b"", {}))

    def begin(self, body, query):
        number = secrets.token_hex(16)
        total = self.headers.get("X-Upload-Content-Length")
        session = {"document": body, "query": query, "path": self.path.partition("?")[0]}
        session |= {"bytes": b"", "total": int(total), "done": None}
        with self.state.lock:
            self.state.sessions[number] = session
        place = f"{session['path']}?uploadType=resumable&upload_id={number}"
        self.relay(200, b"", [("Location", f"http://{self.headers['Host']}{place}")])

    def go_on(self, body, query):
        state = self.state
        with state.lock:
            session = state.sessions.get(query.get("upload_id"))
            if session is None:
                return self.failed(404, "no such upload")
            if self.command == "DELETE":
                state.cancelled += 1
                del state.sessions[query["upload_id"]]
                return self.relay(499, b"", [])
            told = self.headers["Content-Range"]
            if told == f"bytes */{session['total']}":
                state.questions += 1
            else:
                problem = self.take(session, body, told)
                if problem:
                    return self.failed(400, problem)
            if len(session["bytes"]) == session["total"] and session["done"] is None:
                session["done"] = self.complete(session)
            if session["done"] is not None:
                return self.relay(*session["done"])
            have = len(session["bytes"])
            self.relay(308, b"", [("Range", f"bytes=0-{have - 1}")] if have else [])

    def take(self, session, body, told):
        """Takes a part; what is wrong with it, if anything."""
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", told)
        if not found:
            return f"a bad Content-Range {told}"
        first, last, total = map(int, found.groups())
        have = len(session["bytes"])
        if total != session["total"] or last - first + 1 != len(body) or first != have:
            return f"{told} with {len(body)} bytes does not follow {have} of {session['total']}"
        if last + 1 < total and len(body) % UNIT:
            return "a part is no multiple of 256 KiB"
        self.state.parts.append([first, last + 1])
        most, self.state.control.take = self.state.control.take, None
        session["bytes"] += body if most is None else body[:most]
        return None

    def complete(self, session):
        border = secrets.token_hex(16)
        head = f"--{border}\r\nContent-Type: application/json\r\n\r\n".encode()
        middle = f"\r\n--{border}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
        body = head + session["document"] + middle + session["bytes"] + f"\r\n--{border}--\r\n".encode()
        query = urllib.parse.urlencode({**session["query"], "uploadType": "multipart"})
        kind = {"Content-Type": f"multipart/related; boundary={border}"}
        return self.ask("POST", f"{session['path']}?{query}", body, kind)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that is gone is no fault."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def private_pem(key):
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(*pem, serialization.NoEncryption()).decode()


def main():
    backend, directory = sys.argv[1:3]
    server = Server(("127.0.0.1", 0), Front)
    port = server.server_address[1]
    server.state = State(backend)
    server.token_uri = f"http://127.0.0.1:{port}/token"
    key, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    server.key = key.public_key()
    account = {"type": "service_account", "project_id": "project", "client_email": EMAIL}
    account["token_uri"] = server.token_uri
    files = {
        "service.json": {**account, "private_key": private_pem(key)},
        "wrong.json": {**account, "private_key": private_pem(other)},
        "user.json": {"type": "authorized_user", "token_uri": server.token_uri, **USER},
    }
    for name, content in files.items():
        with open(os.path.join(directory, name), "w") as file:
            json.dump(content, file)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
