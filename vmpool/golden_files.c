#include "golden_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>

#include "boottime.h"
#include "json_cleanup.h"

#define MANIFEST_VERSION 1
#define MANIFEST_MAX 65536
#define CHUNK_BYTES 262144
#define SUM_BYTES crypto_generichash_BYTES

static const char *const parts[] = {"qcow2", "ram", "state"};
#define PARTS (sizeof parts / sizeof parts[0])

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

bool golden_id_is_valid(const char *text)
{
    size_t prefix = sizeof GOLDEN_PREFIX - 1;
    return strlen(text) == prefix + 16 && !strncmp(text, GOLDEN_PREFIX, prefix) &&
           strspn(text + prefix, "0123456789abcdef") == 16;
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

static int sum_open(int fd, char *chunk, char ret_hex[SUM_BYTES * 2 + 1], uint64_t *ret_bytes)
{
    crypto_generichash_state state;
    unsigned char sum[SUM_BYTES];
    uint64_t total = 0;
    (void)crypto_generichash_init(&state, NULL, 0, sizeof sum);
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (!n)
            break;
        total += (uint64_t)n;
        (void)crypto_generichash_update(&state, (const unsigned char *)chunk, (unsigned long long)n);
    }
    (void)crypto_generichash_final(&state, sum, sizeof sum);
    sodium_bin2hex(ret_hex, SUM_BYTES * 2 + 1, sum, sizeof sum);
    *ret_bytes = total;
    return 0;
}

static int sum_file(const char *path, char ret_hex[SUM_BYTES * 2 + 1], uint64_t *ret_bytes, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? CE_BAD_INPUT : CE_IO, "%s: %s", path, strerror(errno));
    char *chunk = malloc(CHUNK_BYTES);
    int failed = chunk ? sum_open(fd, chunk, ret_hex, ret_bytes) : ENOMEM;
    free(chunk);
    close(fd);
    return failed ? error_set(err, CE_IO, "%s: %s", path, strerror(failed)) : 0;
}

/* --- the manifest ---------------------------------------------------------------------------------------- */

/* Beside its place and renamed, so that it is whole or not there. */
static int write_manifest(const char *path, const json_t *json, struct error *err)
{
    char part[GOLDEN_PATH_SIZE + 8];
    snprintf(part, sizeof part, "%s.new", path);
    FILE *out = fopen(part, "we");
    bool ok = out && !json_dumpf(json, out, JSON_INDENT(2)) && !fflush(out) && !fsync(fileno(out));
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
    const char *dir = place->dir;
    char path[GOLDEN_PATH_SIZE];
    CLEANUP_JSON json_t *files = json_object();
    for (size_t i = 0; i < PARTS; i++) {
        char hex[SUM_BYTES * 2 + 1];
        uint64_t bytes = 0;
        golden_path(dir, manifest->id, parts[i], path);
        int rc = sum_file(path, hex, &bytes, err);
        if (rc)
            return rc;
        json_object_set_new(files, parts[i],
                            json_pack("{s:I, s:s}", "bytes", (json_int_t)bytes, "blake2b", hex));
    }
    CLEANUP_JSON json_t *json = json_pack("{s:i, s:s, s:s, s:O}", "version", MANIFEST_VERSION, "id",
                                          manifest->id, "image", manifest->image_id, "files", files);
    if (!json)
        return error_set(err, CE_NOMEM, "out of memory");
    golden_path(dir, manifest->id, "json", path);
    int rc = may_change(place, err);
    return rc ? rc : write_manifest(path, json, err);
}

static int check_part(const char *dir, const char *id, const char *part, const json_t *file,
                      struct error *err)
{
    char path[GOLDEN_PATH_SIZE], hex[SUM_BYTES * 2 + 1];
    uint64_t bytes = 0;
    const char *sum = json_string_value(json_object_get(file, "blake2b"));
    json_int_t size = json_integer_value(json_object_get(file, "bytes"));
    golden_path(dir, id, part, path);
    int rc = sum_file(path, hex, &bytes, err);
    if (!rc && (!sum || strcmp(sum, hex) != 0 || (json_int_t)bytes != size))
        rc = error_set(err, CE_BAD_INPUT, "%s is not as it was when it was sealed", path);
    return rc;
}

int golden_files_check(const char *dir, const char *id, struct golden_manifest *ret, struct error *err)
{
    char path[GOLDEN_PATH_SIZE];
    golden_path(dir, id, "json", path);
    struct stat st;
    if (stat(path, &st))
        return error_set(err, CE_NOT_FOUND, "%s: %s", path, strerror(errno));
    CLEANUP_JSON json_t *json = st.st_size <= MANIFEST_MAX ? json_load_file(path, 0, NULL) : NULL;
    const char *own = json_string_value(json_object_get(json, "id"));
    const char *image = json_string_value(json_object_get(json, "image"));
    if (json_integer_value(json_object_get(json, "version")) != MANIFEST_VERSION || !own ||
        strcmp(own, id) != 0 || !image)
        return error_set(err, CE_BAD_INPUT, "%s is no manifest of this version", path);
    const json_t *files = json_object_get(json, "files");
    for (size_t i = 0; i < PARTS; i++) {
        int rc = check_part(dir, id, parts[i], json_object_get(files, parts[i]), err);
        if (rc)
            return rc;
    }
    *ret = (struct golden_manifest){0};
    snprintf(ret->id, sizeof ret->id, "%s", id);
    snprintf(ret->image_id, sizeof ret->image_id, "%s", image);
    return 0;
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
        const char *name = entries[i]->d_name;
        size_t len = strcspn(name, ".");
        snprintf(id, sizeof id, "%.*s", len < ID_SIZE ? (int)len : 0, name);
        if (golden_id_is_valid(id) && strcmp(id, last) != 0) {
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
    static const char *const all[] = {"json", "json.new", "state", "ram", "qcow2", "serial.log"};
    int rc = may_change(place, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char path[GOLDEN_PATH_SIZE];
        golden_path(place->dir, id, all[i], path);
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
