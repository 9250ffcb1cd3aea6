/* checksum.c - see checksum.h. Layer: net. */
#include "net/checksum.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { SHA256_DIGITS = 64, SHA1_DIGITS = 40, SUMS_MAX = 2 };

struct zoo_checksum {
    char expected[SHA256_DIGITS + 1];
    int64_t size;
    size_t count;                  /* of sums: 0 where the ETag says nothing, 2 for SHA-1 with and without git's head */
    EVP_MD_CTX *sums[SUMS_MAX];
    int failed;
};

static size_t hex_digits(const char *text)
{
    size_t n = strspn(text, "0123456789abcdef");

    return text[n] ? 0 : n;
}

int zoo_checksum_new(zoo_checksum **out, const char *etag, int64_t size, zoo_err *err)
{
    size_t digits = hex_digits(etag);
    zoo_checksum *sum = *out = calloc(1, sizeof *sum);

    if (!sum)
        return zoo_fail_nomem(err);
    sum->size = size;
    sum->count = digits == SHA256_DIGITS ? 1 : digits == SHA1_DIGITS && size >= 0 ? 2 : 0;
    if (sum->count)
        memcpy(sum->expected, etag, digits + 1);
    for (size_t i = 0; i < sum->count; i++)
        if (!(sum->sums[i] = EVP_MD_CTX_new())) {
            zoo_checksum_free(sum);
            *out = NULL;
            return zoo_fail_nomem(err);
        }
    zoo_checksum_restart(sum);
    return ZOO_OK;
}

void zoo_checksum_free(zoo_checksum *sum)
{
    if (!sum)
        return;
    for (size_t i = 0; i < SUMS_MAX; i++)
        EVP_MD_CTX_free(sum->sums[i]);
    free(sum);
}

void zoo_checksum_restart(zoo_checksum *sum)
{
    char head[40];
    size_t n = (size_t)snprintf(head, sizeof head, "blob %lld", (long long)sum->size) + 1;     /* with its NUL */

    sum->failed = 0;
    for (size_t i = 0; i < sum->count; i++)
        sum->failed |= !EVP_DigestInit_ex(sum->sums[i], sum->count == 1 ? EVP_sha256() : EVP_sha1(), NULL);
    if (sum->count == 2)
        sum->failed |= !EVP_DigestUpdate(sum->sums[0], head, n);
}

void zoo_checksum_add(zoo_checksum *sum, const void *bytes, size_t size)
{
    for (size_t i = 0; i < sum->count; i++)
        sum->failed |= !EVP_DigestUpdate(sum->sums[i], bytes, size);
}

static int is_expected(const zoo_checksum *sum, EVP_MD_CTX *one)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned n = 0;

    if (!EVP_DigestFinal_ex(one, digest, &n))
        return 0;
    for (unsigned i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return !strcmp(hex, sum->expected);
}

int zoo_checksum_agrees(zoo_checksum *sum)
{
    int agrees = !sum->count;

    for (size_t i = 0; i < sum->count; i++)
        agrees |= is_expected(sum, sum->sums[i]);
    return agrees && !sum->failed;
}
