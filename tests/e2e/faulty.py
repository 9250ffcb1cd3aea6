"""An upstream whose faults are chosen by the model it is asked for, on raw sockets,
so that it can do what no HTTP server would.

    with Faulty() as up:
        ... base_url up.url; ask for the models named in Faulty.ANSWERS; up.requests, up.left("stall") ...
"""
import collections
import json
import socket
import threading
import time


def completion(model, text="Hello from {model}", **extra):
    return json.dumps({"id": "x", "object": "chat.completion", "model": model, **extra, "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text.format(model=model)}}]},
                      indent=1)


def chunk(delta, **more):
    return ("data: " + json.dumps({"id": "x", "object": "chat.completion.chunk",
                                   "choices": [{"index": 0, "delta": delta, **more}]}) + "\n\n").encode()


ROLE, DONE = chunk({"role": "assistant", "content": ""}), b"data: [DONE]\n\n"
WORDS = [chunk({"content": w}) for w in ("one ", "two ", "three")]
STOP = chunk({}, finish_reason="stop")
TOOL = chunk({"tool_calls": [{"index": 0, "id": "t", "type": "function",
                              "function": {"name": "f", "arguments": "{}"}}]})


class Left(Exception):
    """The other side closed the connection."""


class Connection:
    """One request being answered."""
    def __init__(self, sock, head, body):
        self.sock, self.head, self.raw = sock, head, body
        self.body = json.loads(body)
        self.model = self.body["model"]

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise Left from e

    def reply(self, status, body, headers="Content-Type: application/json\r\n", length=None):
        body = body if isinstance(body, bytes) else body.encode()
        self.send(f"HTTP/1.1 {status} X\r\n{headers}Content-Length: "
                  f"{len(body) if length is None else length}\r\n\r\n".encode() + body)

    def begin(self):
        self.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: "
                  b"chunked\r\n\r\n")

    def event(self, *events):
        for e in events:
            self.send(b"%x\r\n%s\r\n" % (len(e), e))

    def end(self):
        self.send(b"0\r\n\r\n")

    def close(self):
        self.sock.close()

    def wait(self, seconds=30):
        """Raises Left once the other side is gone."""
        self.sock.settimeout(seconds)
        if not self.sock.recv(1):
            raise Left
        raise AssertionError("more came instead")


def ok(c):
    if c.body.get("stream"):
        stream(c)
    else:
        c.reply(200, completion(c.model))


def stream(c):
    c.begin()
    c.event(b": ping\n\n", ROLE, *WORDS, STOP, DONE)
    c.end()


def status(code, headers="", body='{"error": {"message": "upstream says no", "type": "t", "code": "c"}}'):
    return lambda c: c.reply(code, body, "Content-Type: application/json\r\n" + headers)


def streamed(*events, then="end"):
    def answer(c):
        c.begin()
        c.event(*events)
        getattr(c, then)()
    return answer


def torn(c):
    """Events in pieces of seven bytes, CRLF line ends."""
    c.begin()
    whole = b"".join([ROLE, *WORDS, STOP, DONE]).replace(b"\n", b"\r\n")
    for i in range(0, len(whole), 7):
        c.event(whole[i:i + 7])
    c.end()


def slow(c):
    c.begin()
    c.event(ROLE)
    for _ in range(200):
        c.event(chunk({"content": "x"}))
        time.sleep(0.02)
    c.event(STOP, DONE)
    c.end()


def ok_then_close(c):
    """Without saying so: whoever uses the connection again finds it closed."""
    ok(c)
    c.close()


def pings(c):
    c.begin()
    c.event(ROLE)
    while True:
        c.event(b": ping\n\n")
        time.sleep(0.05)


def endless(c):
    c.begin()
    while True:
        c.event(chunk({"content": "y" * 10000}))


def long(c):
    c.begin()
    for i in range(2000):
        c.event(chunk({"content": f"{i} " + "z" * 5000}))
    c.event(DONE)
    c.end()


class Faulty:
    ANSWERS = {
        "ok": ok, "ok-2": ok, "ok-3": ok, "stream": stream, "torn": torn, "slow": slow, "then-close": ok_then_close,
        "pings": pings, "endless": endless, "long": long,
        "500": status(500), "503": status(503, "Retry-After: 9\r\n"), "429": status(429, "Retry-After: 9\r\n"),
        "408": status(408),
        "400": status(400), "401": status(401), "404": status(404), "422": status(422),
        "302": status(302, "Location: /elsewhere\r\n"),
        "shows-key": lambda c: c.reply(401, json.dumps({"error": {"message": "bad key " + c.head["authorization"]}})),
        "empty": lambda c: c.reply(200, ""), "html": lambda c: c.reply(200, "<html>", "Content-Type: text/html\r\n"),
        "array": lambda c: c.reply(200, "[1]"), "cut-json": lambda c: c.reply(200, completion("x")[:-5]),
        "no-http": lambda c: (c.send(b"\x00\x01 garbage\r\n\r\n"), c.close()), "close": lambda c: c.close(),
        "half": lambda c: (c.reply(200, completion("x")[:20], length=500), c.close()),
        "stall": lambda c: c.wait(), "stall-half": lambda c: (c.reply(200, "{", length=500), c.wait()),
        "huge": lambda c: c.reply(200, json.dumps({"x": "x" * (2 << 20)})),
        "role-close": streamed(ROLE, then="close"), "role-stall": streamed(ROLE, then="wait"),
        "role-end": streamed(ROLE, STOP, DONE),
        "no-events": streamed(), "error-event": streamed(ROLE, b'data: {"error": {"message": "inside"}}\n\n',
                                                         then="wait"),
        "bad-event": streamed(ROLE, b"data: <oops>\n\n", then="wait"), "tools": streamed(ROLE, TOOL, STOP, DONE),
        "content-close": streamed(ROLE, WORDS[0], then="close"), "content-stall": streamed(ROLE, WORDS[0], then="wait"),
        "content-torn": streamed(ROLE, WORDS[0], WORDS[1][:30], then="close"), "no-done": streamed(ROLE, *WORDS, STOP),
        "chatter": streamed(*[b": " + b"p" * 1000 + b"\n\n"] * 1200, then="wait"),
    }

    def __init__(self):
        self.requests = []                                   # Connection, as they came
        self.gone = collections.Counter()                    # model -> answers whose client left
        self.connections = 0
        self.lock = threading.Lock()

    def left(self, model, times=1, seconds=5):
        """Waits until the client of so many of the model's answers has left."""
        end = time.monotonic() + seconds
        while self.gone[model] < times and time.monotonic() < end:
            time.sleep(0.01)
        return self.gone[model] >= times

    def asked(self, model):
        return sum(c.model == model for c in self.requests)

    def serve(self, sock):
        data, c = b"", None
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                try:
                    while b"\r\n\r\n" not in data:
                        got = sock.recv(65536)
                        if not got:
                            return
                        data += got
                    head, data = data.split(b"\r\n\r\n", 1)
                    head = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
                    while len(data) < int(head.get("content-length", 0)):
                        data += sock.recv(1 << 20)
                except OSError:
                    return
                size = int(head.get("content-length", 0))
                c, data = Connection(sock, head, data[:size]), data[size:]
                with self.lock:
                    self.requests.append(c)
                try:
                    self.ANSWERS[c.model](c)
                except (Left, OSError):
                    with self.lock:
                        self.gone[c.model] += 1
                    return
                if sock.fileno() < 0:
                    return

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.listener.close()
