/* options.c - reading the public zoo_options; see options.h. */
#include "model/options.h"
#include <string.h>
#include "base/parallel.h"
#include "model/transformer_config.h"

int zoo_options_read(zoo_options *out, const zoo_options *options, zoo_err *err)
{
    memset(out, 0, sizeof *out);
    if (options && options->size < offsetof(zoo_options, threads))
        return zoo_fail(err, ZOO_EUSAGE, "the size of zoo_options is not set to sizeof(zoo_options)");
    if (options)
        memcpy(out, options, options->size < sizeof *out ? options->size : sizeof *out);
    out->size = sizeof *out;
    if (out->threads == ZOO_ALL_THREADS)
        out->threads = zoo_parallel_processors();
    out->threads = out->threads ? out->threads : 1;
    out->batch_tokens = out->batch_tokens ? out->batch_tokens : ZOO_BATCH_TOKENS;
    if ((unsigned)out->precision > ZOO_PRECISION_INT8)
        return zoo_fail(err, ZOO_EUSAGE, "there is no precision %d", (int)out->precision);
    if (out->threads > ZOO_THREADS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%u threads, at most %d can be used", out->threads, ZOO_THREADS_MAX);
    if (out->is_pinned && out->first_cpu > ZOO_THREADS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "there is no processor %u to pin to", out->first_cpu);
    if (out->batch_tokens > ZOO_SEQUENCE_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "batch_tokens is %zu, at most %d fit", out->batch_tokens, ZOO_SEQUENCE_MAX);
    return ZOO_OK;
}
