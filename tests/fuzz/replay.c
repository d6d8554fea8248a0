/* Runs a fuzz target over every file of its corpus, so that what a fuzzer once found is an ordinary test. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { INPUT_MAX_BYTES = 1 << 20 };

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return -1;
    }
    uint8_t *buf = malloc(INPUT_MAX_BYTES);
    if (!buf)
        abort();
    size_t len = fread(buf, 1, INPUT_MAX_BYTES, f);
    (void)fclose(f);
    /* A copy of exactly its size, so that the address sanitizer sees a read of even one byte too many. */
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact)
        abort();
    memcpy(exact, buf, len);
    free(buf);
    (void)LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
        return 2;
    }
    DIR *d = opendir(argv[1]);
    if (!d) {
        perror(argv[1]);
        return 2;
    }
    unsigned count = 0;
    const struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        char path[4096];
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
        if (replay_file(path) != 0)
            return 1;
        count++;
    }
    (void)closedir(d);
    printf("%u inputs of %s replayed\n", count, argv[1]);
    return count == 0;
}
