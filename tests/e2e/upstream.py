"""An OpenAI-compatible upstream that misbehaves on demand, in this process:
it counts what it was asked and keeps the requests.

    with Upstream() as up:
        up.on["flaky"] = fail_first(500)        # by model; default: answer at once
        ... up.url, up.asked["flaky"]["query text"], up.requests ...
"""
import asyncio
import collections
import json
import threading


def completion(text, prompt_tokens=7, completion_tokens=11, finish_reason="stop"):
    return {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": finish_reason,
            "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}}


def answer(model, query, count):
    """What a well-behaved model says: a function of model and query alone."""
    return 200, {}, json.dumps(completion(f"{model} says: {query}"))


def fail_first(status, times=1, headers=None, body='{"error": {"message": "try later"}}'):
    return lambda model, query, count: (status, headers or {}, body) if count <= times else answer(model, query, count)


def always(status, body, headers=None):
    return lambda model, query, count: (status, headers or {}, body)


class Upstream:
    def __init__(self):
        # model -> f(model, query, how often it was asked)
        self.on = {}
        self.delay = {}                                                 # model -> seconds
        self.asked = collections.defaultdict(collections.Counter)       # model -> query -> times
        self.requests = []                                              # (path, headers, body)
        self.in_flight = self.most_in_flight = 0
        self.times = []

    async def respond(self, path, headers, raw):
        body = json.loads(raw)
        model = body.get("model")
        query = body["messages"][-1]["content"] if path.endswith("/chat/completions") else raw.decode()
        self.asked[model][query] += 1
        self.requests.append((path, headers, body))
        self.times.append((model, asyncio.get_running_loop().time()))
        if self.delay.get(model):
            await asyncio.sleep(self.delay[model])
        return self.on.get(model, answer)(model, query, self.asked[model][query])

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                try:
                    status, extra, text = await self.respond(lines[0].split()[1], headers, raw)
                finally:
                    self.in_flight -= 1
                if status == "cut":
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choi")
                    await writer.drain()
                    return
                data = text.encode() if isinstance(text, str) else text
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: "
                             f"{len(data)}\r\n".encode())
                writer.write("".join(f"{k}: {v}\r\n" for k, v in extra.items()).encode() + b"\r\n" + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def __enter__(self):
        ready = threading.Event()

        def main():
            self.loop = asyncio.new_event_loop()
            server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 26))
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            ready.set()
            self.loop.run_forever()
            server.close()
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()

        self.thread = threading.Thread(target=main, daemon=True)
        self.thread.start()
        ready.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
