/* wordpiece.c - BERT's WordPiece: the longest piece that begins a word, then the longest continuing pieces; see
 * wordpiece.h. */
#include "text/wordpiece.h"

void zoo_wordpiece_begin(zoo_wordpiece *model, const char *prefix, size_t size)
{
    uint32_t node = ZOO_TRIE_ROOT;

    for (size_t i = 0; i < size; i++)
        if (!zoo_trie_step(&model->trie, &node, (unsigned char)prefix[i])) {
            model->continuing = ZOO_TRIE_NONE;
            return;
        }
    model->continuing = node;
}

void zoo_wordpiece_release(zoo_wordpiece *model)
{
    zoo_trie_release(&model->trie);
}

static int is_too_long(const char *word, size_t size, size_t chars_max)
{
    size_t chars = 0;

    if (size <= chars_max)
        return 0;
    for (size_t i = 0; i < size && chars <= chars_max; i++)
        chars += ((unsigned char)word[i] & 0xc0) != 0x80;
    return chars > chars_max;
}

/* The longest piece that begins at word[at], walking on from `node`; 0: there is none. */
static size_t find_longest(const zoo_trie *trie, uint32_t node, const char *word, size_t size, size_t at, uint32_t *id)
{
    size_t end = 0;

    for (size_t i = at; i < size && zoo_trie_step(trie, &node, (unsigned char)word[i]); i++) {
        uint32_t value = zoo_trie_value(trie, node);
        if (value != ZOO_TRIE_NONE) {
            end = i + 1;
            *id = value;
        }
    }
    return end;
}

int zoo_wordpiece_encode(const zoo_wordpiece *model, const char *word, size_t size, zoo_id_list *list, zoo_err *err)
{
    size_t before = list->count, at = 0;
    uint32_t id = 0;

    if (zoo_id_list_is_full(list))
        return ZOO_OK;
    if (is_too_long(word, size, model->chars_max))
        goto unknown;
    while (at < size) {
        uint32_t node = at ? model->continuing : ZOO_TRIE_ROOT;
        size_t end = node == ZOO_TRIE_NONE ? 0 : find_longest(&model->trie, node, word, size, at, &id);
        if (!end)
            goto unknown;
        zoo_id_list_add(list, id);
        at = end;
    }
    return list->is_short ? zoo_fail_nomem(err) : ZOO_OK;
unknown:
    if (model->unknown == ZOO_TRIE_NONE)
        return zoo_fail(err, ZOO_EFORMAT,
                        "the text has words that the tokenizer does not know, and it has no unknown token");
    list->count = before;
    zoo_id_list_add(list, model->unknown);
    return list->is_short ? zoo_fail_nomem(err) : ZOO_OK;
}
