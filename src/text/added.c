/* added.c - tokens that stand in the text as they are ("[SEP]", "<|user|>"): found before the model sees what is
 * between them; see added.h. */
#include "text/added.h"
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/unicode.h"

void zoo_added_release(zoo_added *added)
{
    for (size_t i = 0; i < added->count; i++)
        free(added->tokens[i].content);
    free(added->tokens);
    zoo_trie_release(&added->raw.trie);
    zoo_trie_release(&added->normalized.trie);
    *added = (zoo_added){ 0 };
}

const zoo_added_token *zoo_added_find(const zoo_added *added, const char *content, size_t size)
{
    for (size_t i = 0; i < added->count; i++)
        if (added->tokens[i].size == size && !memcmp(added->tokens[i].content, content, size))
            return &added->tokens[i];
    return NULL;
}

static zoo_added_token *grow(zoo_added *added)
{
    if (added->count == added->capacity) {
        size_t capacity = added->capacity ? 2 * added->capacity : 16;
        zoo_added_token *tokens = realloc(added->tokens, capacity * sizeof *tokens);
        if (!tokens)
            return NULL;
        added->tokens = tokens;
        added->capacity = capacity;
    }
    return &added->tokens[added->count];
}

int zoo_added_put(zoo_added *added, const zoo_added_token *token, zoo_err *err)
{
    zoo_added_token *slot = (zoo_added_token *)zoo_added_find(added, token->content, token->size);
    char *content;

    if (added->count == ZOO_ADDED_MAX || token->size > ZOO_TRIE_KEY_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "more than %d added tokens, or one of more than %d bytes", ZOO_ADDED_MAX,
                        ZOO_TRIE_KEY_MAX);
    if (slot) {
        content = slot->content;
    } else {
        content = malloc(token->size + 1);
        slot = content ? grow(added) : NULL;
        if (!slot) {
            free(content);
            return zoo_fail_nomem(err);
        }
        memcpy(content, token->content, token->size);
        content[token->size] = '\0';
        added->count++;
    }
    *slot = *token;
    slot->content = content;
    return ZOO_OK;
}

/* ---- matching ---- */

/* The longest pattern at text[at]; returns its bytes. */
static size_t match_at(const zoo_added_set *set, const char *text, size_t size, size_t at, uint32_t *index)
{
    uint32_t node = ZOO_TRIE_ROOT;
    size_t longest = 0;

    for (size_t i = at; i < size && zoo_trie_step(&set->trie, &node, (unsigned char)text[i]); i++)
        if (zoo_trie_value(&set->trie, node) != ZOO_TRIE_NONE) {
            *index = zoo_added_rank(zoo_trie_value(&set->trie, node));
            longest = i + 1 - at;
        }
    return longest;
}

/* Where the character before `at` begins. */
static size_t before(const char *text, size_t at)
{
    at--;
    while (at && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static int is_single_word(const char *text, size_t size, size_t start, size_t end)
{
    size_t used;

    if (start && zoo_unicode_is_word(zoo_utf8_next(text + before(text, start), size - before(text, start), &used)))
        return 0;
    return end == size || !zoo_unicode_is_word(zoo_utf8_next(text + end, size - end, &used));
}

int zoo_added_next(const zoo_added *added, const zoo_added_set *set, const char *text, size_t size, size_t from,
                   size_t taken, zoo_added_match *match)
{
    if (!set->count)
        return 0;
    for (size_t at = from; at < size; at++) {
        const zoo_added_token *token;
        uint32_t index = 0;
        size_t used, length = set->begins[(unsigned char)text[at]] ? match_at(set, text, size, at, &index) : 0;
        if (!length)
            continue;
        token = &added->tokens[index];
        if (token->single_word && !is_single_word(text, size, at, at + length)) {
            at += length - 1;
            continue;
        }
        *match = (zoo_added_match){ at, at + length, at + length, token->id };
        while (token->lstrip && match->start > taken &&
               zoo_unicode_is_white(zoo_utf8_next(text + before(text, match->start), size - before(text, match->start),
                                                  &used)))
            match->start = before(text, match->start);
        if (match->end < taken)
            match->end = taken;
        if (match->start < taken)
            match->start = taken;
        while (token->rstrip && match->end < size &&
               zoo_unicode_is_white(zoo_utf8_next(text + match->end, size - match->end, &used)))
            match->end += used;
        return 1;
    }
    return 0;
}
