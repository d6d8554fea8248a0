#include "qr.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define SIDE 33 /* version 4 (33 modules) is what the text below needs, at the lowest level of correction */
#define AROUND 2

static char *painted;

static void paint(const char *text)
{
    size_t size;
    FILE *out = open_memstream(&painted, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_EQUAL(qr_print(out, text), 0);
    CU_ASSERT_EQUAL(fclose(out), 0);
}

/* The module at X, Y, read back from its half block: 1 dark, 0 light, -1 not painted. */
static int module_at(int x, int y)
{
    const char *at = painted;
    for (int row = 0; row < (y + AROUND) / 2 && at; row++)
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    at = at ? strstr(at, "107m") : NULL;
    if (!at)
        return -1;
    at += 4;
    for (int column = 0; column < x + AROUND; column++)
        at += *at == ' ' ? 1 : 3;
    bool upper = (y + AROUND) % 2 == 0;
    if (*at == ' ')
        return 0;
    if (!strncmp(at, "\u2588", 3))
        return 1;
    return !strncmp(at, "\u2580", 3) ? upper : !strncmp(at, "\u2584", 3) ? !upper : -1;
}

/* The square of seven with a ring and a core, ISO/IEC 18004 6.3.3. */
static void expect_finder(int left, int top)
{
    for (int y = 0; y < 7; y++) {
        for (int x = 0; x < 7; x++) {
            bool ring = x == 0 || y == 0 || x == 6 || y == 6;
            bool core = x >= 2 && x <= 4 && y >= 2 && y <= 4;
            CU_ASSERT_EQUAL(module_at(left + x, top + y), ring || core);
        }
    }
}

static void a_code_has_its_three_corners_and_a_light_edge(void)
{
    paint("otpauth://totp/Carrel:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    expect_finder(0, 0);
    expect_finder(SIDE - 7, 0);
    expect_finder(0, SIDE - 7);
    for (int i = -AROUND; i < SIDE + AROUND; i++) {
        CU_ASSERT_EQUAL(module_at(i, -1), 0);
        CU_ASSERT_EQUAL(module_at(-1, i), 0);
        CU_ASSERT_EQUAL(module_at(SIDE, i), 0);
        CU_ASSERT_EQUAL(module_at(i, SIDE), 0);
    }
    for (int i = 8; i < SIDE - 8; i++) /* the timing pattern */
        CU_ASSERT_EQUAL(module_at(i, 6), i % 2 == 0);
    free(painted);
}

SUITE("qr", TEST(a_code_has_its_three_corners_and_a_light_edge))
