#include "image_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_seal.h"

#define JSON_MAX_BYTES 65536
#define HEAD_BYTES 131072 /* where every boot record and file system has its mark */

int image_files_error(struct error *err, const char *what, const char *path)
{
    int code = errno == ENOENT ? CE_NOT_FOUND : errno == ENOSPC || errno == EDQUOT ? CE_NO_SPACE : CE_IO;
    return error_set(err, code, "%s %.250s: %s", what, path, strerror(errno));
}

/* Up to SIZE bytes from the beginning. */
static int read_head(const char *path, void *bytes, size_t size, size_t *ret_len, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return image_files_error(err, "cannot open", path);
    size_t len = 0;
    ssize_t got = 1;
    while (len < size && (got = read(fd, (char *)bytes + len, size - len)) > 0)
        len += (size_t)got;
    int rc = got < 0 ? image_files_error(err, "cannot read", path) : 0;
    close(fd);
    if (!rc)
        *ret_len = len;
    return rc;
}

static int require_file(const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st))
        return image_files_error(err, "cannot find", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, CE_BAD_INPUT, "%.250s is not a file", path);
    if (!st.st_size)
        return error_set(err, CE_BAD_INPUT, "%.250s is empty", path);
    if (access(path, R_OK))
        return image_files_error(err, "cannot read", path);
    return 0;
}

static int join(char ret[PATH_MAX], const char *folder, const char *name, struct error *err)
{
    int n = snprintf(ret, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX ? 0 : error_set(err, CE_LIMIT, "a path in the image is too long");
}

static int inspect_folder(struct image_source *s, struct error *err)
{
    char path[PATH_MAX];
    char *text = malloc(JSON_MAX_BYTES);
    size_t len = 0;
    int rc = text ? join(path, s->folder, "image.json", err) : error_set(err, CE_NOMEM, "out of memory");
    if (!rc)
        rc = read_head(path, text, JSON_MAX_BYTES, &len, err);
    if (rc == CE_NOT_FOUND)
        rc = error_set(err, rc, "the folder %.250s has no image.json", s->folder);
    if (!rc)
        rc = image_json_parse(text, len, &s->json, err);
    free(text);
    if (rc)
        return rc;
    s->has_json = true;
    rc = join(s->disk, s->folder, s->json.disk, err);
    if (!rc && *s->json.kernel)
        rc = join(s->kernel, s->folder, s->json.kernel, err);
    if (!rc && *s->json.initrd)
        rc = join(s->initrd, s->folder, s->json.initrd, err);
    return rc;
}

static int inspect(const char *source, struct image_source *s, struct error *err)
{
    struct stat st;
    if (*source != '/')
        return error_set(err, CE_BAD_INPUT, "the source must be an absolute path");
    if (!realpath(source, s->disk))
        return image_files_error(err, "cannot find", source);
    if (stat(s->disk, &st))
        return image_files_error(err, "cannot find", source);
    memcpy(s->folder, s->disk, sizeof s->folder);
    int rc = 0;
    if (S_ISDIR(st.st_mode))
        rc = inspect_folder(s, err);
    else
        *strrchr(s->folder, '/') = 0;
    if (!rc)
        rc = require_file(s->disk, err);
    if (!rc && *s->kernel)
        rc = require_file(s->kernel, err);
    if (!rc && *s->initrd)
        rc = require_file(s->initrd, err);
    if (rc)
        return rc;
    char *head = malloc(HEAD_BYTES);
    size_t len = 0;
    rc = head ? read_head(s->disk, head, HEAD_BYTES, &len, err) : error_set(err, CE_NOMEM, "out of memory");
    if (!rc)
        s->plausible_raw = raw_disk_is_plausible(head, len, *s->kernel != 0);
    free(head);
    return rc;
}

int image_files_inspect(const char *source, struct image_source *ret, struct error *err)
{
    struct image_source *s = calloc(1, sizeof *s);
    if (!s)
        return error_set(err, CE_NOMEM, "out of memory");
    int rc = inspect(source, s, err);
    if (!rc)
        *ret = *s;
    free(s);
    return rc;
}

int image_files_remove(const char *folder, struct error *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ? 0 : image_files_error(err, "cannot open", folder);
    int rc = 0;
    for (const struct dirent *entry; !rc && (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) && errno != ENOENT)
            rc = image_files_error(err, "cannot remove", entry->d_name);
    }
    closedir(dir);
    if (!rc && rmdir(folder) && errno != ENOENT)
        rc = image_files_error(err, "cannot remove", folder);
    return rc;
}

int image_files_prepare(const char *folder, struct error *err)
{
    int rc = image_files_remove(folder, err);
    if (rc)
        return rc;
    /* The hypervisor runs as another user and must get at the golden disk. */
    if (mkdir(folder, 0755) || chmod(folder, 0755))
        return image_files_error(err, "cannot make", folder);
    return 0;
}

static int copy_file(const char *from, const char *to, struct error *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return image_files_error(err, "cannot open", from);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t got = out < 0 ? -1 : 1;
    while (got > 0)
        got = copy_file_range(in, NULL, out, NULL, 1 << 20, 0);
    int rc = got < 0 ? image_files_error(err, "cannot write", to) : 0;
    if (!rc && (fchmod(out, 0644) || fsync(out)))
        rc = image_files_error(err, "cannot write", to);
    close(in);
    if (out >= 0)
        close(out);
    return rc;
}

int image_files_install(const struct image_source *source, const char *part, const char *folder,
                        uint64_t *ret_size_bytes, struct error *err)
{
    char path[PATH_MAX];
    struct stat st;
    int rc = 0;
    if (*source->kernel) {
        rc = join(path, part, "vmlinuz", err);
        if (!rc)
            rc = copy_file(source->kernel, path, err);
    }
    if (!rc && *source->initrd) {
        rc = join(path, part, "initrd.img", err);
        if (!rc)
            rc = copy_file(source->initrd, path, err);
    }
    if (!rc)
        rc = join(path, part, "disk.qcow2", err);
    if (!rc && (chmod(path, 0644) || stat(path, &st)))
        rc = image_files_error(err, "cannot find", path);
    if (!rc)
        rc = image_seal_write(part, err);
    if (!rc)
        rc = image_files_remove(folder, err);
    if (!rc && rename(part, folder))
        rc = image_files_error(err, "cannot rename", part);
    if (!rc)
        *ret_size_bytes = (uint64_t)st.st_blocks * 512;
    return rc;
}
