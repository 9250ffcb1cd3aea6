#!/usr/bin/env python3
"""encoder_peers.py: what one would run instead of the encoder engine, as a process that loads one peer and then measures on request.

    encoder_peers.py make DIR                                       a checkpoint of mDeBERTa-v3-base's shape, random weights, as DIR
    encoder_peers.py serve PEER FOLDER --work DIR --threads N       PEER: torch-f32 torch-bf16 onnxruntime-f32 onnxruntime-int8
                                                                          openvino-f32 openvino-bf16

`serve` prints a JSON object when it has given its first answer ({"ready_s", "peak_mib"}), then one for each line of stdin:
{"tokens": T, "seconds": S} -> {"median_ms", "min_ms"}: one query of T tokens; {"lengths": [...], "seconds": S} ->
{"tokens_per_s"}: those queries in sorted, padded batches of 32, the kindest padding there is. Two calls come first to
warm up, one of a batch.
What is exported to ONNX is kept in --work. Needs the packages of tests/reference/requirements.txt."""
import argparse
import json
import os
import pathlib
import resource
import statistics
import sys
import time

BATCH = 32
ONNX_OPSET = 17
PEERS = ["torch-f32", "torch-bf16", "onnxruntime-f32", "onnxruntime-int8", "openvino-f32", "openvino-bf16"]


def make(folder):
    import torch
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification
    torch.manual_seed(1)
    config = DebertaV2Config(
        vocab_size=251000, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, type_vocab_size=0,
        max_position_embeddings=512, max_relative_positions=-1, relative_attention=True, position_buckets=256, share_att_key=True,
        pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", position_biased_input=False, layer_norm_eps=1e-7, hidden_act="gelu",
        pooler_hidden_size=768, pooler_hidden_act="gelu", pooler_dropout=0, num_labels=6)
    DebertaV2ForSequenceClassification(config).save_pretrained(folder)


def load(folder):
    from transformers import AutoModelForSequenceClassification
    return AutoModelForSequenceClassification.from_pretrained(folder).eval()


def exported(folder, work, int8):
    """The checkpoint as an ONNX file, made where it is not there yet."""
    plain, small = work / "model.onnx", work / "model-int8.onnx"
    if not plain.exists():
        import torch
        ids = torch.randint(5, 20000, (2, 48))
        names = {0: "queries", 1: "tokens"}
        torch.onnx.export(load(folder), (ids, torch.ones_like(ids)), str(work / "new.onnx"), input_names=["ids", "mask"],
                          output_names=["logits"], dynamic_axes={"ids": names, "mask": names, "logits": {0: "queries"}},
                          dynamo=False, opset_version=ONNX_OPSET)
        os.rename(work / "new.onnx", plain)
    if int8 and not small.exists():
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(plain, work / "new.onnx", weight_type=QuantType.QInt8)
        os.rename(work / "new.onnx", small)
    return str(small if int8 else plain)


def open_torch(folder, precision, threads, _work):
    import torch
    torch.set_num_threads(threads)
    model = load(folder).to(torch.bfloat16 if precision == "bf16" else torch.float32)

    def call(ids, mask):
        with torch.inference_mode():
            model(torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
    return call


def open_onnxruntime(folder, precision, threads, work):
    path = exported(folder, work, precision == "int8")
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"ids": ids, "mask": mask})


def open_openvino(folder, precision, threads, work):
    path = exported(folder, work, False)
    import openvino
    core = openvino.Core()
    request = core.compile_model(core.read_model(path), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}).create_infer_request()
    return lambda ids, mask: request.infer({"ids": ids, "mask": mask})


OPEN = {"torch": open_torch, "onnxruntime": open_onnxruntime, "openvino": open_openvino}


def timed(call, seconds, least=5, warm=2):
    """Milliseconds of each call, for so many seconds."""
    for _ in range(warm):
        call()
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        begun = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - begun))
    return times


def measure(call, request):
    import numpy
    rng = numpy.random.default_rng(1)
    if "tokens" in request:
        ids = rng.integers(5, 20000, (1, request["tokens"]))
        times = timed(lambda: call(ids, numpy.ones_like(ids)), request["seconds"])
        return {"median_ms": statistics.median(times), "min_ms": min(times)}
    lengths = numpy.sort(numpy.array(request["lengths"]))
    batches = [lengths[i:i + BATCH] for i in range(0, len(lengths), BATCH)]
    ready = [(rng.integers(5, 20000, (len(b), b.max())), (numpy.arange(b.max()) < b[:, None]).astype(numpy.int64)) for b in batches]

    def walk():
        for ids, mask in ready:
            call(ids, mask)
    return {"tokens_per_s": 1e3 * float(lengths.sum()) / statistics.median(timed(walk, request["seconds"], least=2, warm=1))}


def serve(o):
    import numpy
    kind, precision = o.peer.rsplit("-", 1)
    work = pathlib.Path(o.work)
    work.mkdir(parents=True, exist_ok=True)
    answers, sys.stdout = sys.stdout, sys.stderr            # what libraries print is not an answer
    if kind != "torch":
        exported(o.folder, work, precision == "int8")
    begun = time.perf_counter()
    call = OPEN[kind](o.folder, precision, o.threads, work)
    call(numpy.full((1, 16), 7), numpy.ones((1, 16), numpy.int64))

    def say(what):
        print(json.dumps(what), file=answers, flush=True)
    say({"ready_s": time.perf_counter() - begun, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
    for line in sys.stdin:
        say(measure(call, json.loads(line)))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = options.add_subparsers(dest="what", required=True)
    what.add_parser("make").add_argument("dir")
    one = what.add_parser("serve")
    one.add_argument("peer", choices=PEERS)
    one.add_argument("folder")
    one.add_argument("--work", required=True)
    one.add_argument("--threads", type=int, default=2)
    o = options.parse_args()
    if o.what == "make":
        make(o.dir)
    else:
        serve(o)


if __name__ == "__main__":
    main()
