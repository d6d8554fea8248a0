#include "dvc.h"

#include <string.h>

#include "suite.h"

static void reads_the_name_behind_each_width_of_the_id(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint32_t id;
        size_t name_at;
    } cases[] = {{"\x10\x07rdpgfx", 9, 7, 2},
                 {"\x11\x07\x01rdpgfx", 10, 0x107, 3},
                 {"\x12\x07\x01\x02\x03rdpgfx", 12, 0x03020107, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dvc_create create;
        CU_ASSERT_EQUAL_FATAL(dvc_parse_create((const uint8_t *)cases[i].bytes, cases[i].len, &create), 0);
        CU_ASSERT_EQUAL(create.channel_id, cases[i].id);
        CU_ASSERT_EQUAL(create.name_at, cases[i].name_at);
        CU_ASSERT_EQUAL(create.name_len, 6);
    }
}

static void other_messages_are_not_looked_at(void)
{
    struct dvc_create create;
    CU_ASSERT_EQUAL(dvc_parse_create((const uint8_t *)"\x30\x07", 2, &create), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(dvc_parse_create((const uint8_t *)"\x58\0\3\0", 4, &create), CE_NOT_FOUND);
}

static void refuses_requests_that_are_not_whole(void)
{
    struct dvc_create create;
    uint8_t long_name[300];
    CU_ASSERT_EQUAL(dvc_parse_create(NULL, 0, &create), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(dvc_parse_create((const uint8_t *)"\x10", 1, &create), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(dvc_parse_create((const uint8_t *)"\x12\1\2\3", 4, &create), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(dvc_parse_create((const uint8_t *)"\x10\7abc", 5, &create), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(dvc_parse_create((const uint8_t *)"\x13\7abc", 6, &create), CE_BAD_INPUT);
    memset(long_name, 'n', sizeof long_name);
    long_name[0] = 0x10;
    long_name[sizeof long_name - 1] = 0;
    CU_ASSERT_EQUAL(dvc_parse_create(long_name, sizeof long_name, &create), CE_BAD_INPUT);
}

SUITE("dvc", TEST(reads_the_name_behind_each_width_of_the_id), TEST(other_messages_are_not_looked_at),
      TEST(refuses_requests_that_are_not_whole))
