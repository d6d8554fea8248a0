#include "zone.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

/* A file of version 2 without transitions of 32 bits: TRANSITIONS of 64 bits to types 0 and 1 in turns, type 0
 * being UTC and type 1 an hour ahead, and FOOTER. */
static size_t file_make(uint8_t *ret, const int64_t *transitions, uint8_t count, const char *footer)
{
    uint8_t *at = ret;
    for (int block = 0; block < 2; block++) {
        memcpy(at, "TZif2", 5);
        memset(at + 5, 0, 39);
        at[35] = block ? count : 0;
        at[39] = block ? 2 : 0;
        at[43] = block ? 4 : 0;
        at += 44;
    }
    for (uint8_t i = 0; i < count; i++) {
        for (int byte = 7; byte >= 0; byte--)
            *at++ = (uint8_t)((uint64_t)transitions[i] >> byte * 8);
    }
    for (uint8_t i = 0; i < count; i++)
        *at++ = (uint8_t)(i % 2 ? 0 : 1);
    static const uint8_t types[] = {0, 0, 0, 0, 0, 0, 0, 0, 0x0e, 0x10, 1, 0, 'A', 'B', 'C', 0};
    memcpy(at, types, sizeof types);
    at += sizeof types;
    at += sprintf((char *)at, "\n%s\n", footer);
    return (size_t)(at - ret);
}

static int32_t by_rule(const char *rule, int64_t at_s)
{
    uint8_t file[512];
    int32_t offset = -1;
    size_t len = file_make(file, NULL, 0, rule);
    CU_ASSERT_EQUAL(zone_offset_of(file, len, at_s, &offset), 0);
    return offset;
}

static int refused(const char *rule)
{
    uint8_t file[512];
    int32_t offset;
    size_t len = file_make(file, NULL, 0, rule);
    return zone_offset_of(file, len, 0, &offset);
}

static void transitions_rule_until_the_last_one(void)
{
    static const int64_t transitions[] = {-1000, 1000, 2000};
    uint8_t file[512];
    int32_t offset;
    size_t len = file_make(file, transitions, 3, "");
    static const struct {
        int64_t at_s;
        int32_t offset;
    } cases[] = {{-1001, 0}, {-1000, 3600}, {999, 3600}, {1000, 0}, {2000, 3600}, {1LL << 40, 3600}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(zone_offset_of(file, len, cases[i].at_s, &offset), 0);
        CU_ASSERT_EQUAL(offset, cases[i].offset);
    }
}

static void the_footer_rules_from_there_on(void)
{
    static const int64_t transitions[] = {0};
    uint8_t file[512];
    int32_t offset;
    size_t len = file_make(file, transitions, 1, "XYZ-5:30");
    CU_ASSERT_EQUAL(zone_offset_of(file, len, -1, &offset), 0);
    CU_ASSERT_EQUAL(offset, 0);
    CU_ASSERT_EQUAL(zone_offset_of(file, len, 1, &offset), 0);
    CU_ASSERT_EQUAL(offset, 5 * 3600 + 1800);
}

static void summer_begins_and_ends_to_the_second(void)
{
    static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3";
    CU_ASSERT_EQUAL(by_rule(berlin, 1774745999), 3600); /* 2026-03-29 00:59:59 UTC */
    CU_ASSERT_EQUAL(by_rule(berlin, 1774746000), 7200);
    CU_ASSERT_EQUAL(by_rule(berlin, 1792889999), 7200); /* 2026-10-25 00:59:59 UTC */
    CU_ASSERT_EQUAL(by_rule(berlin, 1792890000), 3600);
    CU_ASSERT_EQUAL(by_rule(berlin, -86400), 3600);
}

static void the_southern_summer_spans_new_year(void)
{
    static const char sydney[] = "AEST-10AEDT,M10.1.0,M4.1.0/3";
    CU_ASSERT_EQUAL(by_rule(sydney, 1767225600), 11 * 3600); /* 2026-01-01 */
    CU_ASSERT_EQUAL(by_rule(sydney, 1782864000), 10 * 3600); /* 2026-07-01 */
    CU_ASSERT_EQUAL(by_rule(sydney, 1798761599), 11 * 3600); /* 2026-12-31 23:59:59 */
}

static void days_of_the_year_with_and_without_leap_days(void)
{
    /* From the first of March on, in a leap year and in another one. */
    CU_ASSERT_EQUAL(by_rule("AAA0BBB,J60/0,J61/0", 1709251200), 3600); /* 2024-03-01 */
    CU_ASSERT_EQUAL(by_rule("AAA0BBB,J60/0,J61/0", 1740787200), 3600); /* 2025-03-01 */
    CU_ASSERT_EQUAL(by_rule("AAA0BBB,59/0,61/0", 1709164800), 3600);   /* 2024-02-29 */
    CU_ASSERT_EQUAL(by_rule("<-03>3", 0), -3 * 3600);
}

static void refuses_rules_that_are_none(void)
{
    static const char *const rules[] = {"C-1",
                                        "CET",
                                        "CET-1CEST",
                                        "CET-200",
                                        "CET-1x",
                                        "CET-1CEST,M",
                                        "CET-1CEST,M3.5.0",
                                        "CET-1CEST,M13.5.0,M1.1.1",
                                        "<CET-1",
                                        "CET-1:60",
                                        "CET-1CEST,J0,J5",
                                        "CET-1CEST,M3.0.0,M10.5.0",
                                        "CET-1CEST,M3.5.0,M10.5.0/3x"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        CU_ASSERT_EQUAL(refused(rules[i]), CE_BAD_INPUT);
}

static void refuses_every_cut_of_a_file(void)
{
    static const int64_t transitions[] = {-1000, 1000};
    uint8_t file[512];
    int32_t offset;
    size_t len = file_make(file, transitions, 2, "XYZ-5:30");
    size_t footer = len - strlen("\nXYZ-5:30\n");
    for (size_t cut = 0; cut < footer; cut++)
        CU_ASSERT_EQUAL(zone_offset_of(file, cut, 0, &offset), CE_BAD_INPUT);
    file[4] = 0;
    CU_ASSERT_EQUAL(zone_offset_of(file, len, 0, &offset), CE_BAD_INPUT);
}

static void reads_this_machines_files(void)
{
    int32_t offset = -1;
    CU_ASSERT_EQUAL(zone_offset("", 0, &offset), 0);
    CU_ASSERT_EQUAL(zone_offset("Europe/Nowhere", 0, &offset), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(zone_offset("Europe", 0, &offset), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(zone_offset("Europe/Berlin", 1782864000, &offset), 0);
    CU_ASSERT_EQUAL(offset, 7200);
    CU_ASSERT_EQUAL(zone_offset("Europe/Berlin", 4102444800, &offset), 0); /* 2100: by its rule */
    CU_ASSERT_EQUAL(offset, 3600);
    CU_ASSERT_EQUAL(zone_offset("America/New_York", 1782864000, &offset), 0);
    CU_ASSERT_EQUAL(offset, -4 * 3600);
}

SUITE("zone", TEST(transitions_rule_until_the_last_one), TEST(the_footer_rules_from_there_on),
      TEST(summer_begins_and_ends_to_the_second), TEST(the_southern_summer_spans_new_year),
      TEST(days_of_the_year_with_and_without_leap_days), TEST(refuses_rules_that_are_none),
      TEST(refuses_every_cut_of_a_file), TEST(reads_this_machines_files))
