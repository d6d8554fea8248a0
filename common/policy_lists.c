#include "policy_lists.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DAY_MIN = 24 * 60, DAYS = 7, EVERY_DAY = 0x7f };

static const char *const day_names[DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

/* Copies the next item of a list, up to one of SEPARATORS, without blanks around it. False where nothing
 * stands there or it has no room. */
static bool item_next(const char **text, const char *separators, char *ret, size_t size)
{
    const char *at = *text + strspn(*text, " ");
    size_t len = strcspn(at, separators);
    *text = at + len + (at[len] != '\0');
    /* A separator at the end promises another item. */
    if (at[len] && !**text)
        return false;
    while (len && at[len - 1] == ' ')
        len--;
    if (!len || len >= size)
        return false;
    memcpy(ret, at, len);
    ret[len] = '\0';
    return true;
}

/* Appends; a list that was read always fits when it is printed. */
static void append(char *ret, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void append(char *ret, size_t size, const char *fmt, ...)
{
    size_t used = strlen(ret);
    va_list args;
    va_start(args, fmt);
    vsnprintf(ret + used, size - used, fmt, args);
    va_end(args);
}

/* --- channels ------------------------------------------------------------------------------------- */

static bool channel_is_valid(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (*c <= ' ' || *c > '~' || *c == '=' || *c == '"')
            return false;
    }
    return true;
}

int policy_channels_parse(const char *text, struct policy *policy)
{
    char names[POLICY_CHANNELS_MAX][POLICY_CHANNEL_SIZE] = {{0}};
    unsigned count = 0;
    bool none = !strcmp(text, "none");
    while (!none && (*text || !count)) {
        if (count == POLICY_CHANNELS_MAX || !item_next(&text, ",", names[count], sizeof names[count]) ||
            !channel_is_valid(names[count]))
            return CE_BAD_INPUT;
        count++;
    }
    memcpy(policy->channels, names, sizeof names);
    policy->channel_count = count;
    return 0;
}

void policy_channels_print(const struct policy *policy, char *ret, size_t size)
{
    snprintf(ret, size, "%s", policy->channel_count ? "" : "none");
    for (unsigned i = 0; i < policy->channel_count; i++)
        append(ret, size, "%s%s", i ? "," : "", policy->channels[i]);
}

/* --- hours ---------------------------------------------------------------------------------------- */

static int day_parse(const char *text, unsigned *ret)
{
    for (unsigned i = 0; i < DAYS; i++) {
        if (!strcasecmp(day_names[i], text)) {
            *ret = i;
            return 0;
        }
    }
    return CE_BAD_INPUT;
}

/* "Mon-Fri,Sun" or "daily". */
static int days_parse(const char *text, uint8_t *ret)
{
    uint8_t days = 0;
    char item[16];
    if (!strcasecmp(text, "daily")) {
        *ret = EVERY_DAY;
        return 0;
    }
    while (*text || !days) {
        unsigned first, last;
        if (!item_next(&text, ",", item, sizeof item))
            return CE_BAD_INPUT;
        char *dash = strchr(item, '-');
        if (dash)
            *dash = '\0';
        if (day_parse(item, &first) || day_parse(dash ? dash + 1 : item, &last))
            return CE_BAD_INPUT;
        for (unsigned day = first;; day = (day + 1) % DAYS) {
            days = (uint8_t)(days | 1U << day);
            if (day == last)
                break;
        }
    }
    *ret = days;
    return 0;
}

static int minute_parse(const char *text, uint16_t *ret)
{
    if (strlen(text) != 5 || text[2] != ':')
        return CE_BAD_INPUT;
    for (int i = 0; i < 5; i++) {
        if (i != 2 && !isdigit((unsigned char)text[i]))
            return CE_BAD_INPUT;
    }
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    if (minute > 59 || hour * 60 + minute > DAY_MIN)
        return CE_BAD_INPUT;
    *ret = (uint16_t)(hour * 60 + minute);
    return 0;
}

/* A name of the time zone database, which is a path below its folder: no way out of it. */
static bool zone_is_valid(const char *zone)
{
    if (!isalpha((unsigned char)zone[0]))
        return false;
    for (const char *c = zone; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("/_+-", *c))
            return false;
    }
    return strlen(zone) < POLICY_ZONE_SIZE;
}

/* "DAYS FROM-TO [ZONE]" */
static int window_parse(const char *text, struct policy_window *ret)
{
    struct policy_window w = {0};
    char days[64], times[16], zone[POLICY_ZONE_SIZE] = "";
    if (!item_next(&text, " ", days, sizeof days) || !item_next(&text, " ", times, sizeof times))
        return CE_BAD_INPUT;
    if (*text && (!item_next(&text, " ", zone, sizeof zone) || *text || !zone_is_valid(zone)))
        return CE_BAD_INPUT;
    char *dash = strchr(times, '-');
    if (!dash)
        return CE_BAD_INPUT;
    *dash = '\0';
    if (days_parse(days, &w.days) || minute_parse(times, &w.from_min) || minute_parse(dash + 1, &w.to_min) ||
        w.from_min == w.to_min || w.from_min == DAY_MIN)
        return CE_BAD_INPUT;
    memcpy(w.zone, zone, sizeof w.zone);
    *ret = w;
    return 0;
}

int policy_hours_parse(const char *text, struct policy *policy)
{
    struct policy_window windows[POLICY_WINDOWS_MAX] = {{0}};
    char item[160];
    unsigned count = 0;
    bool any = !strcmp(text, "any");
    while (!any && (*text || !count)) {
        if (count == POLICY_WINDOWS_MAX || !item_next(&text, ";", item, sizeof item) ||
            window_parse(item, &windows[count]))
            return CE_BAD_INPUT;
        count++;
    }
    memcpy(policy->windows, windows, sizeof windows);
    policy->window_count = count;
    return 0;
}

static void days_print(uint8_t days, char *ret, size_t size)
{
    bool first = true;
    if (days == EVERY_DAY) {
        append(ret, size, "daily");
        return;
    }
    for (unsigned day = 0; day < DAYS; day++) {
        unsigned last = day;
        if (!(days & 1U << day))
            continue;
        while (last + 1 < DAYS && days & 1U << (last + 1))
            last++;
        append(ret, size, "%s%s", first ? "" : ",", day_names[day]);
        if (last > day)
            append(ret, size, "%s%s", last > day + 1 ? "-" : ",", day_names[last]);
        first = false;
        day = last;
    }
}

void policy_hours_print(const struct policy *policy, char *ret, size_t size)
{
    snprintf(ret, size, "%s", policy->window_count ? "" : "any");
    for (unsigned i = 0; i < policy->window_count; i++) {
        const struct policy_window *w = &policy->windows[i];
        append(ret, size, "%s", i ? "; " : "");
        days_print(w->days, ret, size);
        append(ret, size, " %02u:%02u-%02u:%02u%s%s", w->from_min / 60, w->from_min % 60, w->to_min / 60,
               w->to_min % 60, w->zone[0] ? " " : "", w->zone);
    }
}

/* --- networks ------------------------------------------------------------------------------------- */

/* Bits behind the prefix are cleared: 10.1.2.3/8 is 10.0.0.0/8. */
static void network_mask(struct policy_network *network)
{
    for (unsigned i = 0; i < sizeof network->address; i++) {
        unsigned bits = network->bits > i * 8 ? network->bits - i * 8 : 0;
        if (bits < 8)
            network->address[i] = (uint8_t)(network->address[i] & ~(0xffU >> bits));
    }
}

static int network_parse(char *text, struct policy_network *ret)
{
    struct policy_network network = {0};
    char *slash = strchr(text, '/');
    if (slash)
        *slash++ = '\0';
    network.is_v6 = inet_pton(AF_INET6, text, network.address) == 1;
    if (!network.is_v6 && inet_pton(AF_INET, text, network.address) != 1)
        return CE_BAD_INPUT;
    unsigned most = network.is_v6 ? 128 : 32, bits = most;
    if (slash) {
        size_t digits = strspn(slash, "0123456789");
        if (!digits || digits > 3 || slash[digits] || sscanf(slash, "%u", &bits) != 1 || bits > most)
            return CE_BAD_INPUT;
    }
    network.bits = (uint8_t)bits;
    network_mask(&network);
    *ret = network;
    return 0;
}

int policy_networks_parse(const char *text, struct policy *policy)
{
    struct policy_network networks[POLICY_NETWORKS_MAX] = {{0}};
    char item[INET6_ADDRSTRLEN + 8];
    unsigned count = 0;
    bool any = !strcmp(text, "any");
    while (!any && (*text || !count)) {
        if (count == POLICY_NETWORKS_MAX || !item_next(&text, ",", item, sizeof item) ||
            network_parse(item, &networks[count]))
            return CE_BAD_INPUT;
        count++;
    }
    memcpy(policy->networks, networks, sizeof networks);
    policy->network_count = count;
    return 0;
}

void policy_networks_print(const struct policy *policy, char *ret, size_t size)
{
    snprintf(ret, size, "%s", policy->network_count ? "" : "any");
    for (unsigned i = 0; i < policy->network_count; i++) {
        const struct policy_network *network = &policy->networks[i];
        char address[INET6_ADDRSTRLEN] = "";
        (void)inet_ntop(network->is_v6 ? AF_INET6 : AF_INET, network->address, address, sizeof address);
        append(ret, size, "%s%s/%u", i ? "," : "", address, network->bits);
    }
}
