/* embed.c - libzooter from a program: how near texts are to a first one, by an encoder's vectors.
 *
 *     cc embed.c $(pkg-config --cflags --libs zooter) -o embed
 *     ./embed all-MiniLM-L6-v2 "How do I sort a list?" "Ordering the items of an array" "The weather in Oslo" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zooter.h>

/* Of vectors of unit length: the cosine of the angle between them. */
static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

int main(int argc, char **argv)
{
    zoo_options options = { .size = sizeof options, .threads = ZOO_ALL_THREADS };
    zoo_err err;
    zoo_model *model = NULL;
    zoo_session *session = NULL;
    size_t n = argc > 3 ? (size_t)argc - 2 : 0, H;
    zoo_text *texts = calloc(n + 1, sizeof *texts);
    float *vectors = NULL;
    int status = EXIT_FAILURE;

    if (!n || !texts) {
        fprintf(stderr, "usage: embed MODEL TEXT TEXT...\n");
        free(texts);
        return 2;
    }
    for (size_t i = 0; i < n; i++)
        texts[i] = (zoo_text){ argv[i + 2], strlen(argv[i + 2]) };
    if (zoo_model_open(&model, argv[1], &options, &err) || zoo_session_new(&session, model, &options, &err)) {
        fprintf(stderr, "%s\n", err.message);
        goto done;
    }
    H = zoo_model_hidden_size(model);
    vectors = malloc(n * H * sizeof *vectors);
    if (!vectors)
        goto done;
    if (zoo_model_embed(model, session, texts, n, ZOO_POOL_MEAN, 1, vectors, &err)) {
        fprintf(stderr, "%s\n", err.message);
        goto done;
    }
    for (size_t i = 1; i < n; i++)
        printf("%.4f\t%s\n", dot(vectors, vectors + i*H, H), argv[i + 2]);
    status = EXIT_SUCCESS;
done:
    free(vectors);
    free(texts);
    zoo_session_free(session);
    zoo_model_close(model);
    return status;
}
