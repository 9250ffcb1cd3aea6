/* tokenizer_vocab.c - reads a vocab.txt: BERT's WordPiece, a piece a line, its id the line's number from 0, with BERT's
 * normaliser as tokenizer_config.json says. Layer: text -> base. */
#include <stdlib.h>
#include <string.h>
#include "text/tokenizer_folder.h"

static int read_pieces(zoo_tokenizer *t, const char *text, size_t size, const char *path, zoo_err *err)
{
    const char *end = text + size;

    for (uint32_t id = 0; text < end; id++) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text)), *next = line_end ? line_end + 1 : end;
        size_t n = (size_t)((line_end ? line_end : end) - text);
        char *room;
        if (n && text[n - 1] == '\r')
            n--;
        if (n > ZOO_TRIE_KEY_MAX)
            return zoo_fail(err, ZOO_EFORMAT, "%s:%u: a piece of more than %d bytes", path, id + 1, ZOO_TRIE_KEY_MAX);
        room = zoo_pieces_room(&t->pieces, n);
        if (!room)
            return zoo_fail_nomem(err);
        memcpy(room, text, n);
        if (zoo_pieces_put(&t->pieces, id, n, 0, 0, err))
            return zoo_fail_within(err, "%s", path);
        text = next;
    }
    return ZOO_OK;
}

static int set_up(zoo_tokenizer *t, const zoo_folder *folder, zoo_err *err)
{
    zoo_norm_step *step = zoo_normalizer_add(&t->normalizer);
    int64_t unknown;
    int rc = zoo_tokenizer_build_wordpiece(t, "##", 2, err);

    if (!step && !rc)
        rc = zoo_fail_nomem(err);
    if (rc)
        return rc;
    step->kind = ZOO_NORM_BERT;
    step->clean = 1;
    step->cjk = zoo_folder_flag(folder, "tokenize_chinese_chars", 1);
    step->lower = zoo_folder_flag(folder, "do_lower_case", 1);
    step->accents = zoo_folder_flag(folder, "strip_accents", step->lower);
    t->splitter = (zoo_splitter){ .steps = { { .kind = ZOO_SPLIT_BERT } }, .count = 1 };
    unknown = zoo_tokenizer_find(t, folder->specials[ZOO_SPECIAL_UNK]);
    t->wordpiece.unknown = unknown < 0 ? ZOO_TRIE_NONE : (uint32_t)unknown;
    t->wordpiece.chars_max = 100;
    return ZOO_OK;
}

int zoo_tokenizer_read_vocab(zoo_tokenizer *t, const zoo_source *from, zoo_err *err)
{
    zoo_folder folder;
    int rc = zoo_folder_open(&folder, from->dir, err);

    if (!rc)
        rc = read_pieces(t, from->text, from->size, from->path, err);
    if (!rc && !t->pieces.count)
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: no pieces", from->path);
    if (!rc)
        rc = set_up(t, &folder, err);
    if (!rc)
        rc = zoo_folder_add_tokens(&folder, t, err);
    if (!rc)
        rc = zoo_tokenizer_build_added(t, from->path, err);
    if (!rc)
        zoo_tokenizer_set_bert_template(t, zoo_folder_special(&folder, t, ZOO_SPECIAL_CLS),
                                        zoo_folder_special(&folder, t, ZOO_SPECIAL_SEP));
    zoo_folder_close(&folder);
    return rc;
}
