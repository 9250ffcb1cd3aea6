"""zooter model fetch against a local hub: what is fetched, the shared cache, tokens, faults, malicious answers,
kill -9."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import hub_server
import pytest
from hub_server import COMMIT, Repo

CONFIG = json.dumps({"model_type": "bert", "architectures": ["BertModel"]}).encode()
TOKEN = "hf_SecretSecretSecret"


def encoder(size=200_000, **more):
    """A repository as the hub has them: much that an encoder does not need."""
    weights = bytes(i * 7 % 256 for i in range(1000)) * (size // 1000)
    files = {"config.json": CONFIG, "model.safetensors": weights, "tokenizer.json": b'{"version": "1.0"}',
             "vocab.txt": b"[PAD]\n",
             "1_Pooling/config.json": b"{}", "modules.json": b"[]", "README.md": b"read me", "tf_model.h5": b"x" * 1000,
             "onnx/model.onnx": b"x" * 1000, "pytorch_model.bin": b"y" * 1000, ".gitattributes": b""}
    return Repo(files, lfs={"model.safetensors", "pytorch_model.bin", "onnx/model.onnx"}, **more)


WANTED = {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt", "1_Pooling/config.json", "modules.json"}


@pytest.fixture
def hub():
    with hub_server.Hub() as hub:
        hub.repos["org/name"] = encoder()
        yield hub


@pytest.fixture
def env(hub, tmp_path):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "TRANSFORMERS"))
             and not k.lower().endswith("_proxy")}
    return {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path)}


@pytest.fixture
def fetch(run, env):
    """fetch("org/name", ..., HF_TOKEN=...) with the local hub as the endpoint."""
    def call(*args, **more):
        p = run("model", "fetch", *args, env={**env, **more})
        assert TOKEN not in p.stdout + p.stderr and "s3cret" not in p.stdout + p.stderr
        return p
    return call


def cache(env):
    return pathlib.Path(env["HF_HOME"]) / "hub" / "models--org--name"


def names(folder):
    return {str(p.relative_to(folder)) for p in pathlib.Path(folder).rglob("*") if not p.is_dir()}


def same_files(folder, repo, wanted=WANTED):
    return names(folder) == set(wanted) and all((pathlib.Path(folder) / n).read_bytes() == repo.files[n]
                                                for n in wanted)


# ---- what is fetched, and where to ----

def test_takes_what_an_encoder_needs(hub, fetch, env):
    p = fetch("org/name")
    assert p.returncode == 0, p.stderr
    snapshot = pathlib.Path(p.stdout.strip())
    assert snapshot == cache(env) / "snapshots" / COMMIT
    assert same_files(snapshot, hub.repos["org/name"])
    assert (cache(env) / "refs/main").read_text() == COMMIT
    link = snapshot / "1_Pooling/config.json"
    assert os.readlink(link) == "../../../blobs/" + hub_server.git_sha1(b"{}")
    sha = hashlib.sha256(hub.repos["org/name"].files["model.safetensors"]).hexdigest()
    assert os.readlink(snapshot / "model.safetensors") == "../../blobs/" + sha
    assert not list(cache(env).rglob("*.incomplete"))


def test_a_second_time_nothing_but_the_commit_is_asked(hub, fetch):
    fetch("org/name")
    hub.requests.clear()
    p = fetch("org/name")
    assert p.returncode == 0 and "0 bytes fetched" in p.stderr
    assert [r.path for r in hub.requests] == ["/api/models/org/name/revision/main"]


def test_a_folder_gets_files_of_its_own(hub, fetch, tmp_path, env):
    p = fetch("org/name", tmp_path / "model")
    assert p.returncode == 0 and p.stdout.strip() == str(tmp_path / "model")
    assert same_files(tmp_path / "model", hub.repos["org/name"])
    assert not any(f.is_symlink() for f in (tmp_path / "model").rglob("*"))
    (tmp_path / "model/config.json").write_bytes(b"changed in place")
    assert (cache(env) / "snapshots" / COMMIT / "config.json").read_bytes() == CONFIG


def test_a_folder_that_holds_something_is_refused_first(hub, fetch, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/mine").write_text("mine")
    p = fetch("org/name", tmp_path / "model")
    assert p.returncode == 2 and "not empty" in p.stderr and not hub.requests
    assert fetch("org/name", tmp_path / "model", "--force").returncode == 0
    assert same_files(tmp_path / "model", hub.repos["org/name"])
    assert [f.name for f in tmp_path.iterdir() if ".part" in f.name or ".old" in f.name] == []


def test_a_revision(hub, fetch, env):
    hub.repos["org/name"].branches |= {"v2", "refs/pr/1"}
    assert fetch("org/name@v2").returncode == 0
    assert fetch("org/name@refs/pr/1").returncode == 0
    assert fetch("hf://org/name@" + COMMIT).returncode == 0
    assert names(cache(env) / "refs") == {"v2", "refs/pr/1"}
    p = fetch("org/name@v3")
    assert p.returncode == 1 and "no revision 'v3'" in p.stderr


def test_a_branch_that_moved_is_fetched_anew_and_shares_what_is_alike(hub, fetch, env):
    fetch("org/name")
    hub.repos["org/name"].commit = "f" * 40
    hub.repos["org/name"].files["vocab.txt"] = b"[PAD]\n[UNK]\n"
    hub.requests.clear()
    p = fetch("org/name")
    assert p.returncode == 0 and "12 bytes fetched" in p.stderr
    assert (cache(env) / "refs/main").read_text() == "f" * 40
    assert not [r for r in hub.requests if r.method == "GET" and "model.safetensors" in r.path]


def test_shards_by_their_index(hub, fetch, tmp_path):
    repo = hub.repos["org/name"]
    del repo.files["model.safetensors"]
    index = {"metadata": {}, "weight_map": {"a": "model-1-of-2.safetensors", "b": "model-1-of-2.safetensors",
                                            "c": "model-2-of-2.safetensors"}}
    repo.files |= {"model.safetensors.index.json": json.dumps(index).encode(), "model-1-of-2.safetensors": b"one",
                   "model-2-of-2.safetensors": b"two"}
    repo.lfs |= {"model-1-of-2.safetensors", "model-2-of-2.safetensors"}
    p = fetch("org/name", tmp_path / "model")
    assert p.returncode == 0, p.stderr
    shards = {"model.safetensors.index.json", "model-1-of-2.safetensors", "model-2-of-2.safetensors"}
    assert same_files(tmp_path / "model", repo, WANTED - {"model.safetensors"} | shards)
    del repo.files["model-2-of-2.safetensors"]
    repo.commit = "e" * 40
    p = fetch("org/name", tmp_path / "other")
    assert p.returncode == 1 and "has no file model-2-of-2.safetensors" in p.stderr and \
        not (tmp_path / "other").exists()


def test_pytorch_model_bin_where_there_is_no_other(hub, fetch, tmp_path):
    del hub.repos["org/name"].files["model.safetensors"]
    assert fetch("org/name", tmp_path / "model").returncode == 0
    assert same_files(tmp_path / "model", hub.repos["org/name"], WANTED - {"model.safetensors"} | {"pytorch_model.bin"})


@pytest.mark.parametrize("change, sentence", [
    (lambda r: r.files.pop("config.json"), "no config.json"),
    (lambda r: r.files.update({"config.json": b'{"model_type": "llama"}'}), "model_type 'llama' is not supported"),
    (lambda r: r.files.update({"config.json": b"{"}), "config.json"),
    (lambda r: r.files.update({"config.json": b" " * (2 << 20)}), "at most 1048576"),
    (lambda r: (r.files.pop("model.safetensors"), r.files.pop("pytorch_model.bin")), "no weights"),
])
def test_what_is_no_encoder_is_refused_before_its_weights_travel(hub, fetch, change, sentence):
    change(hub.repos["org/name"])
    p = fetch("org/name")
    assert p.returncode == 1 and sentence in p.stderr
    assert not [r for r in hub.requests if r.host == "cdn"]


@pytest.mark.parametrize("name", ["", "/", "org/", "a/b/c", "../x", "org/..", ".org/x", "org/na--me", "org/na me", "-",
                                  "o/" + "x" * 100, "org/name@",
                                  "org/name@../main", "org/name@/main", "org/name@a//b", "org/name@a@b", "x" * 2000])
def test_a_name_that_cannot_be_is_wrong_use(hub, fetch, name):
    p = fetch("--", name) if name.startswith("-") else fetch(name)
    assert p.returncode == 2 and not hub.requests, p.stderr


@pytest.mark.parametrize("folder", ["bert", "backbone-bin", "pair-reward"])
def test_what_was_fetched_computes(hub, fetch, run, tmp_path, folder):
    golden = pathlib.Path(__file__).resolve().parents[1] / "golden" / folder
    files = {f.name: f.read_bytes() for f in golden.iterdir() if not f.name.endswith(".jsonl")}
    hub.repos["org/name"] = Repo(files, lfs={"model.safetensors", "pytorch_model.bin", "spm.model"})
    rows = b"".join((golden / "expected.jsonl").read_bytes().splitlines(True)[:5])
    p = fetch("org/name", tmp_path / "model")
    assert p.returncode == 0, p.stderr
    own, fetched, linked = (run("model", "run", d, input=rows) for d
                            in (golden, tmp_path / "model", fetch("org/name").stdout.strip()))
    assert own.returncode == 0 and own.stdout == fetched.stdout == linked.stdout


# ---- tokens ----

def test_the_token_goes_to_the_hub_alone(hub, fetch):
    hub.repos["org/name"] = encoder(token=TOKEN)
    p = fetch("org/name", HF_TOKEN=f"  {TOKEN}\n")
    assert p.returncode == 0, p.stderr
    assert {r.headers.get("Authorization") for r in hub.requests if r.host == "hub"} == {"Bearer " + TOKEN}
    assert {r.headers.get("Authorization") for r in hub.requests if r.host == "cdn"} == {None}
    assert [r for r in hub.requests if r.host == "cdn"]


@pytest.mark.parametrize("how", ["HF_HOME", "HF_TOKEN_PATH"])
def test_the_token_of_a_login_is_read_from_its_file(hub, fetch, env, tmp_path, how):
    hub.repos["org/name"] = encoder(token=TOKEN)
    path = pathlib.Path(env["HF_HOME"]) / "token" if how == "HF_HOME" else tmp_path / "elsewhere"
    path.parent.mkdir(exist_ok=True)
    path.write_text(TOKEN + "\n")
    assert fetch("org/name", **({} if how == "HF_HOME" else {"HF_TOKEN_PATH": str(path)})).returncode == 0
    p = fetch("org/name@main", HF_HUB_DISABLE_IMPLICIT_TOKEN="1", HF_HUB_CACHE=str(tmp_path / "new"))
    assert p.returncode == 1 and "set HF_TOKEN" in p.stderr


def test_a_redirect_to_another_host_does_not_get_the_token(hub, fetch):
    """Not in HEAD, not in GET, not in the API, and not on the way back."""
    for part in ("/api/models", "config.json"):
        hub.requests.clear()
        hub.faults["GET", part] = [hub_server.redirect(hub.cdn_url + "/elsewhere/x?y")]
        fetch("org/name", HF_TOKEN=TOKEN)
        assert [r.headers.get("Authorization") for r in hub.requests if r.path == "/elsewhere/x?y"] == [None]
    hub.faults["HEAD", "config.json"] = [hub_server.redirect(hub.url.replace("127.0.0.1", "localhost") + "/x")]
    hub.requests.clear()
    fetch("org/name", HF_TOKEN=TOKEN)
    assert [r.headers.get("Authorization") for r in hub.requests if r.path == "/x"] == [None]


def test_a_renamed_repository_is_followed_with_the_token(hub, fetch):
    hub.repos["org/name"] = encoder(token=TOKEN)
    hub.faults["GET", "/api/models/org/name"] = [hub_server.redirect("/api/models/org/name/revision/main?renamed", 307)]
    assert fetch("org/name", HF_TOKEN=TOKEN).returncode == 0


@pytest.mark.parametrize("token", [None, TOKEN, "hf_other", "wrong"])
def test_private_repositories(hub, fetch, token):
    hub.repos["org/name"] = encoder(token=TOKEN)
    p = fetch("org/name", **({"HF_TOKEN": token} if token else {}))
    assert p.returncode == (0 if token == TOKEN else 1)
    if token != TOKEN:
        assert "no such model" in p.stderr and ("set HF_TOKEN" in p.stderr) == (token is None)
        assert not token or token not in p.stderr


@pytest.mark.parametrize("token", [None, "hf_other"])
def test_gated_repositories_say_what_to_do(hub, fetch, token):
    hub.repos["org/name"] = encoder(token=TOKEN, gated=True)
    p = fetch("org/name", **({"HF_TOKEN": token} if token else {}))
    assert p.returncode == 1 and f"accept the terms at {hub.url}/org/name" in p.stderr
    assert fetch("org/name", HF_TOKEN=TOKEN).returncode == 0


def test_a_token_that_is_none(fetch, hub):
    p = fetch("org/name", HF_TOKEN="two words")
    assert p.returncode == 2 and "two words" not in p.stderr and not hub.requests
    p = fetch("org/name", HF_TOKEN="hf_ä")
    assert p.returncode == 2 and "hf_" not in p.stderr


def test_an_error_message_that_shows_the_token_is_not_repeated(fetch, hub):
    hub.faults["GET", "/api/models"] = [hub_server.status(418, X_Error_Message="you sent " + TOKEN)]
    assert "HTTP 418" in fetch("org/name", HF_TOKEN=TOKEN).stderr


@pytest.mark.parametrize("endpoint", ["ftp://x", "nonsense", "http://user:pass@127.0.0.1:1", "http://",
                                      "https://x/" + "y" * 2000])
def test_an_endpoint_that_cannot_be(fetch, endpoint):
    p = fetch("org/name", HF_ENDPOINT=endpoint)
    assert p.returncode == 2 and "pass" not in p.stderr


def test_an_endpoint_below_a_path(hub, fetch):
    hub.prefix = "/api/huggingface/mirror"
    assert fetch("org/name", HF_ENDPOINT=hub.url + hub.prefix + "/").returncode == 0


# ---- https ----

def certificate(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-days", "2", "-subj", "/CN=hub",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_certificates_are_verified(fetch, tmp_path):
    cert = certificate(tmp_path)
    with hub_server.Hub(tls=cert) as hub:
        hub.repos["org/name"] = Repo({"config.json": CONFIG, "model.safetensors": b"weights"})
        p = fetch("org/name", HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN)
        assert p.returncode == 1 and "certificate cannot be trusted" in p.stderr and not hub.requests
        assert fetch("org/name", HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN, SSL_CERT_FILE=str(cert[0])).returncode == 0
        assert fetch("org/name", HF_ENDPOINT=hub.url.replace("127.0.0.1", "localhost"), SSL_CERT_FILE=str(cert[0]),
                     HF_HUB_CACHE=str(tmp_path / "c")).returncode == 1


def test_https_does_not_lead_to_http(fetch, tmp_path):
    cert = certificate(tmp_path)
    with hub_server.Hub(tls=cert) as hub:
        hub.repos["org/name"] = Repo({"config.json": CONFIG, "model.safetensors": b"weights"},
                                     lfs={"model.safetensors"})
        p = fetch("org/name", HF_ENDPOINT=hub.url, SSL_CERT_FILE=str(cert[0]))
        assert p.returncode == 1 and "from https to http" in p.stderr and not [r for r in hub.requests if r.host
                                                                               == "cdn"]


# ---- faults ----

def test_what_passes_is_tried_again(hub, fetch):
    hub.faults["GET", "/api/models"] = [hub_server.status(503), hub_server.hang_up,
                                        hub_server.status(429, Retry_After=1)]
    hub.faults["HEAD", "config.json"] = [hub_server.status(502)]
    hub.faults["GET", "model.safetensors"] = [hub_server.status(500), hub_server.hang_up]
    p = fetch("org/name")
    assert p.returncode == 0, p.stderr
    assert p.stderr.count("trying again") >= 4    # libcurl repeats by itself what a kept connection lost


def test_what_does_not_pass_is_an_error_after_some_tries(hub, fetch):
    hub.faults["GET", "/api/models"] = [hub_server.status(503)] * 9
    p = fetch("org/name", "--retries", 2)
    assert p.returncode == 1 and "HTTP 503" in p.stderr and len(hub.requests) == 3
    hub.faults["GET", "/api/models"] = [hub_server.status(429, Retry_After=4000)]
    p = fetch("org/name")
    assert p.returncode == 1 and "HTTP 429" in p.stderr and "trying" not in p.stderr


def test_a_cut_download_goes_on_where_it_was(hub, fetch):
    hub.faults["GET", "/model.safetensors?"] = [hub_server.cut_after(50_000)] * 3
    p = fetch("org/name", "--retries", 1)
    assert p.returncode == 0, p.stderr
    assert [r.headers.get("Range") for r in hub.asked("GET", "model.safetensors", "cdn")] == [None, "bytes=50000-",
                                                                                              "bytes=100000-",
                                                                                              "bytes=150000-"]


def test_a_server_that_ignores_ranges(hub, fetch, env):
    hub.faults["GET", "/model.safetensors?"] = [hub_server.cut_after(50_000)]
    hub.ranges = False
    p = fetch("org/name")
    assert p.returncode == 0, p.stderr
    assert same_files(p.stdout.strip(), hub.repos["org/name"])


def incomplete(env, hub, data):
    path = cache(env) / "blobs" / (hub.repos["org/name"].etag("model.safetensors") + ".incomplete")
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kept, ranges", [("a part", [["bytes=70000-"]]), ("rubbish", [["bytes=70000-", None]]),
                                          ("too much", [[None]]), ("all", [[]])])
def test_what_an_earlier_run_left(hub, fetch, env, kept, ranges):
    weights = hub.repos["org/name"].files["model.safetensors"]
    incomplete(env, hub, {"a part": weights[:70_000], "rubbish": b"!" * 70_000, "too much": weights + b"!",
                          "all": weights}[kept])
    p = fetch("org/name")
    assert p.returncode == 0, p.stderr
    assert same_files(p.stdout.strip(), hub.repos["org/name"])
    assert [[r.headers.get("Range") for r in hub.asked("GET", "model.safetensors", "cdn")]] == ranges


def test_a_link_in_place_of_the_part_is_not_written_through(hub, fetch, env, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    incomplete(env, hub, b"").unlink()
    (cache(env) / "blobs" / (hub.repos["org/name"].etag("model.safetensors") + ".incomplete")).symlink_to(victim)
    assert fetch("org/name").returncode == 1 and victim.read_text() == "precious"


@pytest.mark.parametrize("file", ["model.safetensors", "vocab.txt"])
def test_a_wrong_checksum_leaves_nothing(hub, fetch, env, file):
    repo = hub.repos["org/name"]
    repo.etags[file] = "5" * (64 if file in repo.lfs else 40)
    p = fetch("org/name")
    assert p.returncode == 1 and file in p.stderr and "checksum" in p.stderr
    assert not list((cache(env) / "blobs").glob("5*")) and not (cache(env) / "refs").exists()
    repo.etags.clear()
    assert fetch("org/name").returncode == 0


def test_plain_sha1_as_etag_is_fine(hub, fetch):
    repo = hub.repos["org/name"]
    repo.etags["vocab.txt"] = hashlib.sha1(repo.files["vocab.txt"]).hexdigest()
    assert fetch("org/name").returncode == 0


def test_more_bytes_than_announced(hub, fetch, env):
    repo = hub.repos["org/name"]
    hub.faults["GET", "/model.safetensors?"] = [hub_server.replace_body(repo.files["model.safetensors"] + b"!")]
    p = fetch("org/name")
    assert p.returncode == 1 and "more than the 200000 bytes" in p.stderr


def test_fewer_bytes_than_announced(hub, fetch, env):
    hub.faults["GET", "/model.safetensors?"] = [hub_server.replace_body(b"little")] * 3
    p = fetch("org/name", "--retries", 2)
    assert p.returncode == 1 and "of 200000 bytes came" in p.stderr


def test_a_connection_that_stands_still_is_given_up(hub, fetch):
    hub.faults["GET", "/model.safetensors?"] = [hub_server.stall]
    began = time.monotonic()
    p = fetch("org/name", HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert p.returncode == 0 and "no byte for too long" in p.stderr and time.monotonic() - began < 15


def test_a_size_that_is_not_told(hub, fetch):
    """Small files of servers that do not say how long they are; what an earlier run left is not trusted then."""
    repo = hub.repos["org/name"]
    for etag in (repo.etag("vocab.txt"), hashlib.sha256(b"[PAD]\n").hexdigest(), "word"):
        repo.commit = hashlib.sha1(etag.encode()).hexdigest()
        hub.faults["HEAD", "vocab.txt"] = [hub_server.without_length(etag, b"")]
        hub.faults["GET", "vocab.txt"] = [hub_server.without_length(etag, repo.files["vocab.txt"])]
        p = fetch("org/name")
        assert p.returncode == 0 and same_files(p.stdout.strip(), repo), p.stderr
    repo.commit = "9" * 40
    hub.faults["HEAD", "vocab.txt"] = [hub_server.without_length("another", b"")]
    hub.faults["GET", "vocab.txt"] = [hub_server.without_length("another", b"x" * (257 << 20))]
    p = fetch("org/name")
    assert p.returncode == 1 and "more than" in p.stderr


def test_redirects_without_end(hub, fetch):
    hub.faults["HEAD", "config.json"] = [hub_server.redirect("/org/name/resolve/main/config.json")] * 50
    p = fetch("org/name")
    assert p.returncode == 1 and "more than 10 redirects" in p.stderr


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:pass@127.0.0.1/", "//",
                                      "javascript:alert(1)"])
def test_redirects_to_nowhere(hub, fetch, location):
    hub.faults["HEAD", "config.json"] = [hub_server.redirect(location)]
    p = fetch("org/name", "--retries", 0)
    assert p.returncode == 1 and "pass" not in p.stderr


def test_a_hub_that_cannot_be_reached(fetch, hub):
    hub.servers[0].server_close()
    p = fetch("org/name", "--retries", 1)
    assert p.returncode == 1 and p.stderr.count("trying again") == 1 and \
        "the cache has nothing of org/name at 'main'" in p.stderr


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"sha": 7, "siblings": []}',
                                  b'{"sha": "../../x", "siblings": []}', b'{"sha": "a/b", "siblings": []}',
                                  b'{"sha": "' + b"a" * 500 + b'", "siblings": []}', b'{"sha": "abc"}',
                                  b'{"sha": "abc", "siblings": {"a": 1}}', b"<html>", b"[" * 100_000,
                                  b'{"sha": "abc", "siblings": [1, {"rfilename": 2}, {}]}', b"x" * (17 << 20)])
def test_an_api_that_answers_nonsense(hub, fetch, body, env):
    hub.faults["GET", "/api/models"] = [hub_server.replace_body(body)]
    p = fetch("org/name")
    assert p.returncode == 1 and p.stderr.count("\n") == 1
    assert not cache(env).exists()


# ---- names that lead out ----

@pytest.mark.parametrize("sha", ["../../../evil", "/tmp/evil", "..", ".", "a/b", "a\\b", "a" * 500, ""])
def test_a_commit_is_a_word(hub, fetch, tmp_path, sha):
    info = {"sha": sha, "siblings": [{"rfilename": "config.json"}]}
    hub.faults["GET", "/api/models"] = [hub_server.replace_body(json.dumps(info).encode())]
    hub.faults["HEAD", "config.json"] = [hub_server.status(200, ETag='"word"')]
    p = fetch("org/name")
    assert p.returncode == 1 and "'sha' should be a commit" in p.stderr and not hub.asked("HEAD", "config.json")


EVIL = ["../evil.safetensors", "/tmp/evil.safetensors", "a/../../evil.safetensors", "..\\evil.safetensors",
        "sub/evil.safetensors", "evil\x00.safetensors",
        "evil\n.safetensors", "", ".", "..", "config.json", "x" * 300 + ".safetensors", 7]


@pytest.mark.parametrize("name", EVIL)
def test_an_index_cannot_name_files_outside(hub, fetch, env, tmp_path, name):
    repo = hub.repos["org/name"]
    repo.files.pop("model.safetensors")
    repo.files["model.safetensors.index.json"] = json.dumps({"weight_map": {"a": name}}).encode()
    if isinstance(name, str) and name != "config.json":
        repo.files[name] = b"evil"
    before = names(tmp_path)
    p = fetch("org/name", tmp_path / "model")
    assert p.returncode == 1 and "model.safetensors.index.json" in p.stderr
    assert not [f for f in names(tmp_path) - before if "evil" in f] and not (tmp_path / "model").exists()


def test_an_api_cannot_name_files_outside(hub, fetch, tmp_path):
    hub.repos["org/name"].listed = [*hub.repos["org/name"].files, *(str(e) for e in EVIL)]
    p = fetch("org/name", tmp_path / "model")
    assert p.returncode == 0 and names(tmp_path / "model") == WANTED


@pytest.mark.parametrize("etag", ["../../../evil", "a/b", "..", ".hidden", "", "x" * 150, "a b"])
def test_an_etag_is_a_word(hub, fetch, env, tmp_path, etag):
    hub.faults["HEAD", "config.json"] = [hub_server.status(200, ETag=f'"{etag}"')]
    p = fetch("org/name")
    assert p.returncode == 1 and "no usable ETag" in p.stderr
    assert not [n for n in names(tmp_path) if "evil" in n]


# ---- without a network ----

def test_offline(hub, fetch, tmp_path):
    p = fetch("org/name", HF_HUB_OFFLINE="1")
    assert p.returncode == 1 and "HF_HUB_OFFLINE" in p.stderr
    first = fetch("org/name")
    hub.requests.clear()
    for revision in ("", "@main", "@" + COMMIT):
        p = fetch("org/name" + revision, HF_HUB_OFFLINE="1")
        assert p.returncode == 0 and p.stdout == first.stdout, p.stderr
    assert fetch("org/name@v2", HF_HUB_OFFLINE="1").returncode == 1
    assert fetch("org/name", tmp_path / "model", TRANSFORMERS_OFFLINE="yes").returncode == 0
    assert same_files(tmp_path / "model", hub.repos["org/name"]) and not hub.requests


def test_offline_with_a_part_of_it(hub, fetch, env):
    fetch("org/name")
    (cache(env) / "snapshots" / COMMIT / "model.safetensors").unlink()
    p = fetch("org/name", HF_HUB_OFFLINE="1")
    assert p.returncode == 1 and "no weights in the cache" in p.stderr


def test_a_hub_out_of_order_and_a_full_cache(hub, fetch):
    first = fetch("org/name")
    hub.faults["GET", "/api/models"] = [hub_server.status(503)]
    p = fetch("org/name")
    assert p.returncode == 0 and p.stdout == first.stdout and "taking what the cache has" in p.stderr
    hub.repos.clear()
    assert fetch("org/name").returncode == 1, "a repository that is gone is not served from the cache"
    hub.servers[0].shutdown()
    hub.servers[0].server_close()
    assert fetch("org/name").returncode == 0


# ---- several at once, and killed ----

def test_two_at_once_download_once(hub, zooter, env):
    hub.repos["org/name"] = encoder(2_000_000)
    hub.rate = 2_000_000
    runs = [subprocess.Popen([zooter, "model", "fetch", "org/name"], env=env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True) for _ in range(3)]
    outs = [p.communicate(timeout=60) for p in runs]
    assert [p.returncode for p in runs] == [0, 0, 0], outs
    assert len({o[0] for o in outs}) == 1 and "another process fetches it" in "".join(o[1] for o in outs)
    assert len(hub.asked("GET", "model.safetensors", "cdn")) == 1


def test_killed_at_any_moment_it_goes_on(hub, zooter, env, fetch):
    hub.repos["org/name"] = encoder(1_000_000)
    hub.rate = 500_000
    kills, part = 0, 0
    for _ in range(4):
        p = subprocess.Popen([zooter, "model", "fetch", "org/name"], env=env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        time.sleep(0.5)
        if p.poll() is None:
            p.send_signal(signal.SIGKILL)
            kills += 1
        p.communicate()
        found = list(cache(env).glob("blobs/*.incomplete"))
        assert found and found[0].stat().st_size >= part
        part = found[0].stat().st_size
        assert not (cache(env) / "refs/main").exists(), "a commit is remembered when its files are there"
    assert kills == 4 and part > 300_000
    hub.rate = None
    hub.requests.clear()
    p = fetch("org/name")
    assert p.returncode == 0 and same_files(p.stdout.strip(), hub.repos["org/name"])
    assert [r.headers["Range"] for r in hub.asked("GET", "model.safetensors", "cdn")] == [f"bytes={part}-"]


def test_progress_has_an_eta(hub, zooter, env):
    """On a terminal."""
    hub.repos["org/name"] = encoder(4 << 20)
    hub.rate = 4 << 20
    main, sub = os.openpty()
    p = subprocess.Popen([zooter, "model", "fetch", "org/name"], env=env, stdout=subprocess.DEVNULL, stderr=sub)
    os.close(sub)
    shown = b""
    while True:
        try:
            block = os.read(main, 4096)
        except OSError:
            break
        if not block:
            break
        shown += block
    os.close(main)
    assert p.wait() == 0 and b"fetch (MiB): " in shown and b"ETA" in shown


def test_a_cache_that_cannot_be_written(fetch, tmp_path):
    (tmp_path / "file").write_text("")
    p = fetch("org/name", HF_HUB_CACHE=str(tmp_path / "file"))
    assert p.returncode == 1 and str(tmp_path / "file") in p.stderr
