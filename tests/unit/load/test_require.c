#include "require.h"

#include <stdbool.h>
#include <string.h>

#include "suite.h"

static struct report report;

static bool holds(const char *text)
{
    struct require require;
    struct error err = {0};
    bool result = false;
    CU_ASSERT_EQUAL_FATAL(require_parse(&require, text, &err), 0);
    CU_ASSERT_EQUAL_FATAL(require_holds(&require, &report, &result), 0);
    return result;
}

static void report_make(void)
{
    memset(&report, 0, sizeof report);
    report_metric(&report, UNIT_NS, 120e6, "login.p99");
    report_metric(&report, UNIT_BYTES, 40 * 1024, "gateway.memory_per_session");
    report_metric(&report, UNIT_COUNT, 0, "sessions.lost");
}

static void suffixes_are_factors(void)
{
    report_make();
    CU_ASSERT(holds("login.p99<500ms"));
    CU_ASSERT(holds("login.p99<1s"));
    CU_ASSERT(!holds("login.p99<100ms"));
    CU_ASSERT(!holds("login.p99<119999us"));
    CU_ASSERT(holds("gateway.memory_per_session<1MiB"));
}

static void every_operator_includes_its_edge_or_not(void)
{
    report_make();
    CU_ASSERT(holds("gateway.memory_per_session<=40KiB"));
    CU_ASSERT(!holds("gateway.memory_per_session<40KiB"));
    CU_ASSERT(holds("gateway.memory_per_session>=40KiB"));
    CU_ASSERT(!holds("gateway.memory_per_session>40KiB"));
    CU_ASSERT(holds("sessions.lost=0"));
    CU_ASSERT(!holds("sessions.lost=1"));
}

static void a_figure_that_is_not_there_is_told(void)
{
    struct require require;
    struct error err = {0};
    bool result;
    report_make();
    CU_ASSERT_EQUAL_FATAL(require_parse(&require, "logon.p99<1s", &err), 0);
    CU_ASSERT_EQUAL(require_holds(&require, &report, &result), CE_NOT_FOUND);
}

static void what_is_no_rule_is_refused_in_words(void)
{
    static const char *const bad[] = {"",
                                      "login.p99",
                                      "<5ms",
                                      "login.p99<",
                                      "login.p99<fast",
                                      "login.p99<5 apples",
                                      "login.p99<nan",
                                      "login.p99=5msx"};
    struct require require;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {0};
        CU_ASSERT_EQUAL(require_parse(&require, bad[i], &err), CE_BAD_INPUT);
        CU_ASSERT(err.text[0] != '\0');
    }
}

SUITE("require", TEST(suffixes_are_factors), TEST(every_operator_includes_its_edge_or_not),
      TEST(a_figure_that_is_not_there_is_told), TEST(what_is_no_rule_is_refused_in_words))
