/* options.h - reading the public zoo_options. Layer: model. Threads: pure. */
#ifndef ZOO_MODEL_OPTIONS_H
#define ZOO_MODEL_OPTIONS_H
#include "base/err.h"

enum { ZOO_BATCH_TOKENS = 1024, ZOO_THREADS_MAX = 1024 };

/* The caller's options (NULL: none), of whatever version, with defaults filled in: threads >= 1,
 * batch_tokens > 0. ZOO_EUSAGE. */
int zoo_options_read(zoo_options *out, const zoo_options *options, zoo_err *err);
#endif
