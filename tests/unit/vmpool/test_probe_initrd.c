#include "probe_initrd.h"

#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "suite.h"

static unsigned hex8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 8);
    char text[9] = {0};
    if (p)
        memcpy(text, p, 8);
    return (unsigned)strtoul(text, NULL, 16);
}

/* Walks the archive and finds the member NAME. */
static bool find(const uint8_t *bytes, size_t len, const char *name, struct cursor *ret, unsigned *ret_mode)
{
    struct cursor c = cursor_init(bytes, len);
    while (cursor_ok(&c) && cursor_left(&c)) {
        const uint8_t *magic = cursor_take(&c, 6);
        if (!magic || memcmp(magic, "070701", 6) != 0)
            return false;
        unsigned fields[13];
        for (int i = 0; i < 13; i++)
            fields[i] = hex8(&c);
        const char *found = (const char *)cursor_take(&c, fields[11]);
        cursor_skip(&c, (4 - (110 + fields[11]) % 4) % 4);
        struct cursor data = cursor_sub(&c, fields[6]);
        cursor_skip(&c, (4 - fields[6] % 4) % 4);
        if (cursor_ok(&c) && found && !strcmp(found, name)) {
            *ret = data;
            *ret_mode = fields[1];
            return true;
        }
    }
    return false;
}

static void is_an_archive_with_an_executable_init(void)
{
    uint8_t bytes[PROBE_INITRD_MAX];
    size_t len = probe_initrd_make(bytes);
    struct cursor init;
    unsigned mode;
    CU_ASSERT_TRUE(len < sizeof bytes);
    CU_ASSERT_EQUAL(len % 4, 0);
    CU_ASSERT_TRUE(find(bytes, len, "init", &init, &mode));
    CU_ASSERT_EQUAL(mode, 0100755);
    CU_ASSERT_TRUE(find(bytes, len, "dev/console", &init, &mode));
    CU_ASSERT_EQUAL(mode, 0020600);
    CU_ASSERT_TRUE(find(bytes, len, "TRAILER!!!", &init, &mode));
}

/* The program is for Linux on x86-64; elsewhere only its shape is looked at. */
static void the_init_writes_the_marker(void)
{
    uint8_t bytes[PROBE_INITRD_MAX];
    size_t len = probe_initrd_make(bytes);
    struct cursor init;
    unsigned mode;
    CU_ASSERT_TRUE_FATAL(find(bytes, len, "init", &init, &mode));
    CU_ASSERT_EQUAL(memcmp(init.at,
                           "\x7f"
                           "ELF",
                           4),
                    0);
    CU_ASSERT_PTR_NOT_NULL(memmem(init.at, cursor_left(&init), PROBE_MARKER "\n", sizeof PROBE_MARKER));
}

SUITE("probe_initrd", TEST(is_an_archive_with_an_executable_init), TEST(the_init_writes_the_marker))
