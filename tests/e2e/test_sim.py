"""zooter sim: what OpenAI's own client makes of it, its faults at the set rates, its statistics, its refusals."""
import collections
import concurrent.futures
import json
import http.client
import socket
import time
import urllib.error
import urllib.request

import openai
import pytest

from conftest import free_port

QUESTION = "What is 15% of 240?"


def fetch(url, body=None, raw=None):
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as r:
        return json.load(r)


def refused(url, body=None, raw=None):
    with pytest.raises(urllib.error.HTTPError) as e:
        fetch(url, body, raw)
    return e.value.code, json.load(e.value)["error"]


@pytest.fixture
def sim(server, tmp_path):
    """sim("--experts", 3) or sim(config="experts: ...") -> base URL."""
    def start(*args, config=None):
        port = free_port()
        if config:
            (tmp_path / "sim.yaml").write_text(config)
            args = ("--config", tmp_path / "sim.yaml")
        url = f"http://127.0.0.1:{port}"
        server("sim", "--port", port, *args, url=url + "/health")
        return url
    return start


def client(url, **kw):
    return openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=kw.pop("timeout", 20), **kw)


def ask(c, model, text=QUESTION, **kw):
    return c.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **kw)


def test_openai_client(sim):
    url = sim("--experts", 3)
    with client(url) as c:
        assert [m.id for m in c.models.list()] == ["expert-1", "expert-2", "expert-3"]
        whole = ask(c, "expert-2")
        assert whole.choices[0].finish_reason == "stop"
        assert whole.system_fingerprint == "simulated" and whole.model == "expert-2"
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
        chunks = list(ask(c, "expert-2", stream=True, stream_options={"include_usage": True}))
        assert "".join(x.choices[0].delta.content or "" for x in chunks if x.choices) == \
            whole.choices[0].message.content
        assert [x.choices[0].finish_reason for x in chunks if x.choices][-1] == "stop"
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-1].usage == whole.usage
        assert "simulated" in ask(c, "expert-1", "Who are you?").choices[0].message.content
        parts = c.chat.completions.create(model="expert-2", messages=[
            {"role": "system", "content": "Be brief."}, {"role": "user",
                                                         "content": [{"type": "text", "text": QUESTION}]}])
        assert parts.choices[0].message.content == whole.choices[0].message.content
        cut = ask(c, "expert-1", "Who are you?", max_tokens=3)
        assert cut.choices[0].finish_reason == "length" and cut.usage.completion_tokens == 3
        assert len(cut.choices[0].message.content.split()) == 3
        with pytest.raises(openai.NotFoundError) as e:
            ask(c, "expert-4")
        assert e.value.code == "model_not_found" and "expert-4" in e.value.message
    stats = fetch(url + "/stats")
    assert stats["simulated"] is True and stats["unknown_models"] == 1
    assert stats["experts"]["expert-2"] == {"requests": 3, "streamed": 1, "answered": 3, "failed": 0, "cut": 0,
                                            "stalled": 0, "cancelled": 0,
                                            "prompt_tokens": 3 * whole.usage.prompt_tokens,
                                            "completion_tokens": 3 * whole.usage.completion_tokens}
    assert stats["total"]["requests"] == 5 and stats["experts"]["expert-3"]["requests"] == 0


def test_same_seed_same_answers(sim):
    config = "seed: %d\nexperts:\n  - name: a\n  - name: b\n"
    questions = [f"What is {a}% of {b}?" for a in (5, 15, 25) for b in range(100, 400, 20)]

    def answers(seed):
        with client(sim(config=config % seed)) as c:
            return [ask(c, m, q).choices[0].message.content for m in ("a", "b") for q in questions]
    first = answers(1)
    assert answers(1) == first
    assert answers(2) != first
    assert first[:len(questions)] != first[len(questions):]      # experts err on different questions


def test_token_rate_and_latency(sim):
    url = sim(config="experts:\n  - name: slow\n    latency_ms: 200\n    tokens_per_s: 50\n")
    with client(url) as c:
        begin = time.monotonic()
        times, tokens = [], 0
        for chunk in ask(c, "slow", "Who are you?", stream=True):
            times.append(time.monotonic() - begin)
            tokens += bool(chunk.choices[0].delta.content)
        assert tokens > 20 and times[0] >= 0.2
        expected = 0.2 + (tokens - 1) / 50
        assert expected <= times[-1] < expected + 2
        assert times[len(times) // 2] < times[-1] - 0.1           # spread out, not all at the end
        begin = time.monotonic()
        ask(c, "slow", "Who are you?")
        assert time.monotonic() - begin >= expected


def test_fault_rates(sim):
    url = sim(config="experts:\n  - {name: a, failure_rate: 0.3, failure_status: 429, cut_rate: 0.2}\n")
    with client(url) as c:
        def once(i):
            try:
                answer = ask(c, "a", stream=bool(i % 2))
                if i % 2:
                    list(answer)
                return "answered"
            except openai.RateLimitError as e:
                assert "simulated" in e.message
                return "failed"
            except Exception:          # what the client makes of a connection that closes half-way
                return "cut"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            outcomes = collections.Counter(pool.map(once, range(1000)))
    stats = fetch(url + "/stats")["experts"]["a"]
    assert stats["requests"] == 1000
    assert 240 <= stats["failed"] <= 360                          # four standard errors
    assert 150 <= stats["cut"] <= 250
    assert outcomes == {x: stats[x] for x in ("answered", "failed", "cut")}


def test_cut_streams_end_half_way(sim):
    url = sim(config="experts:\n  - {name: a, cut_rate: 1}\n")
    connection = http.client.HTTPConnection(url[7:], timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps(
        {"model": "a", "stream": True, "messages": [{"role": "user", "content": "Who are you?"}]}))
    response, lines = connection.getresponse(), []
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        while True:
            lines.append(response.readline())
            assert len(lines) < 1000
    assert b"simulated" in b"".join(lines) and b"[DONE]" not in b"".join(lines)
    connection.close()
    assert fetch(url + "/stats")["experts"]["a"]["cut"] == 1


def test_stalls_wait_for_the_client_to_leave(sim):
    url = sim(config="experts:\n  - {name: a, stall_rate: 1}\n")
    with client(url, timeout=0.5) as c:
        with pytest.raises(openai.APITimeoutError):
            ask(c, "a")
    connection = http.client.HTTPConnection(url[7:], timeout=0.5)
    connection.request("POST", "/v1/chat/completions", json.dumps(
        {"model": "a", "stream": True, "messages": [{"role": "user", "content": "Who are you?"}]}))
    response, lines = connection.getresponse(), []
    with pytest.raises(TimeoutError):
        while True:
            lines.append(response.readline())
    assert b"simulated" in b"".join(lines) and b"[DONE]" not in b"".join(lines)
    response.close()
    connection.close()
    for _ in range(100):
        stats = fetch(url + "/stats")["experts"]["a"]
        if stats["cancelled"] == 2:
            break
        time.sleep(0.05)
    assert stats["stalled"] == 2 and stats["cancelled"] == 2 and stats["answered"] == 0


def test_client_that_leaves_is_counted(sim):
    url = sim(config="experts:\n  - {name: a, latency_ms: 5000}\n")
    body = json.dumps({"model": "a", "messages": [{"role": "user", "content": QUESTION}]}).encode()
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":")[-1]))) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.2)
    for _ in range(100):
        stats = fetch(url + "/stats")["experts"]["a"]
        if stats["cancelled"]:
            break
        time.sleep(0.05)
    assert stats["cancelled"] == 1


def test_bad_requests(sim):
    url = sim("--experts", 2)
    chat = url + "/v1/chat/completions"
    for raw in (b"", b"{", b"[]", b"null", b"\xff", b'{"model": 3, "messages": []}', b'{"model": "expert-1"}',
                b'{"model": "expert-1", "messages": {}}', b'{"model": "expert-1", "messages": []}',
                b'{"model": "expert-1", "messages": [{"role": "system", "content": "x"}]}',
                b'{"model": "expert-1", "messages": [{"role": "user"}]}',
                b'{"model": "expert-1", "messages": [{"role": "user", "content": 5}]}',
                b'{"model": "expert-1", "messages": [1, null, {"role": "user", "content": [{"type": "image_url"}]}]}',
                b"[" * 100000):
        status, error = refused(chat, raw=raw)
        assert status == 400 and error["type"] == "invalid_request_error" and error["message"], raw
    assert refused(url + "/v1/nothing")[0] == 404
    assert refused(chat)[0] == 405
    with pytest.raises((urllib.error.URLError, ConnectionError)) as e:
        fetch(chat, raw=b" " * (5 << 20))
    assert getattr(e.value, "code", 413) == 413
    assert fetch(url + "/health")["simulated"] is True


def test_reward_endpoints(sim):
    url = sim("--experts", 1)
    pairs = [(QUESTION, "It is 36.", 0.9), (QUESTION, "It is 37.", 0.1), ("Who are you?", "Nobody.", 0.1)]
    for query, answer, least in pairs:
        whole = fetch(url + "/score", {"model": "r", "text_1": query, "text_2": answer})
        assert least <= whole["data"][0]["score"] < least + 0.1 and whole["object"] == "list"
        joined = fetch(url + "/classify", {"model": "r", "input": f"{query}\n\n{answer}"})["data"][0]
        assert joined["probs"] == [whole["data"][0]["score"]] and joined["num_classes"] == 1
        pooled = fetch(url + "/pooling", {"model": "r", "messages": [{"role": "user", "content": query},
                                                                    {"role": "assistant", "content": answer}]})
        assert pooled["data"][0]["data"] == [whole["data"][0]["score"]]
    many = fetch(url + "/score", {"text_1": [q for q, _, _ in pairs], "text_2": [a for _, a, _ in pairs]})["data"]
    assert [x["index"] for x in many] == [0, 1, 2] and many[0]["score"] > 0.9 > many[1]["score"]
    assert len(fetch(url + "/v1/score", {"text_1": QUESTION, "text_2": ["36", "1"]})["data"]) == 2
    for path, body in (("/score", {}), ("/score", {"text_1": "a", "text_2": 5}),
                       ("/score", {"text_1": ["a", "b"], "text_2": ["c"]}), ("/classify", {"input": []}),
                       ("/classify", {"input": ["a"] * 1025}), ("/pooling", {"messages": []}),
                       ("/pooling", {"messages": [{"role": "user", "content": "x"}]})):
        assert refused(url + path, body)[0] == 400
    assert fetch(url + "/stats")["scores"] == 3 * 3 + 3 + 2


def test_wrong_use(run, tmp_path):
    assert run("sim").returncode == 2
    assert run("sim", "--experts", 2, "--config", "x").returncode == 2
    assert run("sim", "--experts", 0).returncode == 2
    assert run("sim", "--experts", 2, "--without-programs").returncode == 2
    p = run("sim", "--config", tmp_path / "none.yaml")
    assert p.returncode == 1 and "none.yaml" in p.stderr
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        p = run("sim", "--experts", 1, "--port", s.getsockname()[1])
        assert p.returncode == 1 and str(s.getsockname()[1]) in p.stderr


def test_free_port_is_printed(server, zooter):
    import re
    import subprocess
    p = subprocess.Popen([zooter, "sim", "--experts", "1", "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        url = re.search(r"listening on (http://127\.0\.0\.1:\d+)", p.stderr.readline())[1]
        assert fetch(url + "/health")["status"] == "ok"
    finally:
        p.terminate()
        assert p.wait(10) == 0
        p.stderr.close()


def test_sample(run, tmp_path):
    assert run("sim", "--write-sample", tmp_path / "s").returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "s/queries.jsonl").open()]
    pool = [r for r in rows if r["split"] == "pool" and not r["id"].startswith("copy-")]
    test = [r for r in rows if r["split"] == "test"]
    copies = [r for r in rows if r["id"].startswith("copy-")]
    assert len(pool) >= 600 and len(test) >= 200 and len({r["query"] for r in pool + test}) == len(pool + test)
    assert {r["query"] for r in copies} <= {r["query"] for r in test}
    assert len({t for r in rows for t in r["tags"] if t.startswith("kind:")}) >= 12
    assert len({t for r in rows for t in r["tags"] if t.startswith("lang:")}) >= 4
    assert [json.loads(x)["query"] for x in (tmp_path / "s/benchmark.jsonl").open()] == [r["query"] for r in test]


def test_experts_file_names_the_simulated_ones(run, sim, tmp_path):
    run("sim", "--write-sample", tmp_path / "s", "--port", 8765, "--gateway-port", 8766)
    names = [line.split()[-1] for line in (tmp_path / "s/experts.yaml").open() if "name:" in line]
    assert names == [line.split()[-1] for line in (tmp_path / "s/sim.yaml").open() if "name:" in line]
    assert "http://127.0.0.1:8765/v1" in (tmp_path / "s/experts.yaml").read_text()
    url = sim("--config", tmp_path / "s/sim.yaml")
    with client(url) as c:
        assert [m.id for m in c.models.list()] == names
