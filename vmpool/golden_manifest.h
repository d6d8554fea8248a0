/* The manifest of a golden guest: a JSON text with the size and the checksum (BLAKE2b, 32 bytes) of each of its
 * files, which are the same wherever they lie: beside vmpool (golden_files.h) or on another machine
 * (virt_golden_files.h). Pure.
 */
#ifndef VMPOOL_GOLDEN_MANIFEST_H
#define VMPOOL_GOLDEN_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#define GOLDEN_PREFIX "golden-" /* with 16 hexadecimal digits: the id, also the domain's name */
#define GOLDEN_MANIFEST_MAX 65536
#define GOLDEN_PARTS 3

struct golden_manifest {
    char id[ID_SIZE];
    char image_id[ID_SIZE];
};

struct golden_sum {
    uint64_t bytes;
    char hex[crypto_generichash_BYTES * 2 + 1];
};

/* The suffixes of the files that are summed up: "qcow2", "ram", "state". */
extern const char *const golden_parts[GOLDEN_PARTS];

/* Of all of its files, in the order in which they are removed: without its manifest there is no golden guest. */
#define GOLDEN_SUFFIXES 6
extern const char *const golden_suffixes[GOLDEN_SUFFIXES];

/* Whether TEXT is the id of a golden guest. */
bool golden_id_is_valid(const char *text);

/* The id in the name of one of its files. */
bool golden_id_of_file(const char *name, char ret[ID_SIZE]);

/* A sum in the making: begun, fed in order, and ended. */
struct golden_summing {
    crypto_generichash_state state;
    uint64_t bytes;
};
void golden_sum_begin(struct golden_summing *ret);
void golden_sum_add(struct golden_summing *summing, const void *bytes, size_t len);
void golden_sum_add_zeros(struct golden_summing *summing, uint64_t len);
void golden_sum_end(struct golden_summing *summing, struct golden_sum *ret);

/* The text, freed by the caller; NULL without memory. */
char *golden_manifest_text(const struct golden_manifest *manifest,
                           const struct golden_sum sums[GOLDEN_PARTS]);

/* Reads the manifest of ID; NAME is the file's, for words. CE_BAD_INPUT. */
int golden_manifest_read(const char *text, size_t len, const char *id, const char *name,
                         struct golden_manifest *ret, struct golden_sum ret_sums[GOLDEN_PARTS],
                         struct error *err) MUST_CHECK;

bool golden_sum_equal(const struct golden_sum *a, const struct golden_sum *b);

#endif
