#include <carrel/policy.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy_lists.h"

enum kind { KIND_WAY, KIND_FLAG, KIND_TIME, KIND_CHANNELS, KIND_HOURS, KIND_NETWORKS };

static const struct {
    const char *name;
    enum kind kind;
    uint32_t standard;
} keys[POLICY_KEY_COUNT] = {
    [POLICY_CLIPBOARD] = {"clipboard", KIND_WAY, POLICY_TO_GUEST | POLICY_FROM_GUEST},
    [POLICY_FILES] = {"files", KIND_WAY, POLICY_TO_GUEST | POLICY_FROM_GUEST},
    [POLICY_DRIVES] = {"drives", KIND_FLAG, 1},
    [POLICY_PRINTERS] = {"printers", KIND_FLAG, 1},
    [POLICY_PORTS] = {"ports", KIND_FLAG, 1},
    [POLICY_SMARTCARDS] = {"smartcards", KIND_FLAG, 1},
    [POLICY_AUDIO_OUT] = {"audio-out", KIND_FLAG, 1},
    [POLICY_AUDIO_IN] = {"audio-in", KIND_FLAG, 1},
    [POLICY_USB] = {"usb", KIND_FLAG, 1},
    [POLICY_CAMERAS] = {"cameras", KIND_FLAG, 1},
    [POLICY_MULTI_MONITOR] = {"multi-monitor", KIND_FLAG, 1},
    [POLICY_IDLE_LIMIT] = {"idle-limit", KIND_TIME, 0},
    [POLICY_DISCONNECT_LIMIT] = {"disconnect-limit", KIND_TIME, 0},
    [POLICY_SESSION_LIMIT] = {"session-limit", KIND_TIME, 0},
    [POLICY_SESSION_WARNING] = {"session-warning", KIND_TIME, POLICY_WARNING_S},
    [POLICY_DENY_CHANNELS] = {"deny-channels", KIND_CHANNELS, 0},
    [POLICY_HOURS] = {"hours", KIND_HOURS, 0},
    [POLICY_NETWORKS] = {"networks", KIND_NETWORKS, 0},
};

/* By their bits; a flag is off or on, at the same places. */
static const char *const ways[] = {"off", "to-guest", "from-guest", "both"};

static const struct {
    const char *name;
    uint32_t seconds;
} units[] = {{"d", 24 * 3600}, {"h", 3600}, {"min", 60}, {"s", 1}};

const char *policy_key_name(enum policy_key key)
{
    return (unsigned)key < POLICY_KEY_COUNT ? keys[key].name : "unknown";
}

int policy_key_parse(const char *name)
{
    for (int i = 0; i < POLICY_KEY_COUNT; i++) {
        if (!strcmp(keys[i].name, name))
            return i;
    }
    return -1;
}

static bool is_set(const struct policy *policy, enum policy_key key)
{
    return (policy->set & 1U << key) != 0;
}

uint32_t policy_number(const struct policy *policy, enum policy_key key)
{
    return is_set(policy, key) ? policy->numbers[key] : keys[key].standard;
}

/* --- one value ------------------------------------------------------------------------------------ */

static int way_parse(const char *text, uint32_t *ret)
{
    for (uint32_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (!strcmp(ways[i], text)) {
            *ret = i;
            return 0;
        }
    }
    return CE_BAD_INPUT;
}

static int time_parse(const char *text, uint32_t *ret)
{
    if (!strcmp(text, "none")) {
        *ret = 0;
        return 0;
    }
    char *end;
    size_t digits = strspn(text, "0123456789");
    unsigned long n = digits && digits < 10 ? strtoul(text, &end, 10) : 0;
    if (!n)
        return CE_BAD_INPUT;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!strcmp(end, units[i].name) && n <= POLICY_TIME_MAX_S / units[i].seconds) {
            *ret = (uint32_t)n * units[i].seconds;
            return 0;
        }
    }
    return CE_BAD_INPUT;
}

static int number_parse(enum kind kind, const char *text, uint32_t *ret)
{
    if (kind == KIND_WAY)
        return way_parse(text, ret);
    if (kind == KIND_TIME)
        return time_parse(text, ret);
    *ret = !strcmp(text, "on");
    return *ret || !strcmp(text, "off") ? 0 : CE_BAD_INPUT;
}

static const char *kind_form(enum kind kind)
{
    switch (kind) {
    case KIND_WAY:
        return "one of off, to-guest, from-guest, both";
    case KIND_FLAG:
        return "on or off";
    case KIND_TIME:
        return "a time of at most a year such as 90s, 30min, 8h or 7d, or none";
    case KIND_CHANNELS:
        return "names of at most 63 characters with commas between them, at most 16, or none";
    case KIND_HOURS:
        return "times such as 'Mon-Fri 07:00-19:00 Europe/Berlin; Sat 09:00-13:00', at most 16, or any";
    case KIND_NETWORKS:
        return "networks such as 10.0.0.0/8,2001:db8::/32, at most 32, or any";
    }
    return "";
}

int policy_set(struct policy *policy, const char *key_name, const char *value, struct error *err)
{
    int key = policy_key_parse(key_name);
    if (key < 0)
        return error_set(err, CE_BAD_INPUT, "a policy has no key '%.40s'; carrel-policy(7) lists them",
                         key_name);
    if (!strcmp(value, "default")) {
        policy->set &= ~(1U << key);
        return 0;
    }
    enum kind kind = keys[key].kind;
    int rc = kind == KIND_CHANNELS   ? policy_channels_parse(value, policy)
             : kind == KIND_HOURS    ? policy_hours_parse(value, policy)
             : kind == KIND_NETWORKS ? policy_networks_parse(value, policy)
                                     : number_parse(kind, value, &policy->numbers[key]);
    if (rc)
        return error_set(err, rc, "the policy's %s is %s, not '%.80s'", keys[key].name, kind_form(kind),
                         value);
    policy->set |= 1U << key;
    return 0;
}

static void time_print(uint32_t seconds, char *ret, size_t size)
{
    size_t unit = 0;
    if (!seconds) {
        snprintf(ret, size, "none");
        return;
    }
    while (seconds % units[unit].seconds)
        unit++;
    snprintf(ret, size, "%u%s", seconds / units[unit].seconds, units[unit].name);
}

void policy_value_print(const struct policy *policy, enum policy_key key, char ret[POLICY_VALUE_SIZE])
{
    ret[0] = '\0';
    if (!is_set(policy, key))
        return;
    switch (keys[key].kind) {
    case KIND_WAY:
        snprintf(ret, POLICY_VALUE_SIZE, "%s", ways[policy->numbers[key] & 3]);
        break;
    case KIND_FLAG:
        snprintf(ret, POLICY_VALUE_SIZE, "%s", policy->numbers[key] ? "on" : "off");
        break;
    case KIND_TIME:
        time_print(policy->numbers[key], ret, POLICY_VALUE_SIZE);
        break;
    case KIND_CHANNELS:
        policy_channels_print(policy, ret, POLICY_VALUE_SIZE);
        break;
    case KIND_HOURS:
        policy_hours_print(policy, ret, POLICY_VALUE_SIZE);
        break;
    case KIND_NETWORKS:
        policy_networks_print(policy, ret, POLICY_VALUE_SIZE);
        break;
    }
}

/* --- the whole ------------------------------------------------------------------------------------ */

void policy_print(const struct policy *policy, char ret[POLICY_TEXT_SIZE])
{
    char value[POLICY_VALUE_SIZE];
    size_t used = 0;
    ret[0] = '\0';
    for (int key = 0; key < POLICY_KEY_COUNT; key++) {
        policy_value_print(policy, (enum policy_key)key, value);
        if (value[0])
            used += (size_t)snprintf(ret + used, POLICY_TEXT_SIZE - used, "%s=%s\n", keys[key].name, value);
    }
}

int policy_parse(const char *text, struct policy *ret, struct error *err)
{
    struct policy policy = {0};
    while (*text) {
        char line[POLICY_VALUE_SIZE + 32];
        size_t len = strcspn(text, "\n");
        if (len >= sizeof line)
            return error_set(err, CE_BAD_INPUT, "a line of the policy is too long");
        memcpy(line, text, len);
        line[len] = '\0';
        char *value = strchr(line, '=');
        if (!value)
            return error_set(err, CE_BAD_INPUT, "'%.80s' is no KEY=VALUE of a policy", line);
        *value++ = '\0';
        int rc = policy_set(&policy, line, value, err);
        if (rc)
            return rc;
        text += len + (text[len] == '\n');
    }
    *ret = policy;
    return 0;
}

/* --- several -------------------------------------------------------------------------------------- */

static void key_copy(struct policy *to, const struct policy *from, enum policy_key key)
{
    if (key < POLICY_NUMBER_COUNT) {
        to->numbers[key] = from->numbers[key];
    } else if (key == POLICY_DENY_CHANNELS) {
        to->channel_count = from->channel_count;
        memcpy(to->channels, from->channels, sizeof to->channels);
    } else if (key == POLICY_HOURS) {
        to->window_count = from->window_count;
        memcpy(to->windows, from->windows, sizeof to->windows);
    } else {
        to->network_count = from->network_count;
        memcpy(to->networks, from->networks, sizeof to->networks);
    }
    to->set |= 1U << key;
}

void policy_over(struct policy *base, const struct policy *top)
{
    for (int key = 0; key < POLICY_KEY_COUNT; key++) {
        if (is_set(top, (enum policy_key)key))
            key_copy(base, top, (enum policy_key)key);
    }
}

static void channels_join(struct policy *sum, const struct policy *other)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < sum->channel_count; i++) {
        if (policy_denies_channel(other, sum->channels[i]))
            memmove(sum->channels[kept++], sum->channels[i], sizeof sum->channels[i]);
    }
    sum->channel_count = kept;
}

/* An empty list of hours or networks is all of them. */
static void windows_join(struct policy *sum, const struct policy *other)
{
    if (!sum->window_count || !other->window_count)
        sum->window_count = 0;
    for (unsigned i = 0; sum->window_count && i < other->window_count; i++) {
        if (sum->window_count < POLICY_WINDOWS_MAX)
            sum->windows[sum->window_count++] = other->windows[i];
    }
}

static void networks_join(struct policy *sum, const struct policy *other)
{
    if (!sum->network_count || !other->network_count)
        sum->network_count = 0;
    for (unsigned i = 0; sum->network_count && i < other->network_count; i++) {
        if (sum->network_count < POLICY_NETWORKS_MAX)
            sum->networks[sum->network_count++] = other->networks[i];
    }
}

static uint32_t number_join(enum policy_key key, uint32_t a, uint32_t b)
{
    if (keys[key].kind != KIND_TIME)
        return a | b;
    /* No limit is the most; a warning that comes earlier is more than a later one. */
    if (key != POLICY_SESSION_WARNING && (!a || !b))
        return 0;
    return a > b ? a : b;
}

void policy_join(struct policy *sum, const struct policy *other)
{
    for (int i = 0; i < POLICY_KEY_COUNT; i++) {
        enum policy_key key = (enum policy_key)i;
        if (!is_set(other, key))
            continue;
        if (!is_set(sum, key))
            key_copy(sum, other, key);
        else if (key < POLICY_NUMBER_COUNT)
            sum->numbers[key] = number_join(key, sum->numbers[key], other->numbers[key]);
        else if (key == POLICY_DENY_CHANNELS)
            channels_join(sum, other);
        else if (key == POLICY_HOURS)
            windows_join(sum, other);
        else
            networks_join(sum, other);
    }
}

/* --- questions ------------------------------------------------------------------------------------ */

static bool network_has(const struct policy_network *network, bool is_v6, const uint8_t *address)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (network->is_v6 != is_v6 || memcmp(network->address, address, whole))
        return false;
    return !rest || !((network->address[whole] ^ address[whole]) >> (8 - rest));
}

bool policy_allows_address(const struct policy *policy, const char *text)
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    uint8_t address[16];
    if (!is_set(policy, POLICY_NETWORKS) || !policy->network_count)
        return true;
    bool is_v6 = inet_pton(AF_INET6, text, address) == 1;
    if (!is_v6 && inet_pton(AF_INET, text, address) != 1)
        return false;
    if (is_v6 && !memcmp(address, mapped, sizeof mapped)) {
        is_v6 = false; /* IPv4 that came through an IPv6 socket */
        memmove(address, address + 12, 4);
    }
    for (unsigned i = 0; i < policy->network_count; i++) {
        if (network_has(&policy->networks[i], is_v6, address))
            return true;
    }
    return false;
}

bool policy_window_has(const struct policy_window *w, unsigned weekday, unsigned minute)
{
    bool today = w->days & 1U << weekday, yesterday = w->days & 1U << (weekday + 6) % 7;
    if (w->from_min < w->to_min)
        return today && minute >= w->from_min && minute < w->to_min;
    return (today && minute >= w->from_min) || (yesterday && minute < w->to_min);
}

bool policy_denies_channel(const struct policy *policy, const char *name)
{
    for (unsigned i = 0; is_set(policy, POLICY_DENY_CHANNELS) && i < policy->channel_count; i++) {
        if (!strcasecmp(policy->channels[i], name))
            return true;
    }
    return false;
}
