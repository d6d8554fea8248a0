#include "zone.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"
#define ZONE_OWN "/etc/localtime"

enum { DAY_S = 24 * 3600, HEADER_LEN = 44, RULE_MAX_LEN = 127 };

/* ---- the rule of a footer: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

struct rule_day {
    char kind; /* 'M' month, week, weekday; 'J' day without leap days, from 1; '0' day from 0 */
    int month, week, day;
    int32_t time_s;
};

struct rule {
    int32_t standard_s, summer_s; /* ahead of UTC */
    bool has_summer;
    struct rule_day begin, end;
};

static bool take(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static int number_read(const char **at, int max, int *ret)
{
    int n = 0;
    if (!isdigit((unsigned char)**at))
        return CE_BAD_INPUT;
    for (; isdigit((unsigned char)**at); ++*at) {
        n = n * 10 + (**at - '0');
        if (n > max)
            return CE_BAD_INPUT;
    }
    *ret = n;
    return 0;
}

/* [+-]hh[:mm[:ss]] */
static int clock_read(const char **at, int32_t *ret_s)
{
    int sign = take(at, '-') ? -1 : 1, hours = 0, minutes = 0, seconds = 0;
    if (sign > 0)
        (void)take(at, '+');
    int rc = number_read(at, 167, &hours);
    if (!rc && take(at, ':'))
        rc = number_read(at, 59, &minutes);
    if (!rc && take(at, ':'))
        rc = number_read(at, 59, &seconds);
    if (!rc)
        *ret_s = sign * (hours * 3600 + minutes * 60 + seconds);
    return rc;
}

/* An abbreviation: at least three letters, or anything in angle brackets. */
static int abbreviation_skip(const char **at)
{
    if (take(at, '<')) {
        *at += strcspn(*at, ">");
        return take(at, '>') ? 0 : CE_BAD_INPUT;
    }
    const char *start = *at;
    while (isalpha((unsigned char)**at))
        ++*at;
    return *at - start >= 3 ? 0 : CE_BAD_INPUT;
}

static int rule_day_read(const char **at, struct rule_day *ret)
{
    struct rule_day day = {.kind = '0', .time_s = 2 * 3600};
    int rc = CE_BAD_INPUT;
    if (take(at, 'M')) {
        day.kind = 'M';
        rc = number_read(at, 12, &day.month);
        if (!rc && (!take(at, '.') || number_read(at, 5, &day.week) || !take(at, '.') ||
                    number_read(at, 6, &day.day) || !day.month || !day.week))
            rc = CE_BAD_INPUT;
    } else {
        day.kind = take(at, 'J') ? 'J' : '0';
        rc = number_read(at, day.kind == 'J' ? 365 : 366, &day.day);
        if (!rc && day.kind == 'J' && !day.day)
            rc = CE_BAD_INPUT;
    }
    if (!rc && take(at, '/'))
        rc = clock_read(at, &day.time_s);
    if (!rc)
        *ret = day;
    return rc;
}

static int rule_read(const char *text, struct rule *ret)
{
    struct rule rule = {0};
    int32_t west_s;
    int rc = abbreviation_skip(&text);
    if (!rc)
        rc = clock_read(&text, &west_s);
    if (rc)
        return rc;
    rule.standard_s = -west_s;
    if (*text) {
        rule.has_summer = true;
        rule.summer_s = rule.standard_s + 3600;
        rc = abbreviation_skip(&text);
        if (!rc && *text && *text != ',') {
            rc = clock_read(&text, &west_s);
            rule.summer_s = -west_s;
        }
        if (!rc && (!take(&text, ',') || rule_day_read(&text, &rule.begin) || !take(&text, ',') ||
                    rule_day_read(&text, &rule.end) || *text))
            rc = CE_BAD_INPUT;
    }
    if (!rc)
        *ret = rule;
    return rc;
}

/* Days from 1970-01-01 to the first day of the month, in the Gregorian calendar. */
static int64_t days_to(int64_t year, int month)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t year_of(int64_t days)
{
    int64_t year = 1970 + days / 366;
    while (days_to(year + 1, 1) <= days)
        year++;
    while (days_to(year, 1) > days)
        year--;
    return year;
}

/* Seconds since 1970 of the clocks' own time. */
static int64_t rule_day_at(const struct rule_day *rule, int64_t year)
{
    int64_t days = days_to(year, 1);
    if (rule->kind == 'J') {
        days += rule->day - 1 + (is_leap(year) && rule->day > 59);
    } else if (rule->kind == '0') {
        days += rule->day;
    } else {
        int64_t first = days_to(year, rule->month);
        int64_t behind = rule->month == 12 ? days_to(year + 1, 1) : days_to(year, rule->month + 1);
        int weekday = (int)(((first + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
        days = first + (rule->day - weekday + 7) % 7 + (int64_t)(rule->week - 1) * 7;
        while (days >= behind)
            days -= 7;
    }
    return days * DAY_S + rule->time_s;
}

static int32_t rule_offset(const struct rule *rule, int64_t at_s)
{
    if (!rule->has_summer)
        return rule->standard_s;
    int64_t local_s = at_s + rule->standard_s;
    int64_t year = year_of(local_s >= 0 ? local_s / DAY_S : -((-local_s + DAY_S - 1) / DAY_S));
    int64_t begin_s = rule_day_at(&rule->begin, year) - rule->standard_s;
    int64_t end_s = rule_day_at(&rule->end, year) - rule->summer_s;
    bool summer = begin_s < end_s ? at_s >= begin_s && at_s < end_s : !(at_s >= end_s && at_s < begin_s);
    return summer ? rule->summer_s : rule->standard_s;
}

/* ---- the file ---- */

struct zone_header {
    uint8_t version;
    uint32_t ut_count, std_count, leap_count, time_count, type_count, char_count;
};

static int header_read(struct cursor *c, struct zone_header *ret)
{
    const uint8_t *magic = cursor_take(c, 4);
    ret->version = cursor_u8(c);
    cursor_skip(c, 15);
    ret->ut_count = cursor_u32_be(c);
    ret->std_count = cursor_u32_be(c);
    ret->leap_count = cursor_u32_be(c);
    ret->time_count = cursor_u32_be(c);
    ret->type_count = cursor_u32_be(c);
    ret->char_count = cursor_u32_be(c);
    /* Counts beyond the file's size would overrun the cursor anyway; this keeps the sums small. */
    if (!cursor_ok(c) || memcmp(magic, "TZif", 4) || ret->ut_count > ZONE_FILE_MAX ||
        ret->std_count > ZONE_FILE_MAX || ret->leap_count > ZONE_FILE_MAX ||
        ret->time_count > ZONE_FILE_MAX || ret->type_count > ZONE_FILE_MAX || ret->char_count > ZONE_FILE_MAX)
        return CE_BAD_INPUT;
    return 0;
}

static size_t behind_types(const struct zone_header *h, size_t time_size)
{
    return (size_t)h->char_count + h->leap_count * (time_size + 4) + h->std_count + h->ut_count;
}

static int64_t cursor_i64_be(struct cursor *c)
{
    uint64_t high = cursor_u32_be(c);
    return (int64_t)(high << 32 | cursor_u32_be(c));
}

/* The transition in force at AT_S: its number, from 1; 0 where AT_S is before the first one. */
static uint32_t transition_find(struct cursor times, uint32_t count, int64_t at_s)
{
    uint32_t found = 0;
    for (uint32_t i = 1; i <= count; i++) {
        if (cursor_i64_be(&times) <= at_s)
            found = i;
    }
    return found;
}

static int type_offset(struct cursor types, uint32_t count, uint8_t type, int32_t *ret)
{
    if (type >= count)
        return CE_BAD_INPUT;
    cursor_skip(&types, (size_t)type * 6);
    int32_t offset = (int32_t)cursor_u32_be(&types);
    /* RFC 8536: not less than -25 hours, not more than 26 */
    if (!cursor_ok(&types) || offset < -25 * 3600 || offset > 26 * 3600)
        return CE_BAD_INPUT;
    *ret = offset;
    return 0;
}

static int footer_offset(struct cursor c, int64_t at_s, int32_t *ret)
{
    char text[RULE_MAX_LEN + 1];
    struct rule rule;
    size_t len = cursor_left(&c);
    if (len < 3 || len - 2 > RULE_MAX_LEN || cursor_u8(&c) != '\n')
        return CE_NOT_FOUND;
    memcpy(text, c.at, len - 2);
    text[len - 2] = '\0';
    int rc = rule_read(text, &rule);
    if (!rc)
        *ret = rule_offset(&rule, at_s);
    return rc;
}

int zone_offset_of(const uint8_t *file, size_t len, int64_t at_s, int32_t *ret_offset_s)
{
    struct cursor c = cursor_init(file, len);
    struct zone_header h = {0};
    if (header_read(&c, &h) || h.version < '2')
        return CE_BAD_INPUT;
    /* The first block is for readers of 32-bit times. */
    cursor_skip(&c, (size_t)h.time_count * 5 + (size_t)h.type_count * 6 + behind_types(&h, 4));
    if (header_read(&c, &h))
        return CE_BAD_INPUT;
    struct cursor times = cursor_sub(&c, (size_t)h.time_count * 8);
    struct cursor indexes = cursor_sub(&c, h.time_count);
    struct cursor types = cursor_sub(&c, (size_t)h.type_count * 6);
    cursor_skip(&c, behind_types(&h, 8));
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    uint32_t found = transition_find(times, h.time_count, at_s);
    if (found == h.time_count) {
        int rc = footer_offset(c, at_s, ret_offset_s);
        if (rc != CE_NOT_FOUND)
            return rc;
    }
    cursor_skip(&indexes, found ? found - 1 : 0);
    return type_offset(types, h.type_count, found ? cursor_u8(&indexes) : 0, ret_offset_s);
}

int zone_load(struct zone *ret, const char *zone)
{
    char path[256];
    *ret = (struct zone){0};
    snprintf(path, sizeof path, "%s%s", *zone ? ZONE_FOLDER : ZONE_OWN, zone);
    FILE *file = fopen(path, "rbe");
    if (!file)
        return *zone ? CE_NOT_FOUND : 0; /* a machine without a time zone of its own lives in UTC */
    struct zone loaded = {.file = malloc(ZONE_FILE_MAX + 1)};
    int32_t offset_s;
    loaded.len = loaded.file ? fread(loaded.file, 1, ZONE_FILE_MAX + 1, file) : 0;
    int rc = !loaded.file   ? CE_NOMEM
             : ferror(file) ? CE_NOT_FOUND /* a folder */
             : !loaded.len || loaded.len > ZONE_FILE_MAX
                 ? CE_BAD_INPUT
                 : zone_offset_of(loaded.file, loaded.len, 0, &offset_s);
    (void)fclose(file);
    if (rc)
        zone_unload(&loaded);
    else
        *ret = loaded;
    return rc;
}

void zone_unload(struct zone *zone)
{
    free(zone->file);
    *zone = (struct zone){0};
}

int32_t zone_offset_at(const struct zone *zone, int64_t at_s)
{
    int32_t offset_s = 0;
    if (zone->file && zone_offset_of(zone->file, zone->len, at_s, &offset_s))
        return 0;
    return offset_s;
}

int zone_offset(const char *zone, int64_t at_s, int32_t *ret_offset_s)
{
    struct zone loaded;
    int rc = zone_load(&loaded, zone);
    if (!rc)
        rc = loaded.file ? zone_offset_of(loaded.file, loaded.len, at_s, ret_offset_s) : 0;
    if (!rc && !loaded.file)
        *ret_offset_s = 0;
    zone_unload(&loaded);
    return rc;
}
