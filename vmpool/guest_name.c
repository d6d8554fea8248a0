#include "guest_name.h"

#include <stdio.h>
#include <string.h>

/* The pattern comes from an administrator, so it is never a format string: it is taken apart here. */
struct pattern {
    size_t before;     /* bytes in front of the number */
    const char *after; /* text behind it */
    int width;         /* digits at least, with leading zeros */
};

static bool pattern_parse(const char *text, struct pattern *ret)
{
    const char *percent = strchr(text, '%');
    if (!percent)
        return false;
    const char *p = percent + 1;
    int width = 0;
    if (*p == '0') {
        p++;
        if (*p < '1' || *p > '5')
            return false;
        width = *p++ - '0';
    }
    if (*p++ != 'd' || strchr(p, '%'))
        return false;
    *ret = (struct pattern){.before = (size_t)(percent - text), .after = p, .width = width};
    return true;
}

static bool name_make(const char *text, const struct pattern *pattern, unsigned number, char ret[NAME_SIZE])
{
    int n = snprintf(ret, NAME_SIZE, "%.*s%0*u%s", (int)pattern->before, text, pattern->width, number,
                     pattern->after);
    return n > 0 && n < NAME_SIZE && name_is_valid(ret);
}

bool guest_name_pattern_is_valid(const char *pattern)
{
    struct pattern parsed;
    char name[NAME_SIZE];
    return pattern_parse(pattern, &parsed) && name_make(pattern, &parsed, GUEST_NUMBER_MAX, name);
}

int guest_name_pick(const char *pattern, unsigned *from, bool (*taken)(void *arg, const char *name),
                    void *arg, char ret[NAME_SIZE])
{
    struct pattern parsed;
    if (!guest_name_pattern_is_valid(pattern) || !pattern_parse(pattern, &parsed))
        return CE_BAD_INPUT;
    for (unsigned number = *from ? *from : 1; number <= GUEST_NUMBER_MAX; number++) {
        char name[NAME_SIZE];
        if (!name_make(pattern, &parsed, number, name))
            return CE_BAD_INPUT;
        if (taken(arg, name))
            continue;
        memcpy(ret, name, sizeof name);
        *from = number + 1;
        return 0;
    }
    return CE_LIMIT;
}

unsigned guest_name_number(const char *pattern, const char *name)
{
    struct pattern parsed;
    char again[NAME_SIZE];
    unsigned number = 0;
    if (!pattern_parse(pattern, &parsed) || strlen(name) <= parsed.before)
        return 0;
    for (const char *p = name + parsed.before; *p >= '0' && *p <= '9' && number <= GUEST_NUMBER_MAX; p++)
        number = number * 10 + (unsigned)(*p - '0');
    /* A suffix may begin with digits; such a pattern's numbers are not told apart, and not found here. */
    bool is_it = number && number <= GUEST_NUMBER_MAX && name_make(pattern, &parsed, number, again) &&
                 !strcmp(again, name);
    return is_it ? number : 0;
}
