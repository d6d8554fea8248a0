#include "virt_capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "virt_internal.h"

/* --- streams ------------------------------------------------------------------------------------------------
 */

struct sink {
    uint8_t *bytes;
    size_t len, room, max;
    bool full;
};

static int sink_take(virStreamPtr stream, const char *bytes, size_t len, void *arg)
{
    struct sink *sink = arg;
    if (len > sink->max - sink->len) {
        sink->full = true;
        return -1;
    }
    if (len > sink->room - sink->len) {
        size_t room = sink->room ? sink->room : 65536;
        while (room - sink->len < len)
            room *= 2;
        uint8_t *grown = realloc(sink->bytes, room);
        if (!grown)
            return -1;
        sink->bytes = grown;
        sink->room = room;
    }
    memcpy(sink->bytes + sink->len, bytes, len);
    sink->len += len;
    return (int)len;
}

/* STREAM is given back. */
static int sink_fill(struct sink *sink, virStreamPtr stream, const char *what, struct error *err)
{
    int rc = 0;
    if (virStreamRecvAll(stream, sink_take, sink) < 0)
        rc = sink->full ? error_set(err, CE_LIMIT, "%s: it is too large", what) : virt_error(err, what);
    else if (virStreamFinish(stream) < 0)
        rc = virt_error(err, what);
    virStreamFree(stream);
    if (rc) {
        free(sink->bytes);
        sink->bytes = NULL;
    }
    return rc;
}

/* --- the screen ---------------------------------------------------------------------------------------------
 */

int virt_capture_screen(struct virt_conn *conn, const struct guest_key *key, uint8_t **ret, size_t *ret_len,
                        struct error *err)
{
    static const char what[] = "cannot take a picture of the guest's screen";
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup(conn, key, &domain, err);
    if (rc)
        return rc;
    virStreamPtr stream = virStreamNew(conn->conn, 0);
    if (!stream)
        return virt_error(err, what);
    char *type = virDomainScreenshot(domain, stream, 0, 0);
    if (!type) {
        rc = virt_error(err, what);
        virStreamFree(stream);
        return rc;
    }
    free(type); /* the bytes say it themselves */
    struct sink sink = {.max = SCREEN_RAW_MAX};
    rc = sink_fill(&sink, stream, what, err);
    if (rc)
        return rc;
    *ret = sink.bytes;
    *ret_len = sink.len;
    return 0;
}

/* --- the serial port ----------------------------------------------------------------------------------------
 */

/* False: libvirt has to be asked. */
static bool tail_here(const char *dir, const char *name, size_t max, struct sink *sink, bool *ret_cut)
{
    char path[4200];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool good = !fstat(fd, &status) && S_ISREG(status.st_mode);
    off_t from = good && (uint64_t)status.st_size > max ? status.st_size - (off_t)max : 0;
    sink->bytes = good ? malloc(max) : NULL;
    good = sink->bytes && lseek(fd, from, SEEK_SET) == from;
    for (ssize_t n = 1; good && n > 0 && sink->len < max; sink->len += (size_t)n) {
        n = read(fd, sink->bytes + sink->len, max - sink->len);
        if (n < 0)
            break;
    }
    *ret_cut = from > 0;
    close(fd);
    return good;
}

static int tail_there(struct virt_conn *conn, const char *dir, const char *name, size_t max,
                      struct sink *sink, bool *ret_cut, struct error *err)
{
    static const char what[] = "cannot read what the guest wrote to its serial port";
    virStoragePoolPtr pool = NULL;
    virStorageVolInfo info = {0};
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (rc)
        return rc;
    (void)virStoragePoolRefresh(pool, 0);
    virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
    virStoragePoolFree(pool);
    if (!volume)
        return 0;
    if (virStorageVolGetInfo(volume, &info) < 0)
        rc = virt_error(err, what);
    uint64_t from = info.capacity > max ? info.capacity - max : 0;
    virStreamPtr stream = rc || !info.capacity ? NULL : virStreamNew(conn->conn, 0);
    if (stream && virStorageVolDownload(volume, stream, from, info.capacity - from, 0) < 0) {
        rc = virt_error(err, what);
        virStreamFree(stream);
        stream = NULL;
    }
    if (stream)
        rc = sink_fill(sink, stream, what, err);
    virStorageVolFree(volume);
    *ret_cut = from > 0;
    return rc;
}

int virt_capture_tail(struct virt_conn *conn, const char *dir, const char *name, size_t max, char **ret,
                      size_t *ret_len, bool *ret_cut, struct error *err)
{
    struct sink sink = {.max = max};
    int rc =
        tail_here(dir, name, max, &sink, ret_cut) ? 0 : tail_there(conn, dir, name, max, &sink, ret_cut, err);
    if (rc || !sink.len) {
        free(sink.bytes);
        sink = (struct sink){0};
    }
    *ret = (char *)sink.bytes;
    *ret_len = sink.len;
    return rc;
}
