#include "virt_golden_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virt_internal.h"
#include "virt_storage.h"

#define STATE_BYTES (1 << 20)     /* of the disk beside whose contents QEMU puts the state */
#define LENT_BYTES (256ull << 20) /* more than the file of any state has: a fork writes behind its end */
#define DELETE_WORDS "cannot remove a file of a golden guest"
#define FILES_MAX 64 /* golden guests of one host */

/* --- one file --------------------------------------------------------------------------------------------- */

static virStorageVolPtr find(virStoragePoolPtr pool, const char *id, const char *suffix)
{
    char name[ID_SIZE + 16];
    snprintf(name, sizeof name, "%s.%s", id, suffix);
    return virStorageVolLookupByName(pool, name);
}

static int make(struct virt_conn *conn, virStoragePoolPtr pool, const char *id, const char *suffix,
                const char *format, uint64_t bytes, struct error *err)
{
    char xml[1024];
    snprintf(xml, sizeof xml,
             "<volume type='file'><name>%s.%s</name><capacity unit='bytes'>%llu</capacity>"
             "<allocation>0</allocation><target><format type='%s'/>%s</target></volume>",
             id, suffix, (unsigned long long)bytes, format, virt_storage_qemu_permissions(conn));
    CLEANUP_VOLUME virStorageVolPtr volume = virStorageVolCreateXML(pool, xml, 0);
    return volume ? 0 : virt_error(err, "cannot make a file of a golden guest");
}

/* --- reading ---------------------------------------------------------------------------------------------- */

static int take_bytes(virStreamPtr stream, const char *bytes, size_t len, void *arg)
{
    golden_sum_add(arg, bytes, len);
    return (int)len;
}

static int take_hole(virStreamPtr stream, long long len, void *arg)
{
    golden_sum_add_zeros(arg, (uint64_t)len);
    return 0;
}

static int sum(struct virt_conn *conn, virStoragePoolPtr pool, const char *id, const char *part,
               struct golden_sum *ret, struct error *err)
{
    struct golden_summing summing;
    CLEANUP_VOLUME virStorageVolPtr volume = find(pool, id, part);
    if (!volume)
        return error_set(err, CE_BAD_INPUT, "%s.%s is not there", id, part);
    CLEANUP_STREAM virStreamPtr stream = virStreamNew(conn->conn, 0);
    golden_sum_begin(&summing);
    if (!stream || virStorageVolDownload(volume, stream, 0, 0, VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) < 0 ||
        virStreamSparseRecvAll(stream, take_bytes, take_hole, &summing) < 0 || virStreamFinish(stream) < 0)
        return virt_error(err, "cannot read a file of a golden guest");
    golden_sum_end(&summing, ret);
    return 0;
}

struct text {
    char bytes[GOLDEN_MANIFEST_MAX];
    size_t len;
};

static int take_text(virStreamPtr stream, const char *bytes, size_t len, void *arg)
{
    struct text *text = arg;
    if (len > sizeof text->bytes - text->len)
        return -1;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    return (int)len;
}

/* CE_NOT_FOUND without a manifest. */
static int check(struct virt_conn *conn, virStoragePoolPtr pool, const char *id, struct golden_manifest *ret,
                 struct error *err)
{
    struct golden_sum sealed[GOLDEN_PARTS], now;
    struct text text = {.len = 0};
    char name[ID_SIZE + 16];
    CLEANUP_VOLUME virStorageVolPtr volume = find(pool, id, "json");
    if (!volume)
        return error_set(err, CE_NOT_FOUND, "%s has no manifest", id);
    CLEANUP_STREAM virStreamPtr stream = virStreamNew(conn->conn, 0);
    if (!stream || virStorageVolDownload(volume, stream, 0, 0, 0) < 0 ||
        virStreamRecvAll(stream, take_text, &text) < 0 || virStreamFinish(stream) < 0)
        return virt_error(err, "cannot read the manifest of a golden guest");
    snprintf(name, sizeof name, "%s.json", id);
    int rc = golden_manifest_read(text.bytes, text.len, id, name, ret, sealed, err);
    for (size_t i = 0; !rc && i < GOLDEN_PARTS; i++) {
        rc = sum(conn, pool, id, golden_parts[i], &now, err);
        if (!rc && !golden_sum_equal(&now, &sealed[i]))
            rc = error_set(err, CE_BAD_INPUT, "%s.%s is not as it was when it was sealed", id,
                           golden_parts[i]);
    }
    return rc;
}

/* --- sealing ---------------------------------------------------------------------------------------------- */

struct sending {
    const char *bytes;
    size_t left;
};

static int give_text(virStreamPtr stream, char *bytes, size_t len, void *arg)
{
    struct sending *sending = arg;
    size_t n = len < sending->left ? len : sending->left;
    memcpy(bytes, sending->bytes, n);
    sending->bytes += n;
    sending->left -= n;
    return (int)n;
}

static int write_manifest(struct virt_conn *conn, virStoragePoolPtr pool, const char *id, const char *text,
                          struct error *err)
{
    struct sending sending = {.bytes = text, .left = strlen(text)};
    int rc = make(conn, pool, id, "json", "raw", sending.left, err);
    if (rc)
        return rc;
    CLEANUP_VOLUME virStorageVolPtr volume = find(pool, id, "json");
    CLEANUP_STREAM virStreamPtr stream = virStreamNew(conn->conn, 0);
    if (!volume || !stream || virStorageVolUpload(volume, stream, 0, sending.left, 0) < 0 ||
        virStreamSendAll(stream, give_text, &sending) < 0 || virStreamFinish(stream) < 0)
        return virt_error(err, "cannot write the manifest of a golden guest");
    return 0;
}

int virt_golden_files_seal(struct virt_conn *conn, const char *dir, const struct golden_manifest *manifest,
                           struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    struct golden_sum sums[GOLDEN_PARTS];
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        (void)virStoragePoolRefresh(pool, 0); /* the files have grown */
    for (size_t i = 0; !rc && i < GOLDEN_PARTS; i++)
        rc = sum(conn, pool, manifest->id, golden_parts[i], &sums[i], err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (rc)
        return rc;
    char *text = golden_manifest_text(manifest, sums);
    if (!text)
        return error_set(err, CE_NOMEM, "out of memory");
    rc = write_manifest(conn, pool, manifest->id, text, err);
    free(text);
    return rc;
}

/* --- all files of one golden guest -------------------------------------------------------------------------- */

static int remove_all(virStoragePoolPtr pool, const char *id, struct error *err)
{
    int rc = 0;
    (void)virStoragePoolRefresh(pool, 0);
    for (size_t i = 0; !rc && i < GOLDEN_SUFFIXES; i++) {
        CLEANUP_VOLUME virStorageVolPtr volume = find(pool, id, golden_suffixes[i]);
        rc = virt_volume_delete(volume, DELETE_WORDS, err);
    }
    return rc;
}

int virt_golden_files_remove(struct virt_conn *conn, const char *dir, const char *id, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    return rc ? rc : remove_all(pool, id, err);
}

int virt_golden_files_make(struct virt_conn *conn, const char *dir, const char *id, uint64_t ram_bytes,
                           struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (!rc)
        rc = remove_all(pool, id, err);
    if (!rc)
        rc = make(conn, pool, id, "ram", "raw", ram_bytes, err);
    return rc ? rc : make(conn, pool, id, "state", "qcow2", STATE_BYTES, err);
}

/* --- what is there ------------------------------------------------------------------------------------------ */

struct found {
    struct virt_conn *conn;
    char ids[FILES_MAX][ID_SIZE];
    size_t count;
};

static int note(void *arg, virStorageVolPtr volume, struct error *err)
{
    struct found *found = arg;
    const char *name = virStorageVolGetName(volume);
    char id[ID_SIZE];
    if (name && virt_storage_owner(name, id)) {
        int rc = virt_may_act(found->conn, err);
        return rc ? rc : virt_volume_delete(volume, DELETE_WORDS, err);
    }
    if (!name || !golden_id_of_file(name, id) || found->count == FILES_MAX)
        return 0;
    for (size_t i = 0; i < found->count; i++) {
        if (!strcmp(found->ids[i], id))
            return 0;
    }
    memcpy(found->ids[found->count++], id, sizeof id);
    return 0;
}

int virt_golden_files_scan(struct virt_conn *conn, const char *dir,
                           void (*each)(void *arg, const char *id, const struct golden_manifest *manifest,
                                        const char *why),
                           void *arg, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    struct found found = {.conn = conn};
    int rc = virt_storage_pool(conn, dir, &pool, err);
    if (!rc)
        rc = virt_storage_volumes(pool, note, &found, err);
    for (size_t i = 0; !rc && i < found.count; i++) {
        struct golden_manifest manifest = {0};
        struct error why = {0};
        int bad = check(conn, pool, found.ids[i], &manifest, &why);
        if (bad == CE_UNREACHABLE || bad == CE_CANCELLED)
            return error_set(err, bad, "%s", why.text);
        each(arg, found.ids[i], &manifest, bad == CE_NOT_FOUND ? "" : bad ? why.text : NULL);
    }
    return rc;
}

/* --- forks -------------------------------------------------------------------------------------------------- */

int virt_golden_files_lend(struct virt_conn *conn, const char *dir, const char *state_path,
                           const char *desktop_id, char *ret_path, size_t size, struct error *err)
{
    const struct clone_spec spec = {.desktop_dir = dir,
                                    .desktop_id = desktop_id,
                                    .base = state_path,
                                    .base_format = "raw",
                                    .capacity_bytes = LENT_BYTES,
                                    .for_qemu = true};
    return virt_storage_clone(conn, &spec, ret_path, size, err);
}

int virt_golden_files_give_back(struct virt_conn *conn, const char *dir, const char *desktop_id,
                                struct error *err)
{
    return virt_storage_delete(conn, dir, desktop_id, false, err);
}
