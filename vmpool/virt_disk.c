#include "virt_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virt_internal.h"
#include "virt_storage.h"

#define COPY_BYTES 262144

/* One that did not end well is aborted before it is freed. */
static void stream_abort(virStreamPtr *stream)
{
    if (!*stream)
        return;
    (void)virStreamAbort(*stream);
    virStreamFree(*stream);
}
#define CLEANUP_COPY __attribute__((cleanup(stream_abort)))

static int stream_end(virStreamPtr *stream, const char *what, struct error *err)
{
    if (virStreamFinish(*stream) < 0)
        return virt_error(err, what);
    virStreamFree(*stream);
    *stream = NULL;
    return 0;
}

/* Until SIZE_BYTES went over. */
static int pass_bytes(struct virt_conn *conn, virStreamPtr from, virStreamPtr to, uint64_t size_bytes,
                      const atomic_bool *cancelled, struct error *err)
{
    char *bytes = malloc(COPY_BYTES);
    uint64_t moved_bytes = 0;
    int rc = bytes ? 0 : error_set(err, CE_NOMEM, "out of memory");
    while (!rc) {
        rc = atomic_load(cancelled) ? error_set(err, CE_CANCELLED, "the copy of the disk was broken off")
                                    : virt_may_act(conn, err);
        if (rc)
            break;
        int got = virStreamRecv(from, bytes, COPY_BYTES);
        if (got < 0)
            rc = virt_error(err, "the disk cannot be read");
        if (got <= 0)
            break;
        moved_bytes += (uint64_t)got;
        for (int at = 0, sent; !rc && at < got; at += sent) {
            sent = virStreamSend(to, bytes + at, (size_t)(got - at));
            if (sent <= 0)
                rc = virt_error(err, "the copy of the disk cannot be written");
        }
    }
    free(bytes);
    if (!rc && moved_bytes != size_bytes)
        rc = error_set(err, CE_IO, "the disk has %llu bytes and %llu of them came",
                       (unsigned long long)size_bytes, (unsigned long long)moved_bytes);
    return rc;
}

static int volume_make(virStoragePoolPtr pool, const char *name, uint64_t size_bytes, virStorageVolPtr *ret,
                       struct error *err)
{
    char xml[512];
    snprintf(xml, sizeof xml,
             "<volume type='file'><name>%s</name><capacity unit='bytes'>%llu</capacity>"
             "<allocation>0</allocation><target><format type='raw'/></target></volume>",
             name, (unsigned long long)size_bytes);
    *ret = virStorageVolCreateXML(pool, xml, 0);
    return *ret ? 0 : virt_error(err, "cannot make a file for the copy of the disk");
}

static int copy_volume(struct virt_conn *conn, virStorageVolPtr source, virStorageVolPtr target,
                       uint64_t size_bytes, const atomic_bool *cancelled, struct error *err)
{
    CLEANUP_COPY virStreamPtr from = virStreamNew(conn->conn, 0);
    CLEANUP_COPY virStreamPtr to = virStreamNew(conn->conn, 0);
    if (!from || !to || virStorageVolDownload(source, from, 0, size_bytes, 0) < 0 ||
        virStorageVolUpload(target, to, 0, size_bytes, 0) < 0)
        return virt_error(err, "cannot begin the copy of the disk");
    int rc = pass_bytes(conn, from, to, size_bytes, cancelled, err);
    if (!rc)
        rc = stream_end(&from, "reading the disk did not end well", err);
    return rc ? rc : stream_end(&to, "the copy of the disk was not taken", err);
}

int virt_disk_copy(struct virt_conn *conn, const char *dir, const char *from, const char *to,
                   const atomic_bool *cancelled, uint64_t *ret_bytes, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    CLEANUP_VOLUME virStorageVolPtr source = NULL;
    CLEANUP_VOLUME virStorageVolPtr target = NULL;
    virStorageVolInfo info = {0};
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (rc)
        return rc;
    (void)virStoragePoolRefresh(pool, 0);
    source = virStorageVolLookupByName(pool, from);
    /* Of a qcow2 file: how long it is, and not how large a disk it holds. */
    if (!source || virStorageVolGetInfoFlags(source, &info, VIR_STORAGE_VOL_GET_PHYSICAL) < 0)
        return virt_error(err, "the disk is not there");
    rc = volume_make(pool, to, info.allocation, &target, err);
    if (!rc)
        rc = copy_volume(conn, source, target, info.allocation, cancelled, err);
    if (rc && target)
        (void)virStorageVolDelete(target, 0);
    if (rc)
        return rc;
    (void)virStoragePoolRefresh(pool, 0); /* libvirt sees then what is in the new file */
    *ret_bytes = info.allocation;
    return 0;
}

int virt_disk_remove(struct virt_conn *conn, const char *dir, const char *name, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (rc)
        return rc;
    (void)virStoragePoolRefresh(pool, 0);
    CLEANUP_VOLUME virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
    return virt_volume_delete(volume, "cannot delete a disk that is not used any more", err);
}

struct keep_walk {
    const char *desktop_id;
    const char (*names)[64];
    size_t count;
};

static int remove_unnamed(void *arg, virStorageVolPtr volume, struct error *err)
{
    const struct keep_walk *walk = arg;
    const char *name = virStorageVolGetName(volume);
    char owner[ID_SIZE];
    if (!name || !virt_storage_owner(name, owner) || strcmp(owner, walk->desktop_id) != 0)
        return 0;
    for (size_t i = 0; i < walk->count; i++) {
        if (!strcmp(walk->names[i], name))
            return 0;
    }
    return virt_volume_delete(volume, "cannot delete a disk of the desktop", err);
}

int virt_disk_keep_only(struct virt_conn *conn, const char *dir, const char *desktop_id,
                        const char (*names)[64], size_t count, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    struct keep_walk walk = {.desktop_id = desktop_id, .names = names, .count = count};
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    return rc ? rc : virt_storage_volumes(pool, remove_unnamed, &walk, err);
}
