#include "golden_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boottime.h"

#define CHUNK_BYTES 262144

void golden_path(const char *dir, const char *id, const char *suffix, char ret[GOLDEN_PATH_SIZE])
{
    snprintf(ret, GOLDEN_PATH_SIZE, "%.1000s/%.40s.%.16s", dir, id, suffix);
}

void golden_files_dir(const char *golden_dir, const char *host_id, char ret[GOLDEN_DIR_SIZE])
{
    snprintf(ret, GOLDEN_DIR_SIZE, "%.900s/%.40s", golden_dir, host_id);
}

/* QEMU runs as another user, who has to pass through to the files that it is told of, and need not list them.
 * Where vmpool.golden_dir hands its group on (setgid), that is QEMU's; a chmod would take it away again. */
int golden_files_make_dir(const char *dir, struct error *err)
{
    struct stat st;
    if ((mkdir(dir, 0711) && errno != EEXIST) || stat(dir, &st) ||
        (!(st.st_mode & S_ISGID) && chmod(dir, 0711)))
        return error_set(err, CE_IO, "cannot make %s: %s", dir, strerror(errno));
    return 0;
}

static int may_change(const struct golden_place *place, struct error *err)
{
    if (!place->until_ns || boottime_ns() < atomic_load(place->until_ns))
        return 0;
    return error_set(err, CE_CANCELLED, "the host's lease has run out");
}

int golden_files_make_ram(const char *dir, const char *id, uint64_t bytes, struct error *err)
{
    char path[GOLDEN_PATH_SIZE];
    golden_path(dir, id, "ram", path);
    (void)unlink(path); /* clones of an older one have it mapped: theirs stays as it is */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (fd < 0)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    int failed = ftruncate(fd, (off_t)bytes) || fchmod(fd, 0660) ? errno : 0; /* QEMU's group writes, too */
    close(fd);
    return failed ? error_set(err, failed == ENOSPC ? CE_NO_SPACE : CE_IO, "%s: %s", path, strerror(failed))
                  : 0;
}

/* --- checksums ------------------------------------------------------------------------------------------- */

static int sum_open(int fd, char *chunk, struct golden_sum *ret)
{
    struct golden_summing summing;
    golden_sum_begin(&summing);
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (!n)
            break;
        golden_sum_add(&summing, chunk, (size_t)n);
    }
    golden_sum_end(&summing, ret);
    return 0;
}

static int sum_file(const char *path, struct golden_sum *ret, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? CE_BAD_INPUT : CE_IO, "%s: %s", path, strerror(errno));
    char *chunk = malloc(CHUNK_BYTES);
    int failed = chunk ? sum_open(fd, chunk, ret) : ENOMEM;
    free(chunk);
    close(fd);
    return failed ? error_set(err, CE_IO, "%s: %s", path, strerror(failed)) : 0;
}

/* --- the manifest ---------------------------------------------------------------------------------------- */

/* Beside its place and renamed, so that it is whole or not there. */
static int write_manifest(const char *path, const char *text, struct error *err)
{
    char part[GOLDEN_PATH_SIZE + 8];
    snprintf(part, sizeof part, "%s.new", path);
    FILE *out = fopen(part, "we");
    bool ok = out && fputs(text, out) >= 0 && !fflush(out) && !fsync(fileno(out));
    if (out)
        ok = !fclose(out) && ok;
    if (ok && !rename(part, path))
        return 0;
    int rc = error_set(err, errno == ENOSPC ? CE_NO_SPACE : CE_IO, "%s: %s", part, strerror(errno));
    (void)unlink(part);
    return rc;
}

int golden_files_seal(const struct golden_place *place, const struct golden_manifest *manifest,
                      struct error *err)
{
    struct golden_sum sums[GOLDEN_PARTS];
    char path[GOLDEN_PATH_SIZE];
    for (size_t i = 0; i < GOLDEN_PARTS; i++) {
        golden_path(place->dir, manifest->id, golden_parts[i], path);
        int rc = sum_file(path, &sums[i], err);
        if (rc)
            return rc;
    }
    char *text = golden_manifest_text(manifest, sums);
    if (!text)
        return error_set(err, CE_NOMEM, "out of memory");
    golden_path(place->dir, manifest->id, "json", path);
    int rc = may_change(place, err);
    if (!rc)
        rc = write_manifest(path, text, err);
    free(text);
    return rc;
}

static int read_manifest(const char *dir, const char *id, struct golden_manifest *ret,
                         struct golden_sum ret_sums[GOLDEN_PARTS], struct error *err)
{
    char path[GOLDEN_PATH_SIZE], text[GOLDEN_MANIFEST_MAX];
    golden_path(dir, id, "json", path);
    FILE *in = fopen(path, "re");
    if (!in)
        return error_set(err, errno == ENOENT ? CE_NOT_FOUND : CE_IO, "%s: %s", path, strerror(errno));
    size_t len = fread(text, 1, sizeof text, in);
    fclose(in);
    return golden_manifest_read(text, len, id, path, ret, ret_sums, err);
}

int golden_files_check(const char *dir, const char *id, struct golden_manifest *ret, struct error *err)
{
    struct golden_sum sealed[GOLDEN_PARTS], now;
    int rc = read_manifest(dir, id, ret, sealed, err);
    for (size_t i = 0; !rc && i < GOLDEN_PARTS; i++) {
        char path[GOLDEN_PATH_SIZE];
        golden_path(dir, id, golden_parts[i], path);
        rc = sum_file(path, &now, err);
        if (!rc && !golden_sum_equal(&now, &sealed[i]))
            rc = error_set(err, CE_BAD_INPUT, "%s is not as it was when it was sealed", path);
    }
    return rc;
}

/* --- the folder ------------------------------------------------------------------------------------------ */

int golden_files_list(const char *dir, void (*each)(void *arg, const char *id), void *arg, struct error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, NULL, alphasort); /* one id's files follow one another */
    if (count < 0)
        return error_set(err, CE_IO, "%s: %s", dir, strerror(errno));
    char last[ID_SIZE] = "";
    for (int i = 0; i < count; i++) {
        char id[ID_SIZE];
        if (golden_id_of_file(entries[i]->d_name, id) && strcmp(id, last) != 0) {
            each(arg, id);
            memcpy(last, id, sizeof last);
        }
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int golden_files_remove(const struct golden_place *place, const char *id, struct error *err)
{
    int rc = may_change(place, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < GOLDEN_SUFFIXES; i++) {
        char path[GOLDEN_PATH_SIZE];
        golden_path(place->dir, id, golden_suffixes[i], path);
        if (unlink(path) && errno != ENOENT)
            return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

static void remove_listed(void *arg, const char *id)
{
    struct error ignored = {0};
    (void)!golden_files_remove(arg, id, &ignored);
}

void golden_files_sweep(const char *golden_dir, int64_t before_s,
                        bool (*gone)(void *arg, const char *host_id), void *arg)
{
    struct dirent **entries = NULL;
    int count = scandir(golden_dir, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct golden_place place = {0};
        struct stat st;
        struct error ignored = {0};
        golden_files_dir(golden_dir, name, place.dir);
        if (!strncmp(name, "h-", 2) && !lstat(place.dir, &st) && S_ISDIR(st.st_mode) &&
            st.st_mtime < before_s && gone(arg, name)) {
            (void)!golden_files_list(place.dir, remove_listed, &place, &ignored);
            (void)rmdir(place.dir); /* not when something else lies in it */
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}
