#include "format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *format_bytes(char *text, size_t size, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double n = (double)bytes;
    while (n >= 1023.95 && unit < 6) {
        n /= 1024;
        unit++;
    }
    /* 1.4 GiB, but 12 MiB, 2 GiB and 512 KiB. */
    double part = n - (double)(uint64_t)n;
    bool whole = unit == 0 || n >= 9.95 || part < 0.05 || part >= 0.95;
    snprintf(text, size, "%.*f %s", whole ? 0 : 1, n, units[unit]);
    return text;
}

const char *format_age(char *text, size_t size, int64_t age_s)
{
    if (age_s < 1) /* a clock a little ahead of ours */
        snprintf(text, size, "now");
    else if (age_s < 60)
        snprintf(text, size, "%lld s", (long long)age_s);
    else if (age_s < 3600)
        snprintf(text, size, "%lld min", (long long)(age_s / 60));
    else if (age_s < 48 * 3600)
        snprintf(text, size, "%lld h", (long long)(age_s / 3600));
    else
        snprintf(text, size, "%lld days", (long long)(age_s / 86400));
    return text;
}

bool format_parse_time(const char *text, int64_t *ret_s)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        return false;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (strcmp(rest, "Z"))
        return false;
    *ret_s = timegm(&tm);
    return true;
}

const char *format_local_time(char *text, size_t size, int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm tm;
    if (!localtime_r(&at, &tm) || !strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm))
        snprintf(text, size, "%lld", (long long)at_s);
    return text;
}

const char *format_clean(char *text, size_t size, const char *words)
{
    size_t n = 0;
    for (const unsigned char *c = (const unsigned char *)words; *c && n + 1 < size; c++) {
        /* C1 controls are 0xc2 0x80..0x9f in UTF-8; some terminals obey them. */
        bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
        text[n++] = *c < 0x20 || *c == 0x7f || c1 ? '?' : (char)*c;
        c += c1;
    }
    if (size)
        text[n] = '\0';
    return text;
}
