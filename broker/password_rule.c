#include "password_rule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* In characters, as people count: UTF-8's continuation bytes are left out. */
static uint64_t length_of(const struct secret *password)
{
    uint64_t n = 0;
    for (size_t i = 0; i < password->len; i++)
        n += ((unsigned char)password->bytes[i] & 0xc0) != 0x80;
    return n;
}

bool password_rule_refuses(const struct secret *password, const char *name, uint64_t min_length,
                           char text[PASSWORD_RULE_TEXT_SIZE])
{
    if (!password->len) {
        snprintf(text, PASSWORD_RULE_TEXT_SIZE, "A password must not be empty.");
        return true;
    }
    if (length_of(password) < min_length) {
        snprintf(text, PASSWORD_RULE_TEXT_SIZE, "A password must have at least %" PRIu64 " characters.",
                 min_length);
        return true;
    }
    if (min_length && !strcasecmp(password->bytes, name)) {
        snprintf(text, PASSWORD_RULE_TEXT_SIZE, "A password must not be the name of its user.");
        return true;
    }
    return false;
}

bool password_is_expired(const struct user_row *user, uint64_t max_age_ms, int64_t now_ms)
{
    return user->must_change || (max_age_ms && now_ms - user->password_ms >= (int64_t)max_age_ms);
}
