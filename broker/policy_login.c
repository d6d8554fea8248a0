#include "policy_login.h"

#include "log.h"
#include "zone.h"

enum { DAY_S = 24 * 3600 };

static bool window_is_open(const struct policy_window *window, int64_t now_s)
{
    int32_t offset_s = 0;
    if (zone_offset(window->zone, now_s, &offset_s)) {
        log_error("The time zone of a pool's hours cannot be read, so they count as closed. zone=%s",
                  window->zone);
        return false;
    }
    int64_t local_s = now_s + offset_s;
    unsigned weekday = (unsigned)((local_s / DAY_S + 3) % 7); /* 1970-01-01 was a Thursday */
    return policy_window_has(window, weekday, (unsigned)(local_s % DAY_S / 60));
}

static bool is_open(const struct policy *policy, int64_t now_s)
{
    if (!(policy->set & 1U << POLICY_HOURS) || !policy->window_count)
        return true;
    for (unsigned i = 0; i < policy->window_count; i++) {
        if (window_is_open(&policy->windows[i], now_s))
            return true;
    }
    return false;
}

enum fail policy_login_refusal(const struct policy *policy, const char *address, int64_t now_ms,
                               struct error *ret_detail)
{
    char value[POLICY_VALUE_SIZE];
    if (!policy_allows_address(policy, address)) {
        error_set(ret_detail, CE_REFUSED, "%s is in none of the networks that it can be used from.",
                  *address ? address : "An unknown address");
        return FAIL_OUTSIDE_NETWORKS;
    }
    if (is_open(policy, now_ms / 1000))
        return FAIL_NONE;
    policy_value_print(policy, POLICY_HOURS, value);
    error_set(ret_detail, CE_REFUSED, "It is open %.300s.", value);
    return FAIL_OUTSIDE_HOURS;
}

int policy_zones_check(const struct policy *policy, struct error *err)
{
    int32_t offset_s;
    for (unsigned i = 0; i < policy->window_count; i++) {
        int rc = zone_offset(policy->windows[i].zone, 0, &offset_s);
        if (rc)
            return error_set(err, CE_BAD_INPUT, "there is no time zone '%s' on the broker's machine",
                             policy->windows[i].zone);
    }
    return 0;
}
