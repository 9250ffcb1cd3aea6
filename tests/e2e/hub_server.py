"""A hub as huggingface.co behaves towards a client that downloads, on real sockets: the API, resolve with its headers,
large files
on another host behind signed addresses, tokens, gated repositories. And one that misbehaves as it is told to."""
import collections
import contextlib
import hashlib
import http.server
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Repo:
    """files: name -> bytes; those in `lfs` are large and lie on the other host."""

    def __init__(self, files, lfs=(), commit=COMMIT, token=None, gated=False, branches=("main",)):
        self.files, self.lfs, self.commit, self.token, self.gated = dict(files), set(lfs), commit, token, gated
        self.branches = set(branches)
        self.listed = None                      # names that the API shows; None: those that are there
        self.etags = {}                         # name -> ETag that is a lie

    def etag(self, name):
        data = self.files[name]
        return self.etags.get(name) or (hashlib.sha256(data).hexdigest() if name in self.lfs else git_sha1(data))


class Hub:
    """Hub() as a context manager; .url, .cdn_url; .repos[name] = Repo(...); .requests: what was asked, in order.
    .faults[(method, part of the path)]: a list of functions of the handler, one used up by each request; True:
    it has answered."""

    def __init__(self, tls=None):
        self.repos, self.requests, self.faults = {}, [], collections.defaultdict(list)
        self.prefix = ""
        self.rate = None                        # bytes a second of large files
        self.ranges = True
        self.lock = threading.Lock()
        self.stack = contextlib.ExitStack()
        self.servers = [self.serve(HubHandler, tls), self.serve(CdnHandler, None)]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.servers[0].server_address[1]}"
        self.cdn_url = f"http://127.0.0.1:{self.servers[1].server_address[1]}"

    def serve(self, handler, tls):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("H", (handler,), {"hub": self}))
        server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        return server

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def asked(self, method, part, host="hub"):
        return [r for r in self.requests if r.method == method and part in r.path and r.host == host]


Request = collections.namedtuple("Request", "host method path headers")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host = ""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.dispatch()

    do_HEAD = do_GET

    def dispatch(self):
        with self.hub.lock:
            self.hub.requests.append(Request(self.host, self.command, self.path, dict(self.headers.items())))
            fault = None
            for (method, part), queue in self.hub.faults.items():
                if method == self.command and part in self.path and queue:
                    fault = queue.pop(0)
                    break
        try:
            if not (fault and fault(self)):
                self.answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, message):
        self.reply(status, json.dumps({"error": message}).encode(), X_Error_Code=code, X_Error_Message=message)

    def send_file(self, data, etag, **headers):
        begin = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.hub.ranges:
            begin = int(wanted[1])
            if begin >= len(data):
                self.reply(416, Content_Range=f"bytes */{len(data)}")
                return
            headers["Content_Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self.send_response(206 if "Content_Range" in headers else 200)
        for name, value in {"ETag": f'"{etag}"', "Accept_Ranges": "bytes", "Content_Length": len(data) - begin,
                            **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.write_slowly(data[begin:])

    def write_slowly(self, data):
        if not self.hub.rate:
            self.wfile.write(data)
            return
        step = max(1, self.hub.rate // 50)
        for i in range(0, len(data), step):
            self.wfile.write(data[i:i + step])
            self.wfile.flush()
            time.sleep(0.02)

    def hang_up(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


class HubHandler(Handler):
    host = "hub"

    def find(self, name):
        """The repository, or None when the refusal has been sent."""
        repo = self.hub.repos.get(name)
        sent = self.headers.get("Authorization")
        if sent and not sent.startswith("Bearer hf_"):
            self.refuse(401, "InvalidToken", "Invalid credentials in Authorization header")
        elif not repo or (repo.token and not repo.gated and sent != f"Bearer {repo.token}"):
            self.refuse(404 if sent else 401, "RepoNotFound", "Repository not found")
        else:
            return repo
        return None

    def answer(self):
        path = urllib.parse.urlsplit(self.path).path
        if not path.startswith(self.hub.prefix):
            self.reply(404)
            return
        path = path[len(self.hub.prefix):]
        api = re.fullmatch(r"/api/models/([^/]+(?:/[^/]+)?)/revision/([^/]+)", path)
        tree = re.fullmatch(r"/api/models/([^/]+(?:/[^/]+)?)/tree/([^/]+)", path)
        file = re.fullmatch(r"/([^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)", path)
        if api:
            self.describe(api[1], urllib.parse.unquote(api[2]))
        elif tree:
            self.list_tree(tree[1], urllib.parse.unquote(tree[2]))
        elif file:
            self.resolve(file[1], urllib.parse.unquote(file[2]), urllib.parse.unquote(file[3]))
        else:
            self.reply(404)

    def describe(self, name, revision):
        repo = self.find(name)
        if not repo:
            return
        if revision not in repo.branches and revision != repo.commit:
            self.refuse(404, "RevisionNotFound", "Invalid rev id: " + revision)
            return
        names = repo.files if repo.listed is None else repo.listed
        self.reply(200, json.dumps({"id": name, "modelId": name, "sha": repo.commit, "private": bool(repo.token),
                                    "gated": "manual" if repo.gated else False,
                                    "siblings": [{"rfilename": n} for n in names]}).encode(),
                   Content_Type="application/json", ETag='W/"x"')

    def list_tree(self, name, revision):
        """What huggingface_hub asks instead of the siblings."""
        repo = self.find(name)
        if not repo:
            return
        rows = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": d}
                for d in sorted({n.rsplit("/", 1)[0] for n in repo.files if "/" in n})]
        for n, data in repo.files.items():
            row = {"type": "file", "oid": git_sha1(data), "size": len(data), "path": n}
            rows.append({**row, "lfs": {"oid": repo.etag(n), "size": len(data), "pointerSize": 134}} if n in repo.lfs
                        else row)
        self.reply(200, json.dumps(rows).encode(), Content_Type="application/json")

    def resolve(self, name, revision, file):
        repo = self.find(name)
        if not repo:
            return
        if repo.gated and self.headers.get("Authorization") != f"Bearer {repo.token}":
            self.refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo",
                        f"Access to model {name} is restricted")
        elif revision not in repo.branches and revision != repo.commit:
            self.refuse(404, "RevisionNotFound", "Invalid rev id: " + revision)
        elif file not in repo.files:
            self.refuse(404, "EntryNotFound", "Entry not found")
        elif file in repo.lfs:
            self.reply(302, b"Found. Redirecting", X_Repo_Commit=repo.commit, X_Linked_Etag=f'"{repo.etag(file)}"',
                       X_Linked_Size=len(repo.files[file]),
                       Location=f"{self.hub.cdn_url}/{urllib.parse.quote(name)}/{urllib.parse.quote(file)}"
                                "?X-Amz-Signature=s3cret", Accept_Ranges="bytes")
        else:
            self.send_file(repo.files[file], repo.etag(file), X_Repo_Commit=repo.commit)


class CdnHandler(Handler):
    """Knows the signature and no tokens: one that is sent to it has leaked."""
    host = "cdn"

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        name, _, file = urllib.parse.unquote(url.path)[1:].rpartition("/")
        if "X-Amz-Signature=s3cret" not in url.query or self.headers.get("Authorization"):
            self.reply(403, b"<Error>AccessDenied</Error>")
        else:
            data = self.hub.repos[name].files[file]
            self.send_file(data, hashlib.md5(data).hexdigest())


# ---- faults ----

def status(code, **headers):
    def fault(handler):
        handler.reply(code, b"busy", **headers)
        return True
    return fault


def cut_after(count):
    """Announces all and sends `count` bytes of what was asked for."""
    def fault(handler):
        whole = handler.hub

        def write(data):
            handler.wfile.write(data[:count])
            handler.hang_up()
        handler.write_slowly = write
        assert whole
        return False
    return fault


def replace_body(data):
    def fault(handler):
        handler.reply(200, data)
        return True
    return fault


def hang_up(handler):
    handler.hang_up()
    return True


def stall(handler):
    time.sleep(30)
    return True


def redirect(location, code=302, **headers):
    def fault(handler):
        handler.reply(code, Location=location, **headers)
        return True
    return fault


def without_length(etag, data):
    """As a server that computes what it sends: the end of the connection is the end of the file."""
    def fault(handler):
        handler.send_response(200)
        handler.send_header("ETag", f'"{etag}"')
        handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data)
        handler.close_connection = True
        return True
    return fault
