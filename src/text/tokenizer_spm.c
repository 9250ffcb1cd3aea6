/* tokenizer_spm.c - reads an spm.model, SentencePiece's own file (a protocol buffer), and makes DeBERTa's tokenizer of
 * it. Refuses models that are not Unigram. Layer: text -> base. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/tokenizer_folder.h"

enum { UNIGRAM = 1 };
enum piece_type { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6 };

/* ---- protocol buffers ---- */

struct message { const unsigned char *at, *end; };
struct field { uint64_t number, value; unsigned wire; struct message bytes; };

static int take_varint(struct message *m, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        unsigned char byte = *m->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 1;
    }
    return 0;
}

static int take_fixed(struct message *m, unsigned size, uint64_t *value)
{
    if ((size_t)(m->end - m->at) < size)
        return 0;
    *value = 0;
    for (unsigned i = 0; i < size; i++)
        *value |= (uint64_t)*m->at++ << 8 * i;
    return 1;
}

/* 1: a field; 0: the end; -1: no protocol buffer. */
static int next_field(struct message *m, struct field *f)
{
    uint64_t tag, size;

    if (m->at == m->end)
        return 0;
    if (!take_varint(m, &tag))
        return -1;
    f->number = tag >> 3;
    f->wire = tag & 7;
    switch (f->wire) {
    case 0: return take_varint(m, &f->value) ? 1 : -1;
    case 1: return take_fixed(m, 8, &f->value) ? 1 : -1;
    case 5: return take_fixed(m, 4, &f->value) ? 1 : -1;
    case 2:
        if (!take_varint(m, &size) || size > (uint64_t)(m->end - m->at))
            return -1;
        f->bytes = (struct message){ m->at, m->at + size };
        m->at += size;
        return 1;
    default: return -1;
    }
}

/* ---- what a model says ---- */

struct model {
    zoo_tokenizer *t;
    const char *path;
    uint8_t *types;                     /* (pieces), enum piece_type */
    size_t type_capacity, user_defined;
    int64_t unknown;
    uint64_t kind, byte_fallback, suffix, dummy_prefix, collapse, escape;
    struct message charsmap;
    float least, most;                  /* scores of NORMAL pieces */
    zoo_err *err;
};

static int fail(struct model *m, const char *what)
{
    return zoo_fail(m->err, ZOO_EFORMAT, "%s: %s", m->path, what);
}

static float float_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;

    memcpy(&value, &low, sizeof value);
    return value;
}

static int put_type(struct model *m, size_t id, uint8_t type)
{
    if (id >= m->type_capacity) {
        size_t capacity = m->type_capacity ? 2 * m->type_capacity : 4096;
        uint8_t *types = realloc(m->types, capacity);
        if (!types)
            return ZOO_ENOMEM;
        m->types = types;
        m->type_capacity = capacity;
    }
    m->types[id] = type;
    return ZOO_OK;
}

/* A piece: its content, score and type. */
static int read_piece(struct model *m, struct message bytes)
{
    struct message content = { 0 };
    uint64_t type = NORMAL;
    float score = 0;
    struct field f;
    int more;
    size_t size;
    char *room;

    while ((more = next_field(&bytes, &f)) > 0) {
        if (f.number == 1 && f.wire == 2)
            content = f.bytes;
        else if (f.number == 2 && f.wire == 5)
            score = float_of(f.value);
        else if (f.number == 3 && f.wire == 0)
            type = f.value;
    }
    size = (size_t)(content.end - content.at);
    if (more < 0 || !size || size > ZOO_TRIE_KEY_MAX || type < NORMAL || type > BYTE || !isfinite(score))
        return fail(m, "a piece that is cut, empty or of an unknown type");
    if (zoo_utf8_valid((const char *)content.at, size) != size)
        return fail(m, "a piece that is not UTF-8");
    if (type == UNKNOWN && m->unknown >= 0)
        return fail(m, "two unknown pieces");
    if (type == UNKNOWN)
        m->unknown = (int64_t)m->t->pieces.count;
    if (type == NORMAL) {
        m->least = fminf(m->least, score);
        m->most = fmaxf(m->most, score);
    }
    m->user_defined += type == USER_DEFINED;
    room = zoo_pieces_room(&m->t->pieces, size);
    if (!room || put_type(m, m->t->pieces.count, (uint8_t)type))
        return zoo_fail_nomem(m->err);
    memcpy(room, content.at, size);
    return zoo_pieces_put(&m->t->pieces, (uint32_t)m->t->pieces.count, size, score,
                          type == NORMAL || type == USER_DEFINED ? 0 : ZOO_PIECE_UNMATCHED, m->err);
}

static int read_trainer(struct model *m, struct message bytes)
{
    struct field f;
    int more;

    while ((more = next_field(&bytes, &f)) > 0) {
        if (f.wire)
            continue;
        if (f.number == 3)
            m->kind = f.value;
        else if (f.number == 24)
            m->suffix = f.value;
        else if (f.number == 35)
            m->byte_fallback = f.value;
    }
    return more < 0 ? fail(m, "a trainer_spec that is cut") : ZOO_OK;
}

static int read_normalizer(struct model *m, struct message bytes)
{
    struct field f;
    int more;

    while ((more = next_field(&bytes, &f)) > 0) {
        if (f.number == 2 && f.wire == 2)
            m->charsmap = f.bytes;
        else if (f.number == 3 && !f.wire)
            m->dummy_prefix = f.value;
        else if (f.number == 4 && !f.wire)
            m->collapse = f.value;
        else if (f.number == 5 && !f.wire)
            m->escape = f.value;
    }
    return more < 0 ? fail(m, "a normalizer_spec that is cut") : ZOO_OK;
}

static int read_model(struct model *m, struct message bytes)
{
    struct field f;
    int more, rc = ZOO_OK;

    while (!rc && (more = next_field(&bytes, &f)) != 0) {
        if (more < 0)
            return fail(m, "no SentencePiece model, or one that is cut");
        if (f.wire == 2 && f.number == 1)
            rc = read_piece(m, f.bytes);
        else if (f.wire == 2 && f.number == 2)
            rc = read_trainer(m, f.bytes);
        else if (f.wire == 2 && f.number == 3)
            rc = read_normalizer(m, f.bytes);
    }
    if (rc)
        return rc;
    if (m->kind != UNIGRAM)
        return fail(m, "not a Unigram model; others are not supported");
    return m->unknown < 0 ? fail(m, "no piece is the unknown one") : ZOO_OK;
}

/* ---- the tokenizer of it ---- */

/* Symbols that the user defined always win: their scores are as sentencepiece makes them. */
static int set_user_defined(struct model *m, zoo_norm_step *step)
{
    zoo_tokenizer *t = m->t;
    zoo_trie_key *keys;
    size_t n = 0;
    int rc;

    if (!m->user_defined)
        return ZOO_OK;
    keys = malloc(m->user_defined * sizeof *keys);
    if (!keys)
        return zoo_fail_nomem(m->err);
    for (uint32_t id = 0; id < t->pieces.count; id++) {
        zoo_piece *piece = &t->pieces.items[id];
        if (m->types[id] != USER_DEFINED)
            continue;
        piece->score = (float)((double)((float)piece->size * m->most) - 0.1);
        keys[n++] = (zoo_trie_key){ zoo_pieces_at(&t->pieces, id), piece->size, id };
    }
    rc = zoo_trie_build(&step->verbatim, keys, n, m->err);
    free(keys);
    return rc;
}

static int set_normalizer(struct model *m, const zoo_folder *folder)
{
    zoo_norm_step *step = zoo_normalizer_add(&m->t->normalizer);
    size_t size = (size_t)(m->charsmap.end - m->charsmap.at);
    int rc = ZOO_OK;

    if (step && zoo_folder_flag(folder, "do_lower_case", 0)) {
        step->kind = ZOO_NORM_LOWERCASE;
        step = zoo_normalizer_add(&m->t->normalizer);
    }
    if (!step)
        return zoo_fail_nomem(m->err);
    step->kind = ZOO_NORM_SENTENCEPIECE;
    step->dummy_prefix = m->dummy_prefix != 0;
    step->collapse = m->collapse != 0;
    step->escape = m->escape != 0;
    step->suffix = m->suffix != 0;
    if (size)
        rc = zoo_charsmap_open(&step->map, m->charsmap.at, size, m->path, m->err);
    return rc ? rc : set_user_defined(m, step);
}

static int set_bytes(struct model *m)
{
    char name[8];

    for (unsigned b = 0; b < 256; b++) {
        int64_t id;
        snprintf(name, sizeof name, "<0x%02X>", b);
        id = zoo_tokenizer_id_of(m->t, name, 6);
        if (id < 0)
            return fail(m, "byte_fallback without a piece for every byte");
        m->t->unigram.bytes[b] = (uint32_t)id;
    }
    m->t->unigram.has_bytes = 1;
    return ZOO_OK;
}

static int set_model(struct model *m)
{
    zoo_unigram *u = &m->t->unigram;
    int rc;

    u->is_single = 1;
    u->unknown = (uint32_t)m->unknown;
    u->unknown_score = m->least - 10.0f;
    memcpy(u->space, "\xe2\x96\x81", 3);
    u->space_size = 3;
    rc = zoo_tokenizer_build_unigram(m->t, m->err);
    return rc || !m->byte_fallback ? rc : set_bytes(m);
}

static int set_up(struct model *m, const zoo_folder *folder)
{
    zoo_tokenizer *t = m->t;
    int rc;

    if (zoo_folder_flag(folder, "split_by_punct", 0))
        return zoo_fail(m->err, ZOO_EFORMAT, "%s/tokenizer_config.json: 'split_by_punct' is not supported",
                        folder->dir);
    rc = set_normalizer(m, folder);
    if (!rc)
        rc = set_model(m);
    if (!rc)
        rc = zoo_folder_add_tokens(folder, t, m->err);
    if (!rc)
        rc = zoo_tokenizer_build_added(t, m->path, m->err);
    if (!rc)
        zoo_tokenizer_set_bert_template(t, zoo_folder_special(folder, t, ZOO_SPECIAL_CLS),
                                        zoo_folder_special(folder, t, ZOO_SPECIAL_SEP));
    return rc;
}

int zoo_tokenizer_read_spm(zoo_tokenizer *t, const zoo_source *from, zoo_err *err)
{
    const unsigned char *bytes = (const unsigned char *)from->text;
    struct model m = { .t = t, .path = from->path, .unknown = -1, .kind = UNIGRAM, .dummy_prefix = 1, .collapse = 1,
                       .escape = 1, .least = INFINITY, .most = -INFINITY, .err = err };
    zoo_folder folder;
    int rc = zoo_folder_open(&folder, from->dir, err);

    if (!rc)
        rc = read_model(&m, (struct message){ bytes, bytes + from->size });
    if (!rc)
        rc = set_up(&m, &folder);
    zoo_folder_close(&folder);
    free(m.types);
    return rc;
}
