/* unigram.c - SentencePiece's Unigram model: the split of a word into pieces with the highest sum of scores
 * (Viterbi); see unigram.h. */
#include "text/unigram.h"
#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT32_MAX

enum { WINDOW = 1 << 14 };           /* nodes; beyond, what is settled is added and forgotten */

size_t zoo_unigram_mark_spaces(const zoo_unigram *model, char *s, size_t size)
{
    size_t n = 0;

    if (!model->space_size)
        return size;
    for (size_t i = 0; i < size; i++) {
        if (size - i >= model->space_size && !memcmp(s + i, model->space, model->space_size)) {
            s[n++] = (char)ZOO_SPACE_MARK;
            i += model->space_size - 1;
        } else {
            s[n++] = s[i];
        }
    }
    return n;
}

void zoo_unigram_release(zoo_unigram *model)
{
    zoo_trie_release(&model->trie);
    zoo_trie_release(&model->unmatched);
}

void zoo_unigram_path_release(zoo_unigram_path *path)
{
    free(path->nodes);
    *path = (zoo_unigram_path){ 0 };
}

static int reserve(zoo_unigram_path *path, size_t nodes)
{
    size_t capacity = path->capacity ? path->capacity : 256;
    zoo_unigram_node *grown;

    if (nodes <= path->capacity)
        return ZOO_OK;
    while (capacity < nodes)
        capacity *= 2;
    grown = realloc(path->nodes, capacity * sizeof *grown);
    if (!grown)
        return ZOO_ENOMEM;
    path->nodes = grown;
    path->capacity = capacity;
    return ZOO_OK;
}

/* Bytes of the character that begins with `first`. */
static size_t char_size(unsigned char first)
{
    if (first < 0xc0 || first == ZOO_SPACE_MARK)
        return 1;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* A path to `node` whose last piece is `id`, begun at `start`.
 * The sum of two floats rounded to a float is what float arithmetic gives. */
static void offer(zoo_unigram_node *node, double score, int is_single, uint32_t start, uint32_t id)
{
    if (is_single)
        score = (double)(float)score;
    if (node->start != NOWHERE && !(score > node->best.score))
        return;
    node->best.score = score;
    node->start = start;
    node->id = id;
}

/* Offers every piece that begins at word[at], which is nodes[0]; returns the character's bytes,
 * 0 where nothing is known of it. */
static size_t offer_pieces(const zoo_unigram *model, zoo_unigram_node *nodes, const char *word, size_t size, size_t at)
{
    const zoo_trie *trie = &model->trie;
    double so_far = nodes[0].best.score;
    size_t chars = char_size((unsigned char)word[at]), end;
    uint32_t node = ZOO_TRIE_ROOT;
    int has_single = 0;

    if (chars > size - at)
        chars = size - at;
    for (end = at; end < size && zoo_trie_step(trie, &node, (unsigned char)word[end]); end++) {
        uint32_t id = zoo_trie_value(trie, node);
        if (id == ZOO_TRIE_NONE)
            continue;
        offer(&nodes[end + 1 - at], model->pieces[id].score + so_far, model->is_single, (uint32_t)at, id);
        has_single |= end + 1 - at == chars;
    }
    if (has_single)
        return chars;
    if (model->unknown == ZOO_TRIE_NONE)
        return 0;
    offer(&nodes[chars], so_far + model->unknown_score, model->is_single, (uint32_t)at, model->unknown);
    return chars;
}

static void add_bytes(const zoo_unigram *model, const char *s, size_t size, zoo_id_list *list)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)s[i] != ZOO_SPACE_MARK) {
            zoo_id_list_add(list, model->bytes[(unsigned char)s[i]]);
            continue;
        }
        for (size_t j = 0; j < model->space_size; j++)
            zoo_id_list_add(list, model->bytes[(unsigned char)model->space[j]]);
    }
}

/* Neighbours that are unknown are one piece. `tokenizers` looks for its content among all pieces
 * before it falls back to bytes. */
static void add_unknown(const zoo_unigram *model, const char *s, size_t size, zoo_id_list *list)
{
    uint32_t id = ZOO_TRIE_NONE;

    if (!model->is_single || !model->has_bytes)
        id = zoo_trie_find(&model->trie, s, size);
    if (id == ZOO_TRIE_NONE && model->is_single && !model->has_bytes)
        id = zoo_trie_find(&model->unmatched, s, size);
    if (id != ZOO_TRIE_NONE)
        zoo_id_list_add(list, id);
    else if (model->has_bytes)
        add_bytes(model, s, size, list);
    else
        zoo_id_list_add(list, model->unknown);
}

/* Adds the pieces of the best path from `base`, which is nodes[0], to `end`. The links back become links on. */
static void add_path(const zoo_unigram *model, zoo_unigram_node *nodes, const char *word, size_t base, size_t end,
                     zoo_id_list *list)
{
    size_t next;

    for (size_t at = end; at > base; at = nodes[at - base].start)
        nodes[nodes[at - base].start - base].best.next = (uint32_t)at;
    for (size_t at = base; at < end && !zoo_id_list_is_full(list); at = next) {
        next = nodes[at - base].best.next;
        if (nodes[next - base].id != model->unknown) {
            zoo_id_list_add(list, nodes[next - base].id);
            continue;
        }
        while (next < end && nodes[nodes[next - base].best.next - base].id == model->unknown)
            next = nodes[next - base].best.next;
        add_unknown(model, word + at, next - at, list);
    }
}

/* The last end of a known piece that every path goes through that may yet turn out the best; `base`: none. [base, at]
 * is settled, and what lies behind up to `ready` may have been reached. */
static size_t find_settled(const zoo_unigram *model, const zoo_unigram_node *nodes, size_t base, size_t at,
                           size_t ready)
{
    size_t settled = at;

    for (size_t i = at + 1; i <= ready; i++) {
        size_t other = nodes[i - base].start;
        if (other == NOWHERE)
            continue;
        while (other != settled)
            if (other > settled)
                other = nodes[other - base].start;
            else
                settled = nodes[settled - base].start;
    }
    while (settled > base && nodes[settled - base].id == model->unknown)
        settled = nodes[settled - base].start;
    return settled;
}

/* A long word is settled window by window, so that memory does not grow with it. */
int zoo_unigram_encode(const zoo_unigram *model, zoo_unigram_path *path, const char *word, size_t size,
                       zoo_id_list *list, zoo_err *err)
{
    size_t base = 0, ready = 0, window = WINDOW, chars;
    zoo_unigram_node *nodes;

    if (!size || zoo_id_list_is_full(list))
        return ZOO_OK;
    if (size >= NOWHERE || reserve(path, (size < window ? size : window) + ZOO_TRIE_KEY_MAX + 1))
        return zoo_fail_nomem(err);
    nodes = path->nodes;
    nodes[0] = (zoo_unigram_node){ .best.score = model->is_single ? path->carried : 0 };
    for (size_t at = 0; at < size; at += chars) {
        if (at - base > window) {
            size_t settled = find_settled(model, nodes, base, at, ready);
            add_path(model, nodes, word, base, settled, list);
            if (zoo_id_list_is_full(list))
                return list->is_short ? zoo_fail_nomem(err) : ZOO_OK;
            memmove(nodes, nodes + (settled - base), (ready - settled + 1) * sizeof *nodes);
            window *= settled == base ? 2 : 1;
            base = settled;
            if (reserve(path, window + ZOO_TRIE_KEY_MAX + 1))
                return zoo_fail_nomem(err);
            nodes = path->nodes;
        }
        for (; ready < size && ready < at + ZOO_TRIE_KEY_MAX; ready++)
            nodes[ready + 1 - base].start = NOWHERE;
        chars = offer_pieces(model, nodes + (at - base), word, size, at);
        if (!chars)
            return zoo_fail(err, ZOO_EFORMAT,
                            "the text has characters that the tokenizer does not know, and it has no unknown token");
    }
    path->carried = nodes[size - base].best.score;
    add_path(model, nodes, word, base, size, list);
    return list->is_short ? zoo_fail_nomem(err) : ZOO_OK;
}
