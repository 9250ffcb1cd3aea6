#include "text/unigram.h"
#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT32_MAX

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

/* A path to `node` whose last piece is `id`, begun at `start`. The sum of two floats rounded to a float is what float arithmetic gives. */
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

/* Fills nodes[0..size]: the best last piece of every prefix. */
static int find_best(const zoo_unigram *model, zoo_unigram_node *nodes, const char *word, size_t size, zoo_err *err)
{
    const zoo_trie *trie = &model->trie;

    nodes[0] = (zoo_unigram_node){ .best.score = 0, .start = 0, .id = 0 };
    for (size_t i = 1; i <= size; i++)
        nodes[i].start = NOWHERE;
    for (size_t at = 0, chars; at < size; at += chars) {
        double so_far = nodes[at].best.score;
        uint32_t node = ZOO_TRIE_ROOT;
        int has_single = 0;
        chars = char_size((unsigned char)word[at]);
        if (chars > size - at)
            chars = size - at;
        for (size_t i = at; i < size && zoo_trie_step(trie, &node, (unsigned char)word[i]); i++) {
            uint32_t id = zoo_trie_value(trie, node);
            if (id == ZOO_TRIE_NONE)
                continue;
            offer(&nodes[i + 1], model->pieces[id].score + so_far, model->is_single, (uint32_t)at, id);
            has_single |= i + 1 - at == chars;
        }
        if (has_single)
            continue;
        if (model->unknown == ZOO_TRIE_NONE)
            return zoo_fail(err, ZOO_EFORMAT, "the text has characters that the tokenizer does not know, and it has no unknown token");
        offer(&nodes[at + chars], so_far + model->unknown_score, model->is_single, (uint32_t)at, model->unknown);
    }
    return ZOO_OK;
}

/* From links back to the start of each piece to links on to its end. */
static void turn_round(zoo_unigram_node *nodes, size_t size)
{
    for (size_t end = size; end > 0; ) {
        size_t start = nodes[end].start;
        nodes[start].best.next = (uint32_t)end;
        end = start;
    }
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

/* Neighbours that are unknown are one piece. `tokenizers` looks for its content among all pieces before it falls back to bytes. */
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

int zoo_unigram_encode(const zoo_unigram *model, zoo_unigram_path *path, const char *word, size_t size, zoo_id_list *list, zoo_err *err)
{
    zoo_unigram_node *nodes;
    size_t end, at = 0;
    int rc;

    if (!size || zoo_id_list_is_full(list))
        return ZOO_OK;
    if (size >= NOWHERE || reserve(path, size + 1))
        return zoo_fail_nomem(err);
    nodes = path->nodes;
    rc = find_best(model, nodes, word, size, err);
    if (rc)
        return rc;
    turn_round(nodes, size);
    for (; at < size && !zoo_id_list_is_full(list); at = end) {
        end = nodes[at].best.next;
        if (nodes[end].id != model->unknown) {
            zoo_id_list_add(list, nodes[end].id);
            continue;
        }
        while (end < size && nodes[nodes[end].best.next].id == model->unknown)
            end = nodes[end].best.next;
        add_unknown(model, word + at, end - at, list);
    }
    return list->is_short ? zoo_fail_nomem(err) : ZOO_OK;
}
