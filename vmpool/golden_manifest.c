#include "golden_manifest.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "json_cleanup.h"

#define MANIFEST_VERSION 1

const char *const golden_parts[GOLDEN_PARTS] = {"qcow2", "ram", "state"};

const char *const golden_suffixes[GOLDEN_SUFFIXES] = {"json", "json.new", "state",
                                                      "ram",  "qcow2",    "serial.log"};

bool golden_id_is_valid(const char *text)
{
    size_t prefix = sizeof GOLDEN_PREFIX - 1;
    return strlen(text) == prefix + 16 && !strncmp(text, GOLDEN_PREFIX, prefix) &&
           strspn(text + prefix, "0123456789abcdef") == 16;
}

bool golden_id_of_file(const char *name, char ret[ID_SIZE])
{
    size_t len = strcspn(name, ".");
    snprintf(ret, ID_SIZE, "%.*s", len < ID_SIZE ? (int)len : 0, name);
    return golden_id_is_valid(ret);
}

/* --- sums ------------------------------------------------------------------------------------------------ */

void golden_sum_begin(struct golden_summing *ret)
{
    (void)crypto_generichash_init(&ret->state, NULL, 0, crypto_generichash_BYTES);
    ret->bytes = 0;
}

void golden_sum_add(struct golden_summing *summing, const void *bytes, size_t len)
{
    (void)crypto_generichash_update(&summing->state, bytes, len);
    summing->bytes += len;
}

void golden_sum_add_zeros(struct golden_summing *summing, uint64_t len)
{
    static const unsigned char zeros[65536];
    while (len) {
        size_t n = len < sizeof zeros ? (size_t)len : sizeof zeros;
        golden_sum_add(summing, zeros, n);
        len -= n;
    }
}

void golden_sum_end(struct golden_summing *summing, struct golden_sum *ret)
{
    unsigned char sum[crypto_generichash_BYTES];
    (void)crypto_generichash_final(&summing->state, sum, sizeof sum);
    sodium_bin2hex(ret->hex, sizeof ret->hex, sum, sizeof sum);
    ret->bytes = summing->bytes;
}

bool golden_sum_equal(const struct golden_sum *a, const struct golden_sum *b)
{
    return a->bytes == b->bytes && !strcmp(a->hex, b->hex);
}

/* --- the text -------------------------------------------------------------------------------------------- */

char *golden_manifest_text(const struct golden_manifest *manifest, const struct golden_sum sums[GOLDEN_PARTS])
{
    CLEANUP_JSON json_t *files = json_object();
    for (size_t i = 0; i < GOLDEN_PARTS; i++)
        json_object_set_new(
            files, golden_parts[i],
            json_pack("{s:I, s:s}", "bytes", (json_int_t)sums[i].bytes, "blake2b", sums[i].hex));
    CLEANUP_JSON json_t *json = json_pack("{s:i, s:s, s:s, s:O}", "version", MANIFEST_VERSION, "id",
                                          manifest->id, "image", manifest->image_id, "files", files);
    return json ? json_dumps(json, JSON_INDENT(2)) : NULL;
}

int golden_manifest_read(const char *text, size_t len, const char *id, const char *name,
                         struct golden_manifest *ret, struct golden_sum ret_sums[GOLDEN_PARTS],
                         struct error *err)
{
    CLEANUP_JSON json_t *json = json_loadb(text, len, 0, NULL);
    const char *own = json_string_value(json_object_get(json, "id"));
    const char *image = json_string_value(json_object_get(json, "image"));
    if (json_integer_value(json_object_get(json, "version")) != MANIFEST_VERSION || !own ||
        strcmp(own, id) != 0 || !image)
        return error_set(err, CE_BAD_INPUT, "%s is no manifest of this version", name);
    const json_t *files = json_object_get(json, "files");
    for (size_t i = 0; i < GOLDEN_PARTS; i++) {
        const json_t *file = json_object_get(files, golden_parts[i]);
        const char *sum = json_string_value(json_object_get(file, "blake2b"));
        ret_sums[i].bytes = (uint64_t)json_integer_value(json_object_get(file, "bytes"));
        snprintf(ret_sums[i].hex, sizeof ret_sums[i].hex, "%s", sum ? sum : "");
    }
    *ret = (struct golden_manifest){0};
    snprintf(ret->id, sizeof ret->id, "%s", id);
    snprintf(ret->image_id, sizeof ret->image_id, "%s", image);
    return 0;
}
