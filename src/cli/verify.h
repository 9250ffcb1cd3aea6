/* verify.h - the two halves of zooter model verify: is a checkpoint whole, and does it do what another, or another
 * precision, does? What is found goes into JSON objects, which the command prints. Layer: cli. */
#ifndef ZOO_CLI_VERIFY_H
#define ZOO_CLI_VERIFY_H
#include "base/err.h"
#include "base/json.h"
#include "zooter.h"

enum { VERIFY_PROBLEMS_MAX = 100 };

/* Appends {"check", "ok", "says"} for each check of the folder; is_fit becomes 0 where one fails. */
int zoo_verify_integrity(json_t *checks, const char *dir, int *is_fit, zoo_err *err);

typedef struct zoo_comparison {
    const char *dir, *reference_dir;                        /* may be the same */
    enum zoo_precision precision, reference;
    const char *queries;                            /* JSONL with 'query' and perhaps 'rewards'; NULL: those built in */
    double agreement;                                   /* least share of clear decisions; 0: 0.999, or 0.995 in int8 */
    double clear;                                           /* the reference's best two differ by more */
} zoo_comparison;

/* *out: a new object; is_fit becomes 0 where they differ by more than is allowed. */
int zoo_verify_compare(json_t **out, const zoo_comparison *job, int *is_fit, zoo_err *err);
#endif
