#include "golden_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define ID "golden-0123456789abcdef"

static void sum_of(const void *bytes, size_t len, struct golden_sum *ret)
{
    struct golden_summing summing;
    golden_sum_begin(&summing);
    golden_sum_add(&summing, bytes, len);
    golden_sum_end(&summing, ret);
}

/* By b2sum -l 256. */
static void the_sum_is_the_one_that_others_make(void)
{
    struct golden_sum sum;
    sum_of("abc", 3, &sum);
    CU_ASSERT_EQUAL(sum.bytes, 3);
    CU_ASSERT_STRING_EQUAL(sum.hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

/* Holes are not sent over a network. */
static void a_hole_counts_as_its_zeros(void)
{
    enum { BEFORE = 5, HOLE = 200001, AFTER = 7 };
    char *all = calloc(1, BEFORE + HOLE + AFTER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    memset(all, 'a', BEFORE);
    memset(all + BEFORE + HOLE, 'b', AFTER);
    struct golden_sum whole, parts;
    sum_of(all, BEFORE + HOLE + AFTER, &whole);
    struct golden_summing summing;
    golden_sum_begin(&summing);
    golden_sum_add(&summing, all, BEFORE);
    golden_sum_add_zeros(&summing, HOLE);
    golden_sum_add(&summing, all + BEFORE + HOLE, AFTER);
    golden_sum_end(&summing, &parts);
    free(all);
    CU_ASSERT_TRUE(golden_sum_equal(&whole, &parts));
    parts.bytes++;
    CU_ASSERT_FALSE(golden_sum_equal(&whole, &parts));
}

static void what_is_written_is_read_again(void)
{
    const struct golden_manifest manifest = {.id = ID, .image_id = "i-7"};
    struct golden_sum sums[GOLDEN_PARTS], seen[GOLDEN_PARTS];
    struct golden_manifest ret;
    struct error err = {0};
    for (size_t i = 0; i < GOLDEN_PARTS; i++)
        sum_of(golden_parts[i], strlen(golden_parts[i]), &sums[i]);
    char *text = golden_manifest_text(&manifest, sums);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(golden_manifest_read(text, strlen(text), ID, "f.json", &ret, seen, &err), 0);
    CU_ASSERT_STRING_EQUAL(ret.id, ID);
    CU_ASSERT_STRING_EQUAL(ret.image_id, "i-7");
    for (size_t i = 0; i < GOLDEN_PARTS; i++)
        CU_ASSERT_TRUE(golden_sum_equal(&seen[i], &sums[i]));
    CU_ASSERT_EQUAL(golden_manifest_read(text, strlen(text) - 2, ID, "f.json", &ret, seen, &err),
                    CE_BAD_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "f.json"));
    CU_ASSERT_EQUAL(
        golden_manifest_read(text, strlen(text), "golden-ffffffffffffffff", "f.json", &ret, seen, &err),
        CE_BAD_INPUT);
    free(text);
}

/* It is read, and fits no files. */
static void a_manifest_without_a_sum_fits_nothing(void)
{
    static const char text[] =
        "{\"version\": 1, \"id\": \"" ID "\", \"image\": \"i\", \"files\": {\"ram\": 3}}";
    struct golden_sum seen[GOLDEN_PARTS], empty;
    struct golden_manifest ret;
    struct error err = {0};
    sum_of("", 0, &empty);
    CU_ASSERT_EQUAL(golden_manifest_read(text, strlen(text), ID, "f.json", &ret, seen, &err), 0);
    for (size_t i = 0; i < GOLDEN_PARTS; i++)
        CU_ASSERT_FALSE(golden_sum_equal(&seen[i], &empty));
}

SUITE("vmpool golden_manifest", TEST(the_sum_is_the_one_that_others_make), TEST(a_hole_counts_as_its_zeros),
      TEST(what_is_written_is_read_again), TEST(a_manifest_without_a_sum_fits_nothing))
