#!/usr/bin/env python3
"""encoder_train_peer.py: one full fine-tuning step in PyTorch, measured: forward, KL loss, backward, clipping, AdamW over every weight.

    encoder_train_peer.py FOLDER --precision bf16|f32 --batch N --tokens T [--steps N] [--threads N]

bf16 is autocast: products in bfloat16, weights and their update in float32. Dropout as the checkpoint's config says. Prints one JSON
object: the tokens a second of the fastest step behind the first, and the peak memory of the process. A process a measurement: memory
that an earlier one took would count here."""
import argparse
import json
import resource
import time

CLIP, RATE, LABELS = 1.0, 1e-5, 6


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder")
    options.add_argument("--precision", choices=["bf16", "f32"], default="bf16")
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--tokens", type=int, default=96)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--threads", type=int, default=2)
    o = options.parse_args()
    import torch
    from transformers import AutoModelForSequenceClassification
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(o.folder, num_labels=LABELS, ignore_mismatched_sizes=True).float().train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, foreach=True)
    ids = torch.randint(5, 20000, (o.batch, o.tokens))
    mask, target = torch.ones_like(ids), torch.softmax(torch.randn(o.batch, LABELS), -1)
    seconds = []
    for _ in range(1 + o.steps):
        begun = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=o.precision == "bf16"):
            logits = model(ids, attention_mask=mask).logits
        torch.nn.functional.kl_div(torch.log_softmax(logits.float(), -1), target, reduction="batchmean").backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        optimiser.zero_grad()
        seconds.append(time.perf_counter() - begun)
    print(json.dumps({"tokens_per_s": o.batch * o.tokens / min(seconds[1:]),
                      "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
