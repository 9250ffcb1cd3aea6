"""zooter serve as its clients see it: OpenAI's own client, the routes, what is forwarded and what is not,
settings that are refused."""
import concurrent.futures
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import openai
import pytest

from conftest import free_port
from faulty import Faulty
from tiny_router import softmax, write_router

SLOW = 10 if "tsan" in os.environ.get("ZOOTER", "") or "asan" in os.environ.get("ZOOTER", "") else 1
BIASES = {"alpha": 1.0, "beta": 0.5, "gamma": 0.0}
WORDS = {"sun": "alpha", "moon": "beta", "stars": "gamma"}


@pytest.fixture
def upstream():
    with Faulty() as up:
        yield up


@pytest.fixture
def gateway(server, tmp_path):
    """gateway({"alpha": {"base_url": ..., "model": ...}, ...}, **settings) -> URL; the router knows alpha,
    beta and gamma."""
    def start(experts, env=None, biases=None, words=None, weight=60.0, means=None, **settings):
        write_router(tmp_path / "router", BIASES if biases is None else biases, WORDS if words is None else words,
                     weight, means)
        port = free_port()
        config = {"listen": f"127.0.0.1:{port}", "router": str(tmp_path / "router"), "limits": {"route_ms": 5000},
                  "experts": [{"name": n, **e} for n, e in experts.items()], **settings}
        (tmp_path / "serve.yaml").write_text(json.dumps(config))
        url = f"http://127.0.0.1:{port}"
        start.process = server("serve", "--config", tmp_path / "serve.yaml", url=url + "/health", env=env)
        return url
    return start


@pytest.fixture
def plain(gateway, upstream):
    """Three experts that answer."""
    url = gateway({n: {"base_url": upstream.url, "model": m} for n,
                   m in (("alpha", "ok"), ("beta", "ok-2"), ("gamma", "ok-3"))})
    return url


def client(url, **kw):
    return openai.OpenAI(base_url=url + "/v1", api_key="sk-client", max_retries=0, timeout=20, **kw)


def post(url, body, headers=None, path="/v1/chat/completions"):
    """(status, headers, text); body: bytes, or what becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=30) as r:
            return r.status, r.headers, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


def chat(text, model="zooter", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def metric(url, line):
    with urllib.request.urlopen(url + "/metrics", timeout=20) as r:
        for row in r.read().decode().splitlines():
            if row.startswith(line + " "):
                return float(row.rsplit(" ", 1)[1])
    raise KeyError(line)


# ---- OpenAI's own client ----

def test_openai_client_is_routed_by_the_words(plain):
    c = client(plain)
    for text, expert, model in ("the sun", "alpha", "ok"), ("a moon", "beta",
                                                            "ok-2"), ("many stars", "gamma",
                                                                      "ok-3"), ("none", "alpha", "ok"):
        raw = c.chat.completions.with_raw_response.create(model="zooter", messages=[{"role": "user", "content": text}])
        assert raw.headers["x-zooter-model"] == expert
        assert raw.headers["x-zooter-reason"] == "routed"
        assert 0 <= float(raw.headers["x-zooter-probability"]) <= 1
        assert raw.parse().choices[0].message.content == f"Hello from {model}"
    p = softmax(BIASES.values())
    assert abs(float(raw.headers["x-zooter-probability"]) - p[0]) < 1e-3
    assert abs(float(raw.headers["x-zooter-margin"]) - (p[0] - p[1])) < 1e-3


def test_openai_client_streams(plain):
    c = client(plain)
    with c.chat.completions.with_streaming_response.create(model="zooter", stream=True,
                                                           messages=[{"role": "user", "content": "the moon"}]) as raw:
        assert raw.headers["x-zooter-model"] == "beta"
        assert raw.headers["content-type"].startswith("text/event-stream")
        text = "".join(e.choices[0].delta.content or "" for e in raw.parse() if e.choices)
    assert text == "one two three"


def test_openai_client_lists_models_and_names_experts(plain):
    c = client(plain)
    assert [m.id for m in c.models.list()] == ["zooter", "alpha", "beta", "gamma"]
    assert c.models.retrieve("beta").id == "beta"
    raw = c.chat.completions.with_raw_response.create(model="gamma", messages=[{"role": "user", "content": "the sun"}])
    assert raw.headers["x-zooter-model"] == "gamma" and raw.headers["x-zooter-reason"] == "named"
    assert "x-zooter-probability" not in raw.headers
    with pytest.raises(openai.NotFoundError) as e:
        c.chat.completions.create(model="delta", messages=[{"role": "user", "content": "hi"}])
    assert e.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        c.models.retrieve("delta")


def test_names_of_vertex_and_adapters_go_everywhere(gateway, upstream):
    vertex, lora = "claude-sonnet-4-5@20250929", "org/base:1+lora"
    url = gateway({vertex: {"base_url": upstream.url, "model": "ok"},
                   lora: {"base_url": upstream.url, "model": "ok-2"}}, biases={vertex: 1.0, lora: 0.0},
                  words={"sun": vertex, "moon": lora})
    c = client(url)
    assert [m.id for m in c.models.list()] == ["zooter", vertex, lora]
    for name, word in (vertex, "sun"), (lora, "moon"):
        assert c.models.retrieve(name).id == name
        with urllib.request.urlopen(f"{url}/v1/models/{urllib.parse.quote(name, safe='')}", timeout=20) as r:
            assert json.loads(r.read())["id"] == name
        for model in "zooter", name:
            status, headers, _ = post(url, chat(word, model))
            assert status == 200 and headers["x-zooter-model"] == name
        assert json.loads(post(url, chat(word), path="/v1/route")[2])["expert"] == name
        assert metric(url, f'zooter_requests_total{{expert="{name}",outcome="ok"}}') == 2
    for wrong in "%", "%4", "claude-sonnet-4-5%402025092", "claude-sonnet-4-5%2520", "zooter%00":
        with pytest.raises(urllib.error.HTTPError) as e:
            urllib.request.urlopen(f"{url}/v1/models/{wrong}", timeout=20)
        assert e.value.code == 404


def test_openai_client_sees_tool_calls_streamed(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "tools"}})
    events = list(client(url).chat.completions.create(model="zooter", stream=True,
                                                      messages=[{"role": "user", "content": "call"}],
                                                      tools=[{"type": "function",
                                                              "function": {"name": "f", "parameters": {}}}]))
    assert any(e.choices[0].delta.tool_calls for e in events)
    assert upstream.requests[0].body["tools"][0]["function"]["name"] == "f"


# ---- what decides ----

@pytest.mark.parametrize("messages, expert, reason", [
    ([{"role": "system", "content": "the sun"}, {"role": "user", "content": "a moon"}], "beta", "routed"),
    ([{"role": "user", "content": "a moon"}, {"role": "assistant", "content": "x"},
      {"role": "user", "content": "stars"}], "beta", "routed"),
    ([{"role": "user", "content": [{"type": "text", "text": "many"},
                                   {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}},
                                   {"type": "text", "text": "stars"}]}], "gamma", "routed"),
    ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}], "alpha", "no-text"),
    ([{"role": "user", "content": " \n\t"}], "alpha", "no-text"),
    ([{"role": "system", "content": "stars"}], "alpha", "no-text"),
    ([{"role": "tool", "tool_call_id": "1", "content": "stars"},
      {"role": "user", "content": "m\\u006fon".encode().decode("unicode_escape")}],
     "beta", "routed"),
])
def test_the_first_user_message_decides(plain, messages, expert, reason):
    status, headers, _ = post(plain, {"model": "zooter", "messages": messages})
    assert (status, headers["x-zooter-model"], headers["x-zooter-reason"]) == (200, expert, reason)


def test_route_says_what_would_be_done_and_asks_nobody(plain, upstream):
    for body in {"query": "the moon"}, chat("the moon"), chat("the moon", model="gamma", stream=True):
        status, _, text = post(plain, body, path="/v1/route")
        d = json.loads(text)
        assert status == 200 and d["expert"] == "beta" and d["order"] == ["beta", "alpha", "gamma"] and d["reason"] == \
            "routed"
        assert d["probability"] > 0.99 and not d["cut"] and abs(sum(d["probabilities"].values()) - 1) < 1e-4
    d = json.loads(post(plain, {"query": ""}, path="/v1/route")[2])
    assert d["expert"] == "alpha" and d["reason"] == "no-text" and d["probability"] is None
    assert d["order"] == ["alpha", "beta", "gamma"]
    assert json.loads(post(plain, {"query": "x " * 5000 + "moon"}, path="/v1/route")[2])["cut"]
    assert post(plain, {}, path="/v1/route")[0] == 400
    assert upstream.requests == []


def test_router_and_settings_need_not_know_the_same_experts(gateway, upstream):
    url = gateway({"beta": {"base_url": upstream.url, "model": "ok"},
                   "gamma": {"base_url": upstream.url, "model": "ok-2"},
                   "extra": {"base_url": upstream.url, "model": "ok-3"}})
    log = gateway.process.log.read_text()
    assert "knows the expert alpha" in log and "does not know the expert extra" in log
    d = json.loads(post(url, {"query": "the sun"}, path="/v1/route")[2])
    assert d["expert"] == "beta" and d["order"] == ["beta", "gamma"]
    assert post(url, chat("hi", "extra"))[1]["x-zooter-model"] == "extra"
    assert post(url, chat("hi", "alpha"))[0] == 404
    assert post(url, chat(" "))[1]["x-zooter-model"] == "beta"            # the best on average of those that are there


@pytest.mark.parametrize("means", [[1e9, 1e9 + 1, 1e9 + 2], [1e-60, 2e-60, 3e-60], [-1.7e308, 0, 1.7e308],
                                   [None, 1e300, 2e300]])
def test_the_best_on_average_is_the_best_by_any_offset_and_scale(gateway, upstream, means):
    url = gateway({n: {"base_url": upstream.url, "model": "ok"} for n in BIASES}, means=dict(zip(BIASES, means)))
    assert json.loads(post(url, {"query": ""}, path="/v1/route")[2])["order"] == list(BIASES)[::-1]


def test_a_router_that_fails_on_a_text_gives_the_default(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "ok"},
                   "beta": {"base_url": upstream.url, "model": "ok-2"}}, words={"moon": "beta", "storm": "beta"},
                  weight=3e38)
    status, headers, _ = post(url, chat("storm moon storm moon moon"))
    assert (status, headers["x-zooter-model"], headers["x-zooter-reason"]) == (200, "alpha", "default")
    assert "the router failed" in gateway.process.log.read_text()


def test_the_default_expert_can_be_set(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "ok"},
                   "gamma": {"base_url": upstream.url, "model": "ok-3"}}, default_expert="gamma")
    status, headers, _ = post(url, chat(""))
    assert (headers["x-zooter-model"], headers["x-zooter-reason"]) == ("gamma", "no-text")


# ---- what is forwarded ----

def test_bodies_are_forwarded_byte_for_byte_but_for_the_model(plain, upstream):
    body = ('{ "tools" : [ {"type":"function","model":"inner"} ],\n"n":1.0e0,"logit_bias":{"5":-100}, "model" '
            ':"zooter" ,'
            '"messages":[{"role":"user","content":"moon \\u00e9\\ud83e\\udd89 \u00e9"}], "unknown":{"a":[1,2,{}]}} '
            ' ').encode()
    assert post(plain, body)[0] == 200
    assert upstream.requests[0].raw == body.replace(b'"zooter"', b'"ok-2"')
    answer = post(plain, body)[2]
    # an answer's layout is kept too
    assert answer == post(plain, chat("x", "beta"))[2] and answer.startswith('{\n "id"')


def test_streams_are_forwarded_byte_for_byte(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "torn"},
                   "beta": {"base_url": upstream.url, "model": "stream"}})
    from faulty import DONE, ROLE, STOP, WORDS as TOKENS
    whole = b"".join([ROLE, *TOKENS, STOP, DONE]).decode()
    assert post(url, chat("x", stream=True))[2] == whole.replace("\n", "\r\n")
    assert post(url, chat("moon", stream=True))[2] == ": ping\n\n" + whole


def test_large_bodies_go_both_ways(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "ok"},
                   "beta": {"base_url": upstream.url, "model": "huge"}})
    text = "sun " + "x" * (8 << 20)
    assert post(url, chat(text))[0] == 200
    assert upstream.requests[0].body["messages"][0]["content"] == text
    status, _, answer = post(url, chat("moon"))
    assert status == 200 and len(json.loads(answer)["x"]) == 2 << 20


def test_a_clients_credentials_never_go_upstream(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "ok", "api_key_env": "ALPHA_KEY"},
                   "beta": {"base_url": upstream.url, "model": "ok-2"}}, env={"ALPHA_KEY": "sk-of-alpha"})
    secrets = {"Authorization": "Bearer sk-client-secret", "Cookie": "session=client-secret",
               "x-api-key": "client-secret", "X-Other": "client-secret",
               "Proxy-Authorization": "Basic client-secret", "OpenAI-Organization": "client-secret",
               "User-Agent": "client-secret"}
    for text in "sun", "moon":
        assert post(url, chat(text), secrets)[0] == 200
    first, second = (c.head for c in upstream.requests)
    assert first["authorization"] == "bearer sk-of-alpha"
    assert "authorization" not in second
    for head in first, second:
        assert set(head) <= {"host", "content-type", "accept", "authorization", "user-agent", "x-request-id",
                             "content-length"}
        assert head["user-agent"].startswith("zooter/") and "client-secret" not in str(head)
    log = gateway.process.log.read_text()
    assert "secret" not in log and "sk-of-alpha" not in log and "sun" not in log


def test_a_key_that_an_expert_shows_is_held_back(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "shows-key", "api_key_env": "ALPHA_KEY"}},
                  env={"ALPHA_KEY": "sk-of-alpha"})
    status, _, text = post(url, chat("x", "alpha"))
    assert status == 502 and "sk-of-alpha" not in text and "sk-of-alpha" not in gateway.process.log.read_text()


def test_connections_to_experts_are_used_again(plain, upstream):
    for _ in range(30):
        assert post(plain, chat("moon"))[0] == 200
    assert upstream.connections == 1


# ---- bad requests ----

@pytest.mark.parametrize("body, status, words", [
    (b"", 400, "not a JSON object"), (b"{", 400, "not a JSON object"), (b"[]", 400, "not a JSON object"),
    (b'"x"', 400, "not a JSON object"),
    (b'{"model":"zooter","messages":[{"role":"user","content":"\xff\xfe"}]}', 400, "UTF-8"),
    (b'{"model":"zooter","messages":[{"role":"user","content":"a\nb"}]}', 400, "control character"),
    (b'{"a":' + b"[" * 200000 + b"]" * 200000 + b"}", 400, "nested"),
    (b'{"model":"zooter","a":NaN}', 400, "not a JSON object"), (b'{"model":"zooter"} x', 400, "behind"),
    ({}, 400, "'model' is missing"), ({"model": 5}, 400, "'model' should be a string"),
    ({"model": None}, 400, "'model' should be a string"),
    (b'{"model":"zooter","model":"alpha","messages":[]}', 400, "'model' is given twice"),
    ({"model": "zooter"}, 400, "'messages' is missing"), ({"model": "zooter", "messages": []}, 400,
                                                          "'messages' is empty"),
    ({"model": "zooter", "messages": "hi"}, 400, "'messages' should be an array"),
    ({"model": "zooter", "messages": [5]}, 400, "messages[0]"),
    ({"model": "zooter", "messages": [{"role": "user"}]}, 400, "no 'content'"),
    ({"model": "zooter", "messages": [{"role": "user", "content": 5}]}, 400, "'content'"),
    (chat("x", stream="yes"), 400, "'stream'"), (chat("x", model="nobody"), 404, "'nobody' does not exist"),
    (chat("x", model="alpha\u0000\r\nx: y"), 404, "does not exist"), (chat("x", model=""), 404, "does not exist"),
    (b"x" * (17 << 20), 413, "larger than"),
])
def test_bad_requests_get_a_clear_answer(plain, upstream, body, status, words):
    got, headers, text = post(plain, body)
    error = json.loads(text)["error"]
    assert got == status and words in error["message"], (got, text)
    assert error["type"] == "invalid_request_error" and set(error) == {"message", "type", "param", "code"}
    assert headers["content-type"] == "application/json"
    assert upstream.requests == []
    assert post(plain, chat("still there"))[0] == 200


def test_a_body_of_100_mib_is_refused_and_not_kept(plain, gateway):
    before = memory_mib(gateway.process.pid)
    host, port = plain[7:].split(":")
    with socket.create_connection((host, int(port)), 30) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (100 << 20))
        block = b"x" * (1 << 20)
        for _ in range(100):
            s.sendall(block)
        answer = b""
        while got := s.recv(65536):
            answer += got
    assert answer.startswith(b"HTTP/1.1 413 ") and b'"error"' in answer
    assert memory_mib(gateway.process.pid) < before + 30


def memory_mib(pid):
    if not os.path.exists("/proc/self/status"):
        pytest.skip("needs /proc")
    with open(f"/proc/{pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1]) / 1024


def test_paths_and_methods(plain):
    def ask(method, path):
        c = http.client.HTTPConnection(plain[7:], timeout=20)
        c.request(method, path)
        r = c.getresponse()
        return r.status, r.read().decode()
    assert ask("GET", "/health") == (200, '{"status":"ok"}')
    assert ask("HEAD", "/health") == (200, "")
    assert ask("GET", "/nothing")[0] == 404 and json.loads(ask("GET", "/nothing")[1])["error"]["code"] == "not_found"
    assert ask("GET", "/v1/chat/completions")[0] == 405
    assert ask("BREW", "/v1/models")[0] == 405


def test_metrics_count_what_was_done(plain):
    for text in "sun", "moon", "moon", " ":
        post(plain, chat(text))
    post(plain, chat("x", "gamma"))
    post(plain, chat("x", "nobody"))
    assert metric(plain, 'zooter_requests_total{expert="beta",outcome="ok"}') == 2
    assert metric(plain, 'zooter_requests_total{expert="alpha",outcome="ok"}') == 2
    assert metric(plain, 'zooter_decisions_total{reason="routed"}') == 3
    assert metric(plain, 'zooter_decisions_total{reason="no-text"}') == 1
    assert metric(plain, 'zooter_decisions_total{reason="named"}') == 1
    assert metric(plain, 'zooter_refused_total{cause="unknown_model"}') == 1
    assert metric(plain, "zooter_route_seconds_count{}") == 3
    assert metric(plain, 'zooter_first_token_seconds_count{expert="beta"}') == 2
    assert metric(plain, "zooter_in_flight") == 0


# ---- settings ----

def settings(tmp_path, upstream="http://127.0.0.1:9/v1", **changes):
    write_router(tmp_path / "router", BIASES)
    config = {"listen": "127.0.0.1:0", "router": str(tmp_path / "router"),
              "experts": [{"name": "alpha", "base_url": upstream}], **changes}
    (tmp_path / "serve.yaml").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    return tmp_path / "serve.yaml"


def test_check_says_that_all_is_well(run, tmp_path):
    p = run("serve", "--config", settings(tmp_path), "--check")
    assert p.returncode == 0 and "ok" in p.stdout and "default alpha" in p.stdout
    assert "knows the expert beta" in p.stderr


@pytest.mark.parametrize("changes, words", [
    ({"listen": None}, "listen"), ({"router": None}, "router"), ({"experts": None}, "experts"),
    ({"experts": []}, "experts"),
    ({"colour": "red"}, "colour"), ({"listen": "here"}, "no address to listen on"),
    ({"listen": "0.0.0.0:0"}, "allow_anonymous: true"), ({"listen": ":8080"}, "allow_anonymous: true"),
    ({"experts": [{"name": "a b", "base_url": "http://x"}]}, "expert 1"),
    ({"experts": [{"name": "alpha", "base_url": "http://x"}] * 2}, "two experts called alpha"),
    ({"experts": [{"name": "alpha", "base_url": "file:///etc"}]}, "base_url"),
    ({"experts": [{"name": "zooter", "base_url": "http://x"}]}, "no expert may be called zooter"),
    ({"experts": [{"name": "alpha", "base_url": "http://x", "api_key_env": "ZOOTER_NO_SUCH_KEY"}]},
     "ZOOTER_NO_SUCH_KEY"),
    ({"experts": [{"name": "stranger", "base_url": "http://x"}]}, "none of its experts is known"),
    ({"default_expert": "nobody"}, "default_expert"), ({"router": "/nowhere"}, "/nowhere"),
    ({"timeouts": {"idle": 0}}, "timeouts.idle"),
    ({"timeouts": {"idle": "x"}}, "idle"), ({"limits": {"in_flight": 1.5}}, "whole number"),
    ({"limits": {"route_ms": -1}}, "route_ms"),
    ({"log": "loud"}, "log should be"), ({"route_threads": 0}, "route_threads"),
])
def test_bad_settings_are_named(run, tmp_path, changes, words):
    for more in ("--check",), ():
        p = run("serve", "--config", settings(tmp_path, **changes), *more)
        assert p.returncode == 1 and words in p.stderr and "serve.yaml" in p.stderr + p.stdout or \
            "/nowhere" in p.stderr, p.stderr
        assert p.stdout == ""


def test_wrong_use_is_told(run, tmp_path):
    assert run("serve").returncode == 2
    assert run("serve", "--config", tmp_path / "missing.yaml").returncode == 1
    assert run("serve", "--config", settings(tmp_path), "extra").returncode == 2


def test_a_broken_router_is_named(run, tmp_path):
    path = settings(tmp_path)
    weights = tmp_path / "router" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    p = run("serve", "--config", path, "--check")
    assert p.returncode == 1 and "model.safetensors" in p.stderr


def test_a_port_in_use_is_named(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as s:
        address = f"127.0.0.1:{s.getsockname()[1]}"
        p = run("serve", "--config", settings(tmp_path, listen=address))
    assert p.returncode == 1 and address in p.stderr and "in use" in p.stderr


def test_the_free_port_is_said_and_beyond_loopback_needs_leave(zooter, tmp_path):
    path = settings(tmp_path, listen="0.0.0.0:0", allow_anonymous=True)
    p = subprocess.Popen([zooter, "serve", "--config", path], stderr=subprocess.PIPE, text=True)
    try:
        line = next(line for line in p.stderr if "listening on http://" in line)
        port = int(line.rsplit(":", 1)[1])
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=20).status == 200
    finally:
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) == 0
        p.stderr.close()


# ---- life and limits ----

def test_a_router_may_be_rewritten_while_it_is_served(plain, tmp_path):
    for name in "model.safetensors", "config.json":
        with open(tmp_path / "router" / name, "r+b") as f:
            f.truncate(10)
    assert post(plain, chat("moon"))[1]["x-zooter-model"] == "beta"


def test_drain_brings_what_runs_to_its_end(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "slow"}})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(post, url, chat("x", stream=True)) for _ in range(3)]
        time.sleep(1)
        gateway.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 2)
        for f in running:
            assert f.result()[2].endswith("data: [DONE]\n\n")
    assert gateway.process.wait(20) == 0


def test_drain_has_a_limit_and_a_second_signal_ends_at_once(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "stall"}}, limits={"drain": 1})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: pytest.raises(Exception, post, url, chat("x")))
        time.sleep(0.5)
        began = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        assert 0.8 < time.monotonic() - began < 5 * SLOW
    url = gateway({"alpha": {"base_url": upstream.url, "model": "stall"}})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: pytest.raises(Exception, post, url, chat("x")))
        time.sleep(0.5)
        gateway.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(5 * SLOW) == 0


def test_more_requests_than_may_be_in_flight_are_told_to_come_back(gateway, upstream):
    url = gateway({"alpha": {"base_url": upstream.url, "model": "stall"}}, limits={"in_flight": 2})
    sockets = []
    for _ in range(2):
        s = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))
        body = json.dumps(chat("x")).encode()
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        sockets.append(s)
    end = time.monotonic() + 10
    while upstream.asked("stall") < 2 and time.monotonic() < end:
        time.sleep(0.01)
    status, headers, text = post(url, chat("x"))
    assert status == 503 and headers["retry-after"] == "1" and json.loads(text)["error"]["code"] == "overloaded"
    for s in sockets:
        s.close()
    assert upstream.left("stall", 2)
