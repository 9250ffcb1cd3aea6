"""zooter eval: figures against a second computation, what is left out, what is refused."""
import json
import random

import pytest

from tiny_router import write_router

EXPERTS = ["a/one", "b/two", "c/three"]


def write_rows(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def make_rows(n=300, seed=2):
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        subset = rng.choice("xyz")
        rows.append({"id": f"q{i}", "query": f"query {i} of {subset}", "dataset": "d", "subset": subset,
                     "split": "test",
                     "tags": [f"skill:{s}" for s in rng.sample("pqr", rng.randint(0, 2))],
                     "rewards": {e: round(rng.random() + 0.2 * (e[0] == "abc"["xyz".index(subset)]), 3)
                                 for e in EXPERTS}})
    return rows


@pytest.fixture
def store(tmp_path, run):
    def make(rows, name="s.db", *args):
        p = run("import", "--store", tmp_path / name, *args, write_rows(tmp_path / "rows.jsonl", rows))
        assert p.returncode == 0, p.stderr
        return tmp_path / name
    return make


def evaluate(run, s, *args):
    p = run("eval", "--store", s, "--json", "-", *args)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


def mean(x):
    x = list(x)
    return sum(x) / len(x)


def method(figures, name):
    return next(m for m in figures["methods"] if m["name"] == name)


def test_means_agree_with_a_second_computation(run, store):
    rows = make_rows()
    f = evaluate(run, store(rows), "--bootstrap", "2000")
    subsets = [s["name"] for s in f["subsets"]]
    assert sorted(subsets) == ["x", "y", "z"] and f["queries"] == 300
    by = {s: [r["rewards"] for r in rows if r["subset"] == s] for s in subsets}
    for e in EXPERTS:
        want = [mean(r[e] for r in by[s]) for s in subsets]
        m = method(f, e)
        assert m["by_subset"] == pytest.approx(want, abs=1e-6)
        assert m["over_subsets"]["mean"] == pytest.approx(mean(want), abs=1e-6)
        assert m["over_rows"]["mean"] == pytest.approx(mean(r["rewards"][e] for r in rows), abs=1e-6)
        ranks = [1 + sum(mean(r[o] for r in by[s]) > mean(r[e] for r in by[s]) for o in EXPERTS) for s in subsets]
        assert m["mtr"] == pytest.approx(mean(ranks)) and m["uplift"] == pytest.approx(mean(r == 1 for r in ranks))
        assert m["over_subsets"]["low"] < m["over_subsets"]["mean"] < m["over_subsets"]["high"]
    assert method(f, "oracle")["over_rows"]["mean"] == pytest.approx(mean(max(r["rewards"].values()) for r in rows),
                                                                     abs=1e-6)
    assert method(f, "random")["over_rows"]["mean"] == pytest.approx(mean(mean(r["rewards"].values()) for r in rows),
                                                                     abs=1e-6)
    assert method(f, "best per subset")["uplift"] == 1


def test_queries_with_several_tags_count_in_each_subset(run, store):
    rows = make_rows()
    f = evaluate(run, store(rows), "--by", "skill", "--bootstrap", "0")
    assert {s["name"] for s in f["subsets"]} == {"p", "q", "r", "(none)"}
    for s, got in zip(f["subsets"], method(f, "a/one")["by_subset"]):
        here = [r for r in rows if (f"skill:{s['name']}" in r["tags"] if s["name"] != "(none)" else not r["tags"])]
        assert s["queries"] == len(here)
        assert got == pytest.approx(mean(r["rewards"]["a/one"] for r in here), abs=1e-6)
    assert method(f, "a/one")["over_rows"]["mean"] == pytest.approx(mean(r["rewards"]["a/one"] for r in rows), abs=1e-6)


def test_the_table_is_narrow_and_says_what_was_left_out(run, store):
    rows = make_rows()
    del rows[0]["rewards"]["a/one"]
    rows[1]["rewards"] = rows[2]["rewards"] = {}
    p = run("eval", "--store", store(rows))
    assert p.returncode == 0, p.stderr
    assert "split 'test': 297 queries in 3 subsets (by subset), 3 experts" in p.stdout
    assert "left out: 2 queries without any reward" in p.stdout
    assert "left out: 1 queries without a reward for each of the 3 experts" in p.stdout
    assert max(map(len, p.stdout.splitlines())) <= 100


@pytest.mark.parametrize("offset, scale", [(1e9, 1), (-1e9, 1), (0, 1e-30), (0, 1e300), (-(2.0 ** 1000), 2.0 ** 980)])
def test_offset_and_scale_of_rewards_change_no_rank(run, store, offset, scale):
    rows = [{**r, "rewards": {e: round(x) for e, x in r["rewards"].items()}} for r in make_rows()]
    odd = [{**r, "rewards": {e: offset + scale * x for e, x in r["rewards"].items()}} for r in rows]
    for by in ("subset", "skill"):
        a, b = (evaluate(run, store(x, f"{name}-{by}.db"), "--by", by, "--bootstrap", "200") for name,
                x in (("a", rows), ("b", odd)))
        assert a["best_single"] == b["best_single"]
        for x, y in zip(a["methods"], b["methods"]):
            assert (x["mtr"], x["uplift"]) == (y["mtr"], y["uplift"]) and x["picks_best"] == \
                pytest.approx(y["picks_best"])
            for mean in ("over_subsets", "over_rows"):
                for figure in ("mean", "low", "high"):
                    assert (y[mean][figure] - offset) / scale == pytest.approx(x[mean][figure], abs=1e-6)
    p = run("eval", "--store", store(odd, "text.db"), "--bootstrap", "100")
    assert p.returncode == 0 and ("are shown less" in p.stdout or "in units of" in p.stdout)
    assert max(map(len, p.stdout.splitlines())) <= 100


def test_an_expert_that_costs_most_queries_is_named(run, store):
    rows = make_rows(100)
    for r in rows[1:]:
        del r["rewards"]["b/two"]
    p = run("eval", "--store", store(rows))
    assert p.returncode == 0, p.stderr
    assert ("left out: 99 queries without a reward for each of the 3 experts; without 'b/two', 100 would be complete "
            "(--without b/two)"
            in p.stdout)
    del rows[0]["rewards"]["a/one"]
    p = run("eval", "--store", store(rows, "none.db"))
    assert p.returncode == 2 and \
        "the fewest has 'b/two', with 1: collect its rewards, or leave it out: without 'b/two', 99" in p.stderr
    p = run("eval", "--store", store(rows, "none.db"), "--without", "b/two")
    assert p.returncode == 0 and "99 queries" in p.stdout and "would be" not in p.stdout


def test_the_figures_depend_on_the_seed_and_not_on_the_threads(run, store):
    s = store(make_rows())
    one = evaluate(run, s, "--threads", "1")
    assert one == evaluate(run, s, "--threads", "3")
    other = evaluate(run, s, "--seed", "9")
    assert other["methods"] != one["methods"] and other["best_single"] == one["best_single"]


def test_another_reward_model_ranks_and_ours_scores(run, store, tmp_path):
    rows = make_rows()
    s = store(rows, "s.db", "--reward-model", "gold")
    rng = random.Random(9)
    proxy = [{"id": r["id"], "reward_model": "proxy", "rewards": {e: v + rng.gauss(0, 0.3) for e,
                                                                  v in r["rewards"].items()}}
             for r in rows[:-1]]
    assert run("import", "--store", s, write_rows(tmp_path / "p.jsonl", proxy)).returncode == 0
    f = evaluate(run, s, "--reward-model", "gold", "--rank-by", "proxy", "--bootstrap", "0")
    by_id = {r["id"]: r["rewards"] for r in rows}
    want = mean(by_id[p["id"]][max(p["rewards"], key=p["rewards"].get)] for p in proxy)
    assert f["queries"] == 299
    assert next(m for m in f["methods"] if m["kind"] == "ranker")["over_rows"]["mean"] == pytest.approx(want, abs=1e-6)
    assert "left out: 1 queries without a reward of every model that ranks" in f["notes"]
    p = run("eval", "--store", s)
    assert p.returncode == 2 and "several reward models" in p.stderr


def test_experts_can_be_left_out(run, store):
    f = evaluate(run, store(make_rows()), "--without", "a/one,b/two", "--bootstrap", "0")
    assert [m["name"] for m in f["methods"] if m["kind"] == "expert"] == ["c/three"]
    assert method(f, "oracle")["over_rows"] == method(f, "c/three")["over_rows"]


def test_json_goes_to_a_file_beside_the_table(run, store, tmp_path):
    s = store(make_rows())
    p = run("eval", "--store", s, "--json", tmp_path / "f.json")
    assert p.returncode == 0 and "best single" in p.stdout
    assert json.loads((tmp_path / "f.json").read_text())["queries"] == 300
    p = run("eval", "--store", s, "--json", tmp_path / "no" / "f.json")
    assert p.returncode == 1 and "f.json" in p.stderr


@pytest.mark.parametrize("args, status, sentence", [
    (["--split", "tset"], 2, "no query is in the split 'tset'"),
    (["--by", "topics"], 2, "no query has a tag of the kind 'topics'; there are: "),
    (["--reward-model", "nil"], 2, "no reward model 'nil'"),
    (["--rank-by", "nil"], 2, "no reward model 'nil'"),
    (["--without", "nil"], 2, "no expert 'nil'"),
    (["--without", ",".join(EXPERTS)], 2, "no expert is left"),
    (["--router", "{tmp}/none"], 1, "none"),
    (["--bootstrap", "100001"], 2, "--bootstrap: 100001 is outside"),
])
def test_what_cannot_be_evaluated_is_explained(run, store, tmp_path, args, status, sentence):
    p = run("eval", "--store", store(make_rows(30)), *[a.replace("{tmp}", str(tmp_path)) for a in args])
    assert p.returncode == status, p.stderr
    assert sentence in p.stderr and p.stdout == ""


def test_queries_without_rewards_are_no_split_to_evaluate(run, store):
    p = run("eval", "--store", store([{"id": "a", "query": "q", "rewards": {}, "split": "test"}]))
    assert p.returncode == 2 and "none of the 1 queries has a reward; 'zooter import' reads rewards" in p.stderr


def router_rows():
    """Each query names an expert, which is the best for it in subset x and the worst in subset y."""
    rows = []
    for i in range(60):
        named, subset = i % 3, "x" if i % 2 else "y"
        rows.append({"id": f"q{i}", "query": f"ask {EXPERTS[named][2:]} number {i}", "subset": subset, "split": "test",
                     "rewards": {e: (1.0 if (j == named) == (subset == "x") else 0.25 * j) for j,
                                 e in enumerate(EXPERTS)}})
    return rows


def named_router(folder, experts=EXPERTS, bias="b/two"):
    return write_router(folder, {e: float(e == bias) for e in experts}, {e[2:]: e for e in experts})


def test_the_router_is_scored_by_the_experts_it_chose(run, store, tmp_path):
    rows = router_rows()
    f = evaluate(run, store(rows), "--router", named_router(tmp_path / "r"), "--bootstrap", "500")
    earned = [r["rewards"][EXPERTS[i % 3]] for i, r in enumerate(rows)]
    m = next(m for m in f["methods"] if m["kind"] == "router")
    assert m["over_rows"]["mean"] == pytest.approx(mean(earned), abs=1e-6)
    assert m["picks_best"] == pytest.approx(mean(e == max(r["rewards"].values()) for e, r in zip(earned, rows)))
    assert f["chosen"] == pytest.approx({e: 1 / 3 for e in EXPERTS})
    assert f["best_single"]["on_training_data"] == "b/two"
    by = {s: mean(e for e, r in zip(earned, rows) if r["subset"] == s) for s in "xy"}
    assert dict(zip([s["name"] for s in f["subsets"]], m["by_subset"])) == pytest.approx(by, abs=1e-6)
    against = {c["reference"]: c for c in f["router_against"]}
    best = method(f, f["best_single"]["over_subsets"])["over_subsets"]["mean"]
    oracle = method(f, "oracle")["over_subsets"]["mean"]
    gap = against["best single"]["over_subsets"]
    assert gap["difference"]["mean"] == pytest.approx(mean(by.values()) - best, abs=1e-6)
    assert gap["gap_closed"]["mean"] == pytest.approx((mean(by.values()) - best) / (oracle - best), abs=1e-5)
    assert gap["difference"]["low"] <= gap["difference"]["mean"] <= gap["difference"]["high"]
    assert set(against) == {"best single", "best on training data", "best per subset"}


def test_the_choices_are_those_of_route(run, store, tmp_path):
    rows = router_rows()
    r = named_router(tmp_path / "r")
    f = evaluate(run, store(rows), "--router", r, "--bootstrap", "0")
    p = run("route", "--router", r, input="".join(row["query"] + "\n" for row in rows))
    chosen = [json.loads(line)["expert"] for line in p.stdout.splitlines()]
    want = mean(row["rewards"][e] for row, e in zip(rows, chosen))
    assert next(m for m in f["methods"] if m["kind"] == "router")["over_rows"]["mean"] == pytest.approx(want, abs=1e-6)


def test_the_router_cannot_choose_whom_the_store_does_not_know(run, store, tmp_path):
    rows = router_rows()
    for r in rows:
        del r["rewards"]["c/three"]
    p = run("eval", "--store", store(rows), "--router", named_router(tmp_path / "r"))
    assert p.returncode == 0, p.stderr
    assert "the router also knows 'c/three': not compared here (left out, or without rewards), " \
           "so it cannot choose them" in p.stdout
    f = evaluate(run, tmp_path / "s.db", "--router", tmp_path / "r", "--bootstrap", "0")
    assert f["chosen"] == pytest.approx({"a/one": 1 / 3, "b/two": 2 / 3})           # the bias decides for the third


def test_experts_that_the_router_does_not_know_are_left_out(run, store, tmp_path):
    s = store(router_rows())
    f = evaluate(run, s, "--router", named_router(tmp_path / "r", EXPERTS[:2]), "--bootstrap", "0")
    assert [m["name"] for m in f["methods"] if m["kind"] == "expert"] == EXPERTS[:2]
    assert "left out: 'c/three', which the router does not know" in f["notes"]
    p = run("eval", "--store", s, "--router", write_router(tmp_path / "o", {"other": 0.0}))
    assert p.returncode == 2 and "knows none of the experts with rewards" in p.stderr


def test_the_router_table_is_narrow(run, store, tmp_path):
    rows = router_rows()
    long = {e: f"{e}-{'x' * 100}" for e in EXPERTS}
    for r in rows:
        r["rewards"] = {long[e]: 1000 * v for e, v in r["rewards"].items()}
        r["subset"] = "subset-" + r["subset"] * 60
    write_router(tmp_path / "r", {e: 0.0 for e in long.values()})
    p = run("eval", "--store", store(rows), "--router", tmp_path / "r")
    assert p.returncode == 0, p.stderr
    assert max(map(len, p.stdout.splitlines())) <= 100 and "router less" in p.stdout


def test_real_test_rows(run, tmp_path, shared):
    s = tmp_path / "s.db"
    assert run("import", "--store", s, shared / "data/routerdc/test.jsonl").returncode == 0
    f = evaluate(run, s, "--bootstrap", "200")
    assert f["queries"] == 9408
    dolphin = method(f, "cognitivecomputations/dolphin-2.9-llama3-8b")       # as data/README.md has it
    assert round(dolphin["over_rows"]["mean"], 4) == 0.4692
    assert round(method(f, "oracle")["over_rows"]["mean"], 4) == 0.6904
    assert round(method(f, "random")["over_rows"]["mean"], 4) == 0.4193
