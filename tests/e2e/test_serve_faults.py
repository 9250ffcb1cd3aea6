"""zooter serve before experts that fail and clients that leave: failover, broken streams, cancelled upstreams,
many at once."""
import concurrent.futures
import json
import os
import random
import socket
import time

import openai
import pytest

from conftest import free_port
from faulty import DONE, ROLE, STOP, WORDS as TOKENS, Faulty
from test_serve import SLOW, chat, client, gateway, metric, post, upstream      # noqa: F401    fixtures

LIMITS = {"connect": 2, "first_token": 0.7 * SLOW, "answer": 0.7 * SLOW, "idle": 0.7 * SLOW, "total": 30}
WHOLE = b"".join([ROLE, *TOKENS, STOP, DONE]).decode()


def experts(up, first, second="ok", third="ok-2"):
    """alpha misbehaves; the router's order is alpha, beta, gamma."""
    return {n: {"base_url": up.url if m != "refuse" else "http://127.0.0.1:9/v1", "model": m}
            for n, m in (("alpha", first), ("beta", second), ("gamma", third))}


@pytest.fixture
def faulty(gateway, upstream):                                                   # noqa: F811
    def start(*models, **settings):
        return gateway(experts(upstream, *models), timeouts=LIMITS, **settings)
    return start


# ---- the next expert ----

@pytest.mark.parametrize("fault, cause", [
    ("refuse", "connect"), ("500", "status"), ("503", "status"), ("429", "limited"), ("408", "status"),
    ("302", "status"),
    ("empty", "garbage"), ("html", "garbage"), ("array", "garbage"), ("cut-json", "garbage"), ("no-http", "cut"),
    ("close", "cut"),
    ("half", "cut"), ("stall", "timeout"), ("stall-half", "timeout"),
])
@pytest.mark.parametrize("stream", [False, True])
def test_the_next_expert_is_asked(faulty, upstream, fault, cause, stream):       # noqa: F811
    url = faulty(fault)
    status, headers, text = post(url, chat("sun", stream=stream))
    assert status == 200, text
    assert (headers["x-zooter-model"], headers["x-zooter-reason"], headers["x-zooter-fallbacks"]) == ("beta",
                                                                                                      "failover",
                                                                                                      "alpha")
    assert (DONE.decode() in text) == stream
    assert float(headers["x-zooter-probability"]) < 0.01
    assert metric(url, f'zooter_expert_failures_total{{expert="alpha",cause="{cause}"}}') == 1
    assert metric(url, "zooter_failovers_total") == 1
    assert metric(url, 'zooter_requests_total{expert="beta",outcome="ok"}') == 1
    if fault.startswith("stall"):
        assert upstream.left(fault)                                              # it is not kept waiting for nothing


@pytest.mark.parametrize("fault, cause", [
    ("role-close", "cut"), ("role-stall", "timeout"), ("no-events", "garbage"), ("error-event", "status"),
    ("bad-event", "garbage"),
    ("chatter", "too_large"), ("pings", "timeout"),
])
def test_a_stream_without_content_is_replaced_by_the_next(faulty, upstream, fault, cause):      # noqa: F811
    url = faulty(fault, "stream")
    status, headers, text = post(url, chat("sun", stream=True))
    assert (status, headers["x-zooter-model"], headers["x-zooter-reason"]) == (200, "beta", "failover")
    assert text == ": ping\n\n" + WHOLE                                          # nothing of the first has come through
    assert metric(url, f'zooter_expert_failures_total{{expert="alpha",cause="{cause}"}}') == 1


def test_a_stream_that_says_nothing_but_ends_well_is_an_answer(faulty):
    headers, text = post(faulty("role-end"), chat("sun", stream=True))[1:]
    assert headers["x-zooter-model"] == "alpha" and text == (ROLE + STOP + DONE).decode()


def test_an_expert_that_accepts_no_connection_is_given_up_in_time(gateway, upstream):      # noqa: F811
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(8)]                            # fill the queue of those not accepted
        for s in waiting:
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        time.sleep(0.1)
        config = experts(upstream, "ok")
        config["alpha"]["base_url"] = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        url = gateway(config, timeouts={"connect": 0.3})
        began = time.monotonic()
        assert post(url, chat("sun"))[1]["x-zooter-model"] == "beta"
        assert 0.25 < time.monotonic() - began < 2 * SLOW
        assert metric(url, 'zooter_expert_failures_total{expert="alpha",cause="timeout"}') == 1
        for s in waiting:
            s.close()


def test_a_connection_that_was_closed_meanwhile_is_no_failure(faulty):
    url = faulty("then-close")
    for i in range(40):
        assert post(url, chat("sun", stream=bool(i % 2)))[1]["x-zooter-reason"] == "routed"


def test_an_answer_that_is_too_large_is_replaced(faulty):
    url = faulty("huge", limits={"answer_mib": 1, "route_ms": 5000})
    assert post(url, chat("sun"))[1]["x-zooter-model"] == "beta"
    assert metric(url, 'zooter_expert_failures_total{expert="alpha",cause="too_large"}') == 1


@pytest.mark.parametrize("fault", ["400", "401", "404", "422"])
def test_an_experts_own_refusal_is_passed_on(faulty, upstream, fault):           # noqa: F811
    url = faulty(fault)
    status, headers, text = post(url, chat("sun"))
    assert status == int(fault) and headers["x-zooter-model"] == "alpha"
    assert text == '{"error": {"message": "upstream says no", "type": "t", "code": "c"}}'
    assert upstream.asked("ok") == 0
    assert metric(url, 'zooter_requests_total{expert="alpha",outcome="rejected"}') == 1


def test_when_all_fail_the_client_gets_an_error_without_secrets(faulty, upstream):      # noqa: F811
    url = faulty("500", "close", "refuse")
    for stream in False, True:
        status, headers, text = post(url, chat("sun", stream=stream))
        error = json.loads(text)["error"]
        assert status == 502 and error["code"] == "expert_failed" and error["type"] == "server_error"
        assert "3 experts" in error["message"] and "127.0.0.1" not in text and "http" not in text
        assert headers["x-zooter-fallbacks"] == "alpha, beta"
    assert metric(url, 'zooter_requests_total{expert="gamma",outcome="failed"}') == 2
    with pytest.raises(openai.InternalServerError):
        client(url).chat.completions.create(model="zooter", messages=[{"role": "user", "content": "sun"}])


def test_a_named_expert_does_not_fail_over(faulty, upstream):                    # noqa: F811
    url = faulty("503", "stall", "close")
    status, headers, text = post(url, chat("x", "alpha"))
    assert status == 503 and headers["retry-after"] == "9" and "upstream says no" in text and \
        headers["x-zooter-reason"] == "named"
    for name, cause in ("beta", "timeout"), ("gamma", "cut"):
        status, _, text = post(url, chat("x", name))
        assert status == 502 and json.loads(text)["error"]["message"] == f"the expert {name} did not answer: {cause}"
    assert len(upstream.requests) == 3


def test_a_named_experts_error_event_is_passed_on(faulty):
    assert '"inside"' in post(faulty("error-event"), chat("x", "alpha", stream=True))[2]


def test_the_total_limit_bounds_all_attempts(gateway, upstream):                 # noqa: F811
    url = gateway(experts(upstream, "stall", "stall", "stall"), timeouts={**LIMITS, "total": 1.0 * SLOW})
    began = time.monotonic()
    assert post(url, chat("sun"))[0] == 502
    assert time.monotonic() - began < 1.8 * SLOW and len(upstream.requests) == 2


# ---- a stream that breaks ----

@pytest.mark.parametrize("fault, before", [
    ("content-close", ROLE + TOKENS[0]), ("content-stall", ROLE + TOKENS[0]), ("content-torn", ROLE + TOKENS[0]),
])
def test_a_broken_stream_ends_in_an_error_event(faulty, upstream, fault, before):        # noqa: F811
    url = faulty(fault)
    status, headers, text = post(url, chat("sun", stream=True))
    assert status == 200 and headers["x-zooter-model"] == "alpha"
    assert text.startswith(before.decode())
    event = text[len(before):]
    assert event.startswith("data: ") and event.endswith("\n\n") and json.loads(event[6:])["error"]["code"] == \
        "expert_failed"
    assert upstream.asked("ok") == 0
    assert metric(url, 'zooter_requests_total{expert="alpha",outcome="failed"}') == 1
    with pytest.raises(openai.APIError, match="broke off"):
        list(client(url).chat.completions.create(model="zooter", stream=True,
                                                 messages=[{"role": "user", "content": "sun"}]))


def test_a_stream_without_done_is_passed_on_as_it_is(faulty):
    assert post(faulty("no-done"), chat("sun", stream=True))[2] == WHOLE[:-len(DONE)]


# ---- the router is never the outage ----

def test_a_router_over_its_deadline_gives_the_default(gateway, upstream):        # noqa: F811
    url = gateway(experts(upstream, "ok"), limits={"route_ms": 1, "route_queue": 1}, route_threads=1,
                  words={"moon": "beta"})
    text = "moon " + "x" * 4000
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = [f.result() for f in [pool.submit(post, url, chat(text)) for _ in range(200)]]
    reasons = {g[1]["x-zooter-reason"] for g in got}
    assert all(g[0] == 200 for g in got) and reasons <= {"routed", "overloaded"}
    for _, headers, _ in got:
        assert headers["x-zooter-model"] == ("beta" if headers["x-zooter-reason"] == "routed" else "alpha")
    assert metric(url, 'zooter_decisions_total{reason="overloaded"}') == sum(g[1]["x-zooter-reason"] == "overloaded"
                                                                             for g in got)


# ---- clients that leave ----

def send(url, body):
    s = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))
    data = json.dumps(body).encode()
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
    return s


def until(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("model, stream", [("stall", False), ("stall", True), ("stall-half", False),
                                           ("role-stall", True), ("content-stall", True), ("endless", True)])
def test_a_client_that_leaves_cancels_its_upstream(gateway, upstream, model, stream):    # noqa: F811
    url = gateway(experts(upstream, model))
    s = send(url, chat("sun", stream=stream))
    until(lambda: upstream.asked(model) == 1)
    if model in ("content-stall", "endless"):
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    s.close()
    assert upstream.left(model)
    until(lambda: metric(url, "zooter_in_flight") == 0)
    assert metric(url, 'zooter_requests_total{expert="alpha",outcome="left"}') == 1
    assert upstream.asked("ok") == 0                                             # leaving is no failure
    assert post(url, chat("moon"))[0] == 200


def test_a_slow_client_slows_its_upstream(gateway, upstream):                    # noqa: F811
    url = gateway(experts(upstream, "endless"))
    pid = gateway.process.pid
    if not os.path.exists("/proc/self/status"):
        pytest.skip("needs /proc")

    def memory():
        with open(f"/proc/{pid}/status") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1]) >> 10
    before = memory()
    s = send(url, chat("sun", stream=True))
    until(lambda: upstream.asked("endless") == 1)
    time.sleep(1.5)
    assert memory() < before + 30
    assert metric(url, "zooter_in_flight") == 1                                  # held back, not given up
    s.close()
    assert upstream.left("endless")


def test_a_long_stream_is_whole_for_a_client_that_pauses(gateway, upstream):     # noqa: F811
    url = gateway(experts(upstream, "long"))
    s = send(url, chat("sun", stream=True))
    time.sleep(1)
    s.settimeout(20)
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        got = s.recv(1 << 20)
        assert got
        data += got
    assert sum(b'"content": "%d z' % i in data for i in range(0, 2000, 97)) == len(range(0, 2000, 97)) and DONE in data
    s.close()


# ---- many at once ----

def test_a_thousand_mixed_requests_with_leavers(gateway, upstream):              # noqa: F811
    """Every request gets the answer for its own text, or its client has left; afterwards nothing is left over."""
    names = {"fine": "ok", "torn": "torn", "flaky": "503", "cut": "close", "broken": "content-close", "mute": "stall",
             "slow": "slow"}
    biases = {"fine": 1.0, **{n: -float(i) for i, n in enumerate(list(names)[1:])}}
    url = gateway({n: {"base_url": upstream.url, "model": m} for n, m in names.items()}, biases=biases,
                  words={n: n for n in names}, timeouts={**LIMITS, "first_token": 2 * SLOW, "answer": 2 * SLOW})
    rng = random.Random(7)

    def one(i):
        kind = rng.choice(["fine"] * 4 + ["torn", "flaky", "cut", "broken", "left", "left", "named", "bad", "route"])
        stream = i % 2 == 0
        if kind == "left":
            s = send(url, chat(rng.choice(["mute", "slow", "fine"]), stream=stream))
            time.sleep(rng.random() * 0.05)
            s.close()
            return
        if kind == "bad":
            assert post(url, b'{"model":')[0] == 400
        elif kind == "route":
            assert json.loads(post(url, {"query": "torn"}, path="/v1/route")[2])["expert"] == "torn"
        elif kind == "named":
            assert post(url, chat("torn", "fine", stream=stream))[1]["x-zooter-model"] == "fine"
        else:
            status, headers, text = post(url, chat(kind, stream=stream or kind in ("torn", "broken")))
            expected = kind if kind in ("fine", "torn", "broken") else "fine"
            assert status == 200 and headers["x-zooter-model"] == expected, (kind, status, headers)
            assert ("expert_failed" in text) == (kind == "broken")
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        for f in [pool.submit(one, i) for i in range(1200)]:
            f.result()
    until(lambda: metric(url, "zooter_in_flight") == 0, 30)
    until(lambda: metric(url, "zooter_route_queue") == 0)
    assert post(url, chat("fine"))[0] == 200


def test_openai_clients_before_simulated_experts(server, gateway):               # noqa: F811
    """The experts of zooter sim behind the gateway: every client gets an answer."""
    port = free_port()
    server("sim", "--experts", 3, "--port", port, url=f"http://127.0.0.1:{port}/health")
    url = gateway({n: {"base_url": f"http://127.0.0.1:{port}/v1", "model": f"expert-{i + 1}"} for i,
                   n in enumerate(("alpha", "beta", "gamma"))})
    c = client(url)

    def one(i):
        kw = {"model": "zooter",
              "messages": [{"role": "user", "content": f"{['sun', 'moon', 'stars'][i % 3]}: What is {i} * 3?"}]}
        if i % 2:
            return "".join(e.choices[0].delta.content or "" for e in c.chat.completions.create(stream=True, **kw)
                           if e.choices)
        return c.chat.completions.create(**kw).choices[0].message.content
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(200)))
    assert metric(url, 'zooter_decisions_total{reason="routed"}') == 200
