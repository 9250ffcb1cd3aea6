/* report.h - an evaluation as a text table of at most 100 columns, and as JSON with every figure.
 * The JSON's fields are documented in docs/evaluation.md. Layer: eval -> base;
 * refuses to print: text goes into buffers. */
#ifndef ZOO_EVAL_REPORT_H
#define ZOO_EVAL_REPORT_H
#include <jansson.h>
#include "base/buf.h"
#include "eval/metrics.h"

/* What the figures are about; strings NULL where not given. */
typedef struct zoo_report_subject {
    const char *split, *reward_model, *router, *kind;      /* kind NULL: all queries are one subset */
    const char *const *notes;                              /* sentences about what was left out */
    size_t note_count;
    uint64_t seed;
} zoo_report_subject;

/* Appends the tables. ZOO_OK or ZOO_ENOMEM (no memory, or `out` is full). */
int zoo_report_text(zoo_buf *out, const zoo_evaluation *e, const zoo_report_subject *subject);
/* A new reference; NULL: no memory. */
json_t *zoo_report_json(const zoo_evaluation *e, const zoo_report_subject *subject);

/* Appends `name` padded to `width` columns, cut in the middle ("meta-lla..3-8B") where it is longer; width >= 8. */
int zoo_report_name(zoo_buf *out, const char *name, size_t width);
#endif
