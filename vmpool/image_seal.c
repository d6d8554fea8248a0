#include "image_seal.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image_files.h"

#define SEAL_NAME "disk.seal"

int image_seal_write(const char *folder, struct error *err)
{
    char disk[PATH_MAX], path[PATH_MAX];
    struct stat st;
    int n = snprintf(disk, sizeof disk, "%s/disk.qcow2", folder);
    int m = snprintf(path, sizeof path, "%s/" SEAL_NAME, folder);
    if (n < 0 || n >= PATH_MAX || m < 0 || m >= PATH_MAX)
        return error_set(err, CE_LIMIT, "a path in the image is too long");
    if (stat(disk, &st))
        return image_files_error(err, "cannot find", disk);
    FILE *file = fopen(path, "we");
    if (!file)
        return image_files_error(err, "cannot write", path);
    fprintf(file, "carrel-seal 1 bytes=%jd changed=%jd\n", (intmax_t)st.st_size, (intmax_t)st.st_mtime);
    bool bad = ferror(file) || fflush(file) || fsync(fileno(file));
    return fclose(file) || bad ? image_files_error(err, "cannot write", path) : 0;
}

static void say_time(intmax_t at_s, char *ret, size_t size)
{
    time_t at = (time_t)at_s;
    struct tm tm;
    if (!gmtime_r(&at, &tm) || !strftime(ret, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(ret, size, "%jd", at_s);
}

int image_seal_check(const char *disk, struct error *err)
{
    struct stat st;
    if (!*disk)
        return 0;
    if (stat(disk, &st))
        return error_set(err, CE_NOT_FOUND, "the golden disk %.200s cannot be found: %s", disk,
                         strerror(errno));
    char path[PATH_MAX];
    const char *slash = strrchr(disk, '/');
    int n =
        snprintf(path, sizeof path, "%.*s/" SEAL_NAME, slash ? (int)(slash - disk) : 1, slash ? disk : ".");
    FILE *file = n > 0 && n < PATH_MAX ? fopen(path, "re") : NULL;
    if (!file)
        return 0;
    intmax_t bytes = 0, changed_s = 0;
    int got = fscanf(file, "carrel-seal 1 bytes=%jd changed=%jd", &bytes, &changed_s);
    (void)fclose(file);
    if (got != 2 || (bytes == (intmax_t)st.st_size && changed_s == (intmax_t)st.st_mtime))
        return 0;
    char was[32], is[32];
    say_time(changed_s, was, sizeof was);
    say_time((intmax_t)st.st_mtime, is, sizeof is);
    return error_set(err, CE_BAD_INPUT,
                     "the golden disk %.120s has %jd bytes of %s and was imported with %jd bytes of %s: put "
                     "that one back, or import the image again",
                     disk, (intmax_t)st.st_size, is, bytes, was);
}
