#include "virt_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxml/tree.h>
#include <sodium.h>

#include "virt_internal.h"

struct transfer {
    virStreamPtr stream;
    struct virt_upload *upload;
    crypto_hash_sha256_state hash;
    int fd;
    int error; /* errno of reading the file */
};

/* --- there ------------------------------------------------------------------------------------------------
 */

static int give_bytes(virStreamPtr stream, char *bytes, size_t len, void *arg)
{
    struct transfer *t = arg;
    if (atomic_load(&t->upload->cancelled))
        return -1;
    ssize_t n = read(t->fd, bytes, len);
    if (n < 0) {
        t->error = errno;
        return -1;
    }
    crypto_hash_sha256_update(&t->hash, (const unsigned char *)bytes, (unsigned long long)n);
    atomic_fetch_add(&t->upload->moved_bytes, (uint64_t)n);
    return (int)n;
}

static int transfer_error(const struct transfer *t, struct error *err, const char *what)
{
    if (atomic_load(&t->upload->cancelled))
        return error_set(err, CE_CANCELLED, "the copy was broken off");
    if (t->error)
        return error_set(err, CE_IO, "%s: %s", what, strerror(t->error));
    return virt_error(err, what);
}

static int send_file(struct virt_conn *conn, virStorageVolPtr volume, struct transfer *t, uint64_t size_bytes,
                     struct error *err)
{
    CLEANUP_STREAM virStreamPtr stream = virStreamNew(conn->conn, 0);
    if (!stream || virStorageVolUpload(volume, stream, 0, size_bytes, 0) < 0)
        return virt_error(err, "cannot begin the copy");
    if (virStreamSendAll(stream, give_bytes, t) < 0)
        return transfer_error(t, err, "the copy broke off");
    if (virStreamFinish(stream) < 0)
        return virt_error(err, "the copy was not taken");
    return 0;
}

/* --- and back ---------------------------------------------------------------------------------------------
 */

static int take_bytes(virStreamPtr stream, const char *bytes, size_t len, void *arg)
{
    struct transfer *t = arg;
    if (atomic_load(&t->upload->cancelled))
        return -1;
    crypto_hash_sha256_update(&t->hash, (const unsigned char *)bytes, len);
    atomic_fetch_add(&t->upload->moved_bytes, len);
    return (int)len;
}

static int read_back(struct virt_conn *conn, virStorageVolPtr volume, struct transfer *t, uint64_t size_bytes,
                     struct error *err)
{
    CLEANUP_STREAM virStreamPtr stream = virStreamNew(conn->conn, 0);
    if (!stream || virStorageVolDownload(volume, stream, 0, size_bytes, 0) < 0)
        return virt_error(err, "cannot read the copy back");
    if (virStreamRecvAll(stream, take_bytes, t) < 0)
        return transfer_error(t, err, "reading the copy back broke off");
    if (virStreamFinish(stream) < 0)
        return virt_error(err, "reading the copy back did not end well");
    return 0;
}

/* --- one file ---------------------------------------------------------------------------------------------
 */

static int volume_make(virStoragePoolPtr pool, const char *name, uint64_t size_bytes, virStorageVolPtr *ret,
                       struct error *err)
{
    char xml[1024];
    xmlChar *escaped = xmlEncodeSpecialChars(NULL, (const xmlChar *)name);
    snprintf(xml, sizeof xml,
             "<volume type='file'><name>%s</name><capacity unit='bytes'>%llu</capacity>"
             "<allocation>0</allocation><target><format type='raw'/>"
             "<permissions><mode>0644</mode></permissions></target></volume>",
             escaped ? (const char *)escaped : "", (unsigned long long)size_bytes);
    xmlFree(escaped);
    *ret = virStorageVolCreateXML(pool, xml, 0);
    return *ret ? 0 : virt_error(err, "cannot make a file in the host's image directory");
}

static int copy(struct virt_conn *conn, virStorageVolPtr volume, struct transfer *t, uint64_t size_bytes,
                struct error *err)
{
    unsigned char sent[crypto_hash_sha256_BYTES], seen[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&t->hash);
    int rc = send_file(conn, volume, t, size_bytes, err);
    crypto_hash_sha256_final(&t->hash, sent);
    if (rc)
        return rc;
    crypto_hash_sha256_init(&t->hash);
    rc = read_back(conn, volume, t, size_bytes, err);
    crypto_hash_sha256_final(&t->hash, seen);
    if (!rc && memcmp(sent, seen, sizeof sent) != 0)
        rc = error_set(err, CE_IO, "what came to the host is not what was sent");
    return rc;
}

static int remove_volume(virStoragePoolPtr pool, const char *name, struct error *err)
{
    (void)virStoragePoolRefresh(pool, 0);
    virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
    if (!volume)
        return 0;
    int rc = virStorageVolDelete(volume, 0) < 0 ? virt_error(err, "cannot remove a file of an image") : 0;
    virStorageVolFree(volume);
    return rc;
}

int virt_upload_file(struct virt_conn *conn, const char *dir, const char *name, const char *path,
                     struct virt_upload *upload, struct error *err)
{
    struct transfer t = {.upload = upload, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    struct stat status;
    if (t.fd < 0 || fstat(t.fd, &status)) {
        int code = errno;
        if (t.fd >= 0)
            close(t.fd);
        return error_set(err, CE_IO, "%s: %s", path, strerror(code));
    }
    virStoragePoolPtr pool = NULL;
    virStorageVolPtr volume = NULL;
    uint64_t size_bytes = (uint64_t)status.st_size;
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        rc = remove_volume(pool, name, err);
    if (!rc)
        rc = volume_make(pool, name, size_bytes, &volume, err);
    if (!rc)
        rc = copy(conn, volume, &t, size_bytes, err);
    if (rc && volume)
        (void)virStorageVolDelete(volume, 0);
    if (volume)
        virStorageVolFree(volume);
    if (pool)
        virStoragePoolFree(pool);
    close(t.fd);
    return rc;
}

int virt_upload_remove(struct virt_conn *conn, const char *dir, const char *name, struct error *err)
{
    virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        rc = remove_volume(pool, name, err);
    if (pool)
        virStoragePoolFree(pool);
    return rc;
}

int virt_upload_sees(struct virt_conn *conn, const char *dir, const char *name, uint64_t size_bytes,
                     bool *ret_sees, struct error *err)
{
    const char *type = virConnectGetType(conn->conn);
    if (type &&
        !strcasecmp(type, "test")) { /* libvirt's test driver has no files: they are as good as there */
        *ret_sees = true;
        return 0;
    }
    virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (rc)
        return rc;
    (void)virStoragePoolRefresh(pool, 0);
    virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
    virStorageVolInfo info = {0};
    *ret_sees = volume && !virStorageVolGetInfo(volume, &info) && info.capacity == size_bytes;
    if (volume)
        virStorageVolFree(volume);
    virStoragePoolFree(pool);
    return 0;
}
