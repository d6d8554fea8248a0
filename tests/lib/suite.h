/* One CUnit suite per test program. A test file lists its tests and gets its main() from here:
 *
 *     SUITE("cursor", TEST(refuses_an_inner_length_past_its_parent), TEST(...))
 *
 * Each name says the behaviour shown. The exit status is non-zero when an assertion failed or when
 * nothing ran.
 */
#ifndef CARREL_TESTS_SUITE_H
#define CARREL_TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <stddef.h>

struct suite_test {
    const char *name;
    void (*run)(void);
};

#define TEST(fn)                                                                                             \
    {                                                                                                        \
#fn, fn                                                                                              \
    }

static inline int suite_main(const char *name, const struct suite_test *tests, size_t count)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_pSuite suite = CU_add_suite(name, NULL, NULL);
    for (size_t i = 0; suite && i < count; i++) {
        if (!CU_add_test(suite, tests[i].name, tests[i].run))
            suite = NULL;
    }
    if (!suite)
        return 2;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    unsigned run = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    return failures || run != count;
}

#define SUITE(name, ...)                                                                                     \
    int main(void)                                                                                           \
    {                                                                                                        \
        static const struct suite_test tests[] = {__VA_ARGS__};                                              \
        return suite_main(name, tests, sizeof tests / sizeof tests[0]);                                      \
    }

#endif
