#include "watched.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int watched_parse(struct watched *ret, const char *text, struct error *err)
{
    const char *equals = strchr(text, '=');
    char *end;
    if (!equals || equals == text || (size_t)(equals - text) >= sizeof ret->name)
        return error_set(err, CE_BAD_INPUT, "'%s' is not NAME=PID", text);
    long pid = strtol(equals + 1, &end, 10);
    if (pid <= 0 || *end)
        return error_set(err, CE_BAD_INPUT, "'%s' has no process id", text);
    struct watched w = {.pid = (pid_t)pid};
    snprintf(w.name, sizeof w.name, "%.*s", (int)(equals - text), text);
    if (!watched_cpu_ns(&w))
        return error_set(err, CE_NOT_FOUND, "there is no process %ld to watch", pid);
    *ret = w;
    return 0;
}

uint64_t watched_cpu_ns(const struct watched *w)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(w->pid, &clock) || clock_gettime(clock, &t))
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t watched_memory_bytes(const struct watched *w)
{
    char path[64], line[256];
    uint64_t kib = 0, part;
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)w->pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "Private_Clean: %" SCNu64, &part) == 1 ||
            sscanf(line, "Private_Dirty: %" SCNu64, &part) == 1)
            kib += part;
    }
    fclose(file);
    return kib * 1024;
}
