/* zip.c - what lies where in a zip file, see zip.h.
 *
 * A zip file ends with a record that says where its directory lies; each entry of the directory says where a local
 * header lies, behind which the bytes begin. Sizes that do not fit 32 bits stand in zip64's records.
 * All numbers are little-endian. */
#include "model/zip.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    END_SIGNATURE = 0x06054b50, END_SIZE = 22, COMMENT_MAX = 65535,
    END64_LOCATOR_SIGNATURE = 0x07064b50, END64_LOCATOR_SIZE = 20,
    END64_SIGNATURE = 0x06064b50, END64_SIZE = 56,
    ENTRY_SIGNATURE = 0x02014b50, ENTRY_SIZE = 46,
    LOCAL_SIGNATURE = 0x04034b50, LOCAL_SIZE = 30,
    EXTRA_ZIP64 = 1, FLAG_ENCRYPTED = 1, STORED = 0
};

struct directory { uint64_t offset, size, members; };

static uint64_t number(const unsigned char *p, size_t bytes)
{
    uint64_t n = 0;

    for (size_t i = bytes; i--;)
        n = n << 8 | p[i];
    return n;
}

/* ---- where the directory lies ---- */
static int read_end64(struct directory *d, const zoo_file *file, uint64_t end, zoo_err *err)
{
    unsigned char locator[END64_LOCATOR_SIZE], record[END64_SIZE];
    uint64_t at;
    int rc;

    if (end < sizeof locator)
        return zoo_fail(err, ZOO_EFORMAT, "%s: a damaged zip file: no zip64 records", file->path);
    if ((rc = zoo_file_read(file, locator, sizeof locator, end - sizeof locator, err)))
        return rc;
    at = number(locator + 8, 8);
    if (number(locator, 4) != END64_LOCATOR_SIGNATURE || file->size < sizeof record || at > file->size - sizeof record)
        return zoo_fail(err, ZOO_EFORMAT, "%s: a damaged zip file: no zip64 records", file->path);
    if ((rc = zoo_file_read(file, record, sizeof record, at, err)))
        return rc;
    if (number(record, 4) != END64_SIGNATURE || number(record + 16, 8) != 0)
        return zoo_fail(err, ZOO_EFORMAT, "%s: a damaged zip file, or one in several parts", file->path);
    d->members = number(record + 32, 8);
    d->size = number(record + 40, 8);
    d->offset = number(record + 48, 8);
    return ZOO_OK;
}

/* The end record is the last whose comment reaches to the end of the file. */
static int find_directory(struct directory *d, const zoo_file *file, zoo_err *err)
{
    size_t size = file->size < END_SIZE + COMMENT_MAX ? (size_t)file->size : END_SIZE + COMMENT_MAX;
    unsigned char *tail = malloc(size + 1);
    const unsigned char *p = NULL;
    int rc = tail ? zoo_file_read(file, tail, size, file->size - size, err) : zoo_fail_nomem(err);

    for (size_t i = size < END_SIZE ? 0 : size - END_SIZE + 1; !rc && !p && i--;)
        if (number(tail + i, 4) == END_SIGNATURE && number(tail + i + 20, 2) == size - i - END_SIZE)
            p = tail + i;
    if (!rc && !p)
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: not a zip file, or cut short", file->path);
    if (!rc) {
        *d = (struct directory){ number(p + 16, 4), number(p + 12, 4), number(p + 10, 2) };
        if (d->members == 0xffff || d->size == 0xffffffff || d->offset == 0xffffffff)
            rc = read_end64(d, file, file->size - size + (uint64_t)(p - tail), err);
        else if (number(p + 4, 4) != 0)
            rc = zoo_fail(err, ZOO_EFORMAT, "%s: a zip file in several parts", file->path);
    }
    free(tail);
    return rc;
}

/* ---- members ---- */
/* Sizes and offset that did not fit 32 bits stand in an extra field, in this order, only those that did not fit. */
static int read_extra64(const unsigned char *extra, size_t size, uint64_t *unpacked, uint64_t *packed, uint64_t *offset)
{
    uint64_t *const values[] = { unpacked, packed, offset };

    while (size >= 4) {
        size_t id = (size_t)number(extra, 2), bytes = (size_t)number(extra + 2, 2), at = 0;
        if (bytes > size - 4)
            return 0;
        for (size_t i = 0; id == EXTRA_ZIP64 && i < 3; i++) {
            if (*values[i] != 0xffffffff)
                continue;
            if (at + 8 > bytes)
                return 0;
            *values[i] = number(extra + 4 + at, 8);
            at += 8;
        }
        extra += 4 + bytes;
        size -= 4 + bytes;
    }
    return 1;
}

/* The bytes begin behind the local header, whose name and extra field may have other lengths than the directory's. */
static int locate(zoo_zip_member *m, const zoo_file *file, uint64_t offset, uint64_t limit, zoo_err *err)
{
    unsigned char local[LOCAL_SIZE];
    int rc;

    if (limit < sizeof local || offset > limit - sizeof local)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the member '%s' lies outside the file", file->path, m->name);
    if ((rc = zoo_file_read(file, local, sizeof local, offset, err)))
        return rc;
    m->begin = offset + sizeof local + number(local + 26, 2) + number(local + 28, 2);
    if (number(local, 4) != LOCAL_SIGNATURE || m->begin > limit || m->size > limit - m->begin)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the member '%s' lies outside the file", file->path, m->name);
    return ZOO_OK;
}

/* One entry at p of the directory, which has `left` bytes; *used: how many it takes. */
static int read_entry(zoo_zip *zip, const unsigned char *p, size_t left, size_t *used, const zoo_file *file,
                      uint64_t limit, zoo_err *err)
{
    zoo_zip_member *m = &zip->members[zip->count];
    size_t name, extra;
    uint64_t packed, offset;

    if (left < ENTRY_SIZE || number(p, 4) != ENTRY_SIGNATURE)
        return zoo_fail(err, ZOO_EFORMAT, "%s: a damaged zip file: entry %zu of its directory", file->path, zip->count);
    name = (size_t)number(p + 28, 2);
    extra = (size_t)number(p + 30, 2);
    *used = ENTRY_SIZE + name + extra + (size_t)number(p + 32, 2);
    if (*used > left || memchr(p + ENTRY_SIZE, 0, name))
        return zoo_fail(err, ZOO_EFORMAT, "%s: a damaged zip file: entry %zu of its directory", file->path, zip->count);
    if (!(m->name = zoo_arena_copy(&zip->names, (const char *)p + ENTRY_SIZE, name)))
        return zoo_fail_nomem(err);
    packed = number(p + 20, 4);
    m->size = number(p + 24, 4);
    offset = number(p + 42, 4);
    if (number(p + 8, 2) & FLAG_ENCRYPTED)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the member '%.100s' is encrypted", file->path, m->name);
    if (number(p + 10, 2) != STORED)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: the member '%.100s' is compressed; torch.save stores its members as they are", file->path,
                        m->name);
    if (!read_extra64(p + ENTRY_SIZE + name, extra, &m->size, &packed, &offset) || packed != m->size)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the member '%.100s' has sizes that do not agree", file->path, m->name);
    zip->count++;
    return locate(m, file, offset, limit, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const zoo_zip_member *)a)->name, ((const zoo_zip_member *)b)->name);
}

static int check_names(zoo_zip *zip, const zoo_file *file, zoo_err *err)
{
    if (zip->count)
        qsort(zip->members, zip->count, sizeof *zip->members, by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (!strcmp(zip->members[i - 1].name, zip->members[i].name))
            return zoo_fail(err, ZOO_EFORMAT, "%s: the member '%.100s' is there twice", file->path,
                            zip->members[i].name);
    return ZOO_OK;
}

static int read_directory(zoo_zip *zip, const unsigned char *p, const struct directory *d, const zoo_file *file,
                          zoo_err *err)
{
    size_t left = (size_t)d->size, used = 0;
    int rc = ZOO_OK;

    zip->members = calloc((size_t)d->members + 1, sizeof *zip->members);
    if (!zip->members)
        return zoo_fail_nomem(err);
    for (uint64_t i = 0; i < d->members && !rc; i++) {
        rc = read_entry(zip, p, left, &used, file, d->offset, err);
        p += used;
        left -= rc ? 0 : used;
    }
    return rc ? rc : check_names(zip, file, err);
}

int zoo_zip_read(zoo_zip *zip, const zoo_file *file, zoo_err *err)
{
    struct directory d = { 0 };
    unsigned char *bytes;
    int rc;

    *zip = (zoo_zip){ 0 };
    if ((rc = find_directory(&d, file, err)))
        return rc;
    if (d.offset > file->size || d.size > file->size - d.offset)
        return zoo_fail(err, ZOO_EFORMAT, "%s: a damaged zip file: its directory lies outside the file", file->path);
    if (d.members > ZOO_ZIP_MEMBERS_MAX || d.size > ZOO_ZIP_DIRECTORY_MAX || d.members > d.size / ENTRY_SIZE)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: a zip file of %" PRIu64 " members in %" PRIu64 " bytes of directory, at most %d in %d "
                        "are read", file->path, d.members, d.size, ZOO_ZIP_MEMBERS_MAX, ZOO_ZIP_DIRECTORY_MAX);
    bytes = malloc((size_t)d.size + 1);
    rc = bytes ? zoo_file_read(file, bytes, (size_t)d.size, d.offset, err) : zoo_fail_nomem(err);
    if (!rc)
        rc = read_directory(zip, bytes, &d, file, err);
    free(bytes);
    return rc;
}

void zoo_zip_release(zoo_zip *zip)
{
    free(zip->members);
    zoo_arena_release(&zip->names);
    *zip = (zoo_zip){ 0 };
}

const zoo_zip_member *zoo_zip_find(const zoo_zip *zip, const char *name)
{
    zoo_zip_member key = { .name = name };

    return zip->count ? bsearch(&key, zip->members, zip->count, sizeof key, by_name) : NULL;
}
