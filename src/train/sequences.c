/* sequences.c - the token ids of every query, made once for all epochs; see sequences.h. */
#include "train/sequences.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

enum { BLOCK = 256 };                /* rows of a task */

struct making {
    const zoo_dataset *data;
    const zoo_tokenizer *tokenizer;
    size_t max_length;
    zoo_buf *ids;                    /* one a block */
    zoo_err *errors;
    size_t *lengths, *cut;           /* (n); one a block */
};

/* No id at all would be a query that nothing can be read from: the tokenizer's special tokens,
 * or the first id, stand for it. */
static int add_row(struct making *m, zoo_tokenization *work, size_t row, size_t block, zoo_err *err)
{
    const uint32_t nothing = 0;
    zoo_ids ids;
    int rc = zoo_tokenizer_encode(m->tokenizer, work, m->data->queries[row], m->data->query_sizes[row], NULL, 0,
                                  m->max_length, &ids, err);

    if (rc)
        return zoo_fail_within(err, "query '%.80s'", m->data->ids[row]);
    if (!ids.count)
        ids = (zoo_ids){ .ids = &nothing, .count = 1 };
    m->lengths[row] = ids.count;
    m->cut[block] += ids.was_cut != 0;
    return zoo_buf_add(&m->ids[block], ids.ids, ids.count * sizeof *ids.ids) ? zoo_fail_nomem(err) : ZOO_OK;
}

static void make_block(void *context, size_t block, unsigned thread)
{
    struct making *m = context;
    zoo_err *err = &m->errors[block];
    zoo_tokenization *work = NULL;
    size_t end = (block + 1) * BLOCK < m->data->n ? (block + 1) * BLOCK : m->data->n;
    int rc = zoo_tokenization_new(&work, m->tokenizer, err);

    (void)thread;
    for (size_t row = block * BLOCK; !rc && row < end; row++)
        rc = add_row(m, work, row, block, err);
    zoo_tokenization_free(work);
}

static int join(zoo_sequences *s, const struct making *m, size_t blocks, zoo_err *err)
{
    size_t n = s->n = m->data->n;

    s->starts = malloc((n + 1) * sizeof *s->starts);
    if (!s->starts)
        return zoo_fail_nomem(err);
    s->starts[0] = 0;
    for (size_t i = 0; i < n; i++) {
        s->starts[i + 1] = s->starts[i] + m->lengths[i];
        s->longest = m->lengths[i] > s->longest ? m->lengths[i] : s->longest;
    }
    s->ids = malloc((s->starts[n] + 1) * sizeof *s->ids);
    if (!s->ids)
        return zoo_fail_nomem(err);
    for (size_t b = 0; b < blocks; b++) {
        if (m->ids[b].size)
            memcpy(s->ids + s->starts[b * BLOCK], m->ids[b].data, m->ids[b].size);
        s->cut += m->cut[b];
    }
    return ZOO_OK;
}

int zoo_sequences_init(zoo_sequences *s, const zoo_dataset *data, const zoo_tokenizer *tokenizer, size_t max_length,
                       zoo_parallel *parallel, zoo_err *err)
{
    size_t blocks = (data->n + BLOCK - 1) / BLOCK;
    struct making m = { .data = data, .tokenizer = tokenizer, .max_length = max_length };
    int rc = ZOO_OK;

    *s = (zoo_sequences){ 0 };
    m.ids = calloc(blocks + 1, sizeof *m.ids);
    m.errors = calloc(blocks + 1, sizeof *m.errors);
    m.lengths = calloc(data->n + 1, sizeof *m.lengths);
    m.cut = calloc(blocks + 1, sizeof *m.cut);
    if (!m.ids || !m.errors || !m.lengths || !m.cut) {
        rc = zoo_fail_nomem(err);
        goto done;
    }
    for (size_t b = 0; b < blocks; b++)
        m.ids[b].max = (BLOCK * max_length + 1) * sizeof(uint32_t);
    zoo_parallel_run(parallel, blocks, make_block, &m);
    for (size_t b = 0; b < blocks && !rc; b++)
        if ((rc = m.errors[b].code) && err)
            *err = m.errors[b];
    if (!rc)
        rc = join(s, &m, blocks, err);
done:
    for (size_t b = 0; m.ids && b < blocks; b++)
        zoo_buf_release(&m.ids[b]);
    free(m.ids);
    free(m.errors);
    free(m.lengths);
    free(m.cut);
    if (rc)
        zoo_sequences_release(s);
    return rc;
}

void zoo_sequences_release(zoo_sequences *s)
{
    free(s->ids);
    free(s->starts);
    *s = (zoo_sequences){ 0 };
}
