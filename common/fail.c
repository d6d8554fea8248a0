#include <carrel/fail.h>

#include <string.h>

static const struct {
    const char *code;
    unsigned http_status;
    uint32_t rdp_error;
    const char *sentence;
} fails[FAIL_COUNT] = {
#define X(name, code, http, rdp, sentence) [FAIL_##name] = {code, http, rdp, sentence},
    FAIL_TABLE(X)
#undef X
};

static unsigned fail_index(enum fail fail)
{
    return (unsigned)fail < FAIL_COUNT ? (unsigned)fail : FAIL_INTERNAL;
}

const char *fail_code(enum fail fail)
{
    return fails[fail_index(fail)].code;
}

const char *fail_sentence(enum fail fail)
{
    return fails[fail_index(fail)].sentence;
}

unsigned fail_http_status(enum fail fail)
{
    return fails[fail_index(fail)].http_status;
}

bool fail_is_limit(enum fail fail)
{
    return fail == FAIL_USER_SESSIONS || fail == FAIL_POOL_SESSIONS || fail == FAIL_POOL_WAITING ||
           fail == FAIL_ALL_SESSIONS;
}

uint32_t fail_rdp_error(enum fail fail)
{
    return fails[fail_index(fail)].rdp_error;
}

enum fail fail_parse(const char *code)
{
    for (unsigned i = 0; i < FAIL_COUNT; i++) {
        if (code && !strcmp(fails[i].code, code))
            return (enum fail)i;
    }
    return FAIL_INTERNAL;
}
