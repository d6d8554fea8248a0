#include "hist.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

static struct hist h;

static void small_values_are_exact(void)
{
    memset(&h, 0, sizeof h);
    for (uint64_t i = 1; i <= 100; i++)
        hist_record(&h, i);
    CU_ASSERT_EQUAL(hist_percentile(&h, 50), 50);
    CU_ASSERT_EQUAL(hist_percentile(&h, 99), 99);
    CU_ASSERT_EQUAL(hist_percentile(&h, 100), 100);
    CU_ASSERT_EQUAL(hist_percentile(&h, 0), 1);
    CU_ASSERT_DOUBLE_EQUAL(hist_mean(&h), 50.5, 1e-9);
}

static void a_percentile_is_at_most_eight_in_a_thousand_above_the_true_one(void)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t value = (1ull << bit) + (1ull << bit) / 3;
        memset(&h, 0, sizeof h);
        hist_record(&h, value);
        hist_record(&h, UINT64_MAX);
        uint64_t seen = hist_percentile(&h, 50);
        CU_ASSERT(seen >= value);
        CU_ASSERT(seen - value <= value / 128);
    }
}

static void edges_of_the_range_have_a_bucket(void)
{
    memset(&h, 0, sizeof h);
    hist_record(&h, 0);
    CU_ASSERT_EQUAL(hist_percentile(&h, 100), 0);
    hist_record(&h, UINT64_MAX);
    CU_ASSERT_EQUAL(hist_percentile(&h, 100), UINT64_MAX);
    CU_ASSERT_EQUAL(h.min, 0);
    CU_ASSERT_EQUAL(h.max, UINT64_MAX);
}

static void percentiles_of_many_values_agree_with_sorting(void)
{
    memset(&h, 0, sizeof h);
    uint64_t state = 1;
    enum { COUNT = 10000 };
    uint64_t *values = malloc(COUNT * sizeof *values);
    CU_ASSERT_PTR_NOT_NULL_FATAL(values);
    for (unsigned i = 0; i < COUNT; i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        values[i] = state >> 40;
        hist_record(&h, values[i]);
    }
    /* The rank of what the histogram says: so many values are not above it. */
    for (unsigned percent = 10; percent < 100; percent += 10) {
        uint64_t said = hist_percentile(&h, percent);
        unsigned not_above = 0, clearly_below = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            not_above += values[i] <= said;
            clearly_below += values[i] < said - said / 64;
        }
        CU_ASSERT(not_above >= percent * COUNT / 100);
        CU_ASSERT(clearly_below <= percent * COUNT / 100);
    }
    free(values);
}

static void merging_is_recording_into_one(void)
{
    static struct hist other, both;
    memset(&h, 0, sizeof h);
    for (uint64_t i = 1; i < 5000; i += 7) {
        hist_record(i % 2 ? &h : &other, i * i);
        hist_record(&both, i * i);
    }
    hist_merge(&h, &other);
    CU_ASSERT_EQUAL(h.count, both.count);
    CU_ASSERT_EQUAL(h.min, both.min);
    CU_ASSERT_EQUAL(h.max, both.max);
    CU_ASSERT_DOUBLE_EQUAL(hist_mean(&h), hist_mean(&both), 1e-6);
    CU_ASSERT_EQUAL(memcmp(h.buckets, both.buckets, sizeof h.buckets), 0);
}

static void nothing_recorded_is_zero(void)
{
    memset(&h, 0, sizeof h);
    CU_ASSERT_EQUAL(hist_percentile(&h, 99), 0);
    CU_ASSERT_DOUBLE_EQUAL(hist_mean(&h), 0, 0);
}

SUITE("hist", TEST(small_values_are_exact),
      TEST(a_percentile_is_at_most_eight_in_a_thousand_above_the_true_one),
      TEST(edges_of_the_range_have_a_bucket), TEST(percentiles_of_many_values_agree_with_sorting),
      TEST(merging_is_recording_into_one), TEST(nothing_recorded_is_zero))
