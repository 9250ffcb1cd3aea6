/* demo.h - the parts of zooter demo besides running commands: shuffling rewards,
 * asking through the gateway, the last table.
 * Layer: cli. Threads: one. */
#ifndef ZOO_CLI_DEMO_H
#define ZOO_CLI_DEMO_H
#include <stdint.h>
#include <stdio.h>
#include "base/err.h"

/* Writes the lines of `zooter export --what rewards` in `from` to `to`,
 * each query's rewards handed to another at random. */
int zoo_demo_shuffle(const char *from, const char *to, uint64_t seed, zoo_err *err);

/* Asks held-out queries of `rows` (a sample's queries.jsonl) at the gateway, one of each subset, each shown as a curl
 * command with what came back and whether it is right. Programs only where they can be run. */
int zoo_demo_ask(FILE *to, const char *rows, unsigned port, int with_programs, zoo_err *err);

/* Files of earlier steps that the last table is made of. */
typedef struct zoo_demo_figures {
    const char *eval, *eval_shuffled;        /* zooter eval --json */
    const char *collected;                   /* what zooter collect printed */
} zoo_demo_figures;

/* Prints the table. *as_claimed: the router beats the best single expert by more than chance, and the one trained on
 * shuffled rewards does not. */
int zoo_demo_table(FILE *to, const zoo_demo_figures *figures, int *as_claimed, zoo_err *err);
#endif
