#include "virt_storage.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/tree.h>

#include <carrel/ids.h>

#include "virt_internal.h"
#include "virt_save.h"

#define OVERLAY_SUFFIX ".qcow2"
#define POOL_NAME "carrel-desktops"
#define MARK_PREFIX "carrel-storage."
#define POOLS_MAX 16 /* directories of ours on one host; one more is refused with words */

static void xml_unref(xmlChar **text)
{
    if (*text)
        xmlFree(*text);
}
#define CLEANUP_XML __attribute__((cleanup(xml_unref)))

static xmlChar *escape(const char *text)
{
    return xmlEncodeSpecialChars(NULL, (const xmlChar *)text);
}

/* Whether the pool's target is PATH (escaped as XML). */
static bool pool_is_over(virStoragePoolPtr pool, const char *path)
{
    char target[4200];
    char *xml = virStoragePoolGetXMLDesc(pool, 0);
    snprintf(target, sizeof target, "<path>%s</path>", path ? path : "");
    bool found = xml && strstr(xml, target);
    free(xml);
    return found;
}

/* The pool over DIR: whichever an administrator has defined, else a transient one of ours. Its name is
 * POOL_NAME, with a number behind it where several directories are in use on one host. */
int virt_storage_pool(struct virt_conn *conn, const char *dir, virStoragePoolPtr *ret, struct error *err)
{
    virStoragePoolPtr pool = virStoragePoolLookupByTargetPath(conn->conn, dir);
    if (pool && virStoragePoolIsActive(pool) != 1 && virStoragePoolCreate(pool, 0) < 0) {
        virStoragePoolFree(pool);
        return virt_error(err, "cannot start the storage pool of the desktop directory");
    }
    CLEANUP_XML xmlChar *path = escape(dir);
    for (int i = 0; !pool && i < POOLS_MAX; i++) {
        char xml[4096], name[64];
        snprintf(name, sizeof name, i ? POOL_NAME "-%d" : POOL_NAME, i + 1);
        pool = virStoragePoolLookupByName(conn->conn, name);
        if (pool && !pool_is_over(pool, (const char *)path)) {
            virStoragePoolFree(pool);
            pool = NULL;
            continue;
        }
        if (pool)
            break;
        snprintf(xml, sizeof xml, "<pool type='dir'><name>%s</name><target><path>%s</path></target></pool>",
                 name, path ? (const char *)path : "");
        pool = virStoragePoolCreateXML(conn->conn, xml, VIR_STORAGE_POOL_CREATE_NORMAL);
        if (!pool) /* the directory is not there yet */
            pool = virStoragePoolCreateXML(conn->conn, xml, VIR_STORAGE_POOL_CREATE_WITH_BUILD);
        if (!pool) /* another connection to the same libvirt was faster */
            pool = virStoragePoolLookupByTargetPath(conn->conn, dir);
        if (!pool)
            return virt_error(err, "cannot use the desktop directory as a storage pool");
    }
    if (!pool)
        return error_set(err, CE_LIMIT, "the host has too many storage pools named " POOL_NAME);
    *ret = pool;
    return 0;
}

int virt_volume_delete(virStorageVolPtr volume, const char *what, struct error *err)
{
    if (!volume || virStorageVolDelete(volume, 0) == 0)
        return 0;
    virErrorPtr last = virGetLastError();
    return last && last->code == VIR_ERR_NO_STORAGE_VOL ? 0 : virt_error(err, what);
}

static int file_delete(virStoragePoolPtr pool, const char *name, struct error *err)
{
    CLEANUP_VOLUME virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
    return virt_volume_delete(volume, "cannot delete the desktop's disk", err);
}

/* The pool does not know what QEMU made, nor what a libvirtd had begun that was killed before it noted it. */
static int volume_delete(virStoragePoolPtr pool, const char *desktop_id, bool nvram, struct error *err)
{
    char disk[ID_SIZE + sizeof OVERLAY_SUFFIX], variables[ID_SIZE + sizeof VIRT_NVRAM_SUFFIX];
    snprintf(disk, sizeof disk, "%s" OVERLAY_SUFFIX, desktop_id);
    snprintf(variables, sizeof variables, "%s" VIRT_NVRAM_SUFFIX, desktop_id);
    CLEANUP_VOLUME virStorageVolPtr known = virStorageVolLookupByName(pool, disk);
    if (!known || nvram)
        (void)virStoragePoolRefresh(pool, 0);
    int rc = nvram ? file_delete(pool, variables, err) : 0;
    return rc ? rc : file_delete(pool, disk, err);
}

void virt_storage_permissions(const char *capabilities, char ret[VIRT_PERMISSIONS_SIZE])
{
    const char *model = strstr(capabilities, "<model>dac</model>");
    const char *label = model ? strstr(model, "<baselabel") : NULL;
    unsigned user, group;
    if (label && sscanf(label, "<baselabel type='%*[a-z]'>+%u:+%u<", &user, &group) == 2)
        snprintf(ret, VIRT_PERMISSIONS_SIZE,
                 "<permissions><mode>0600</mode><owner>%u</owner><group>%u</group></permissions>", user,
                 group);
    else
        snprintf(ret, VIRT_PERMISSIONS_SIZE, "<permissions><mode>0600</mode></permissions>");
}

const char *virt_storage_qemu_permissions(struct virt_conn *conn)
{
    if (*conn->qemu_permissions)
        return conn->qemu_permissions;
    char *capabilities = virConnectGetCapabilities(conn->conn);
    virt_storage_permissions(capabilities ? capabilities : "", conn->qemu_permissions);
    free(capabilities);
    return conn->qemu_permissions;
}

int virt_storage_clone(struct virt_conn *conn, const struct clone_spec *spec, char *ret_path, size_t size,
                       struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, spec->desktop_dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (rc)
        return rc;
    CLEANUP_XML xmlChar *base = escape(spec->base);
    char xml[8192];
    const char *permissions = spec->for_qemu   ? virt_storage_qemu_permissions(conn)
                              : spec->readable ? "<permissions><mode>0644</mode></permissions>"
                                               : "";
    snprintf(xml, sizeof xml,
             "<volume type='file'><name>%s" OVERLAY_SUFFIX "</name><capacity unit='bytes'>%llu</capacity>"
             "<allocation>0</allocation><target><format type='qcow2'/>%s<compat>1.1</compat></target>"
             "<backingStore><path>%s</path><format type='%s'/></backingStore></volume>",
             spec->desktop_id, (unsigned long long)spec->capacity_bytes, permissions,
             base ? (const char *)base : "", spec->base_format);
    CLEANUP_VOLUME virStorageVolPtr volume = virStorageVolCreateXML(pool, xml, 0);
    if (!volume) {
        virErrorPtr last = virGetLastError();
        if (!last || last->code != VIR_ERR_STORAGE_VOL_EXIST)
            return virt_error(err, "cannot clone the golden disk");
        rc = volume_delete(pool, spec->desktop_id, false, err);
        if (rc)
            return rc;
        volume = virStorageVolCreateXML(pool, xml, 0);
        if (!volume)
            return virt_error(err, "cannot clone the golden disk");
    }
    char *path = virStorageVolGetPath(volume);
    if (!path)
        return virt_error(err, "cannot find the desktop's disk");
    snprintf(ret_path, size, "%s", path);
    free(path);
    return 0;
}

/* The volume of a file that the pool may not have noticed yet. */
static virStorageVolPtr volume_at(virStoragePoolPtr pool, const char *path)
{
    const char *name = strrchr(path, '/');
    virStorageVolPtr volume = name ? virStorageVolLookupByName(pool, name + 1) : NULL;
    if (volume || !name)
        return volume;
    (void)virStoragePoolRefresh(pool, 0);
    return virStorageVolLookupByName(pool, name + 1);
}

int virt_storage_copy(struct virt_conn *conn, const struct clone_spec *spec, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL, images = NULL;
    char dir[1024], xml[1024];
    const char *slash = strrchr(spec->base, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - spec->base) : 0, spec->base);
    int rc = virt_storage_pool(conn, spec->desktop_dir, &pool, err);
    if (!rc)
        rc = virt_storage_pool(conn, dir, &images, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (!rc)
        rc = volume_delete(pool, spec->desktop_id, false, err);
    if (rc)
        return rc;
    CLEANUP_VOLUME virStorageVolPtr base = volume_at(images, spec->base);
    if (!base)
        return virt_error(err, "cannot find the golden disk");
    snprintf(xml, sizeof xml,
             "<volume type='file'><name>%s" OVERLAY_SUFFIX "</name><capacity unit='bytes'>%llu</capacity>"
             "<target><format type='qcow2'/><compat>1.1</compat></target></volume>",
             spec->desktop_id, (unsigned long long)spec->capacity_bytes);
    CLEANUP_VOLUME virStorageVolPtr volume = virStorageVolCreateXMLFrom(pool, xml, base, 0);
    return volume ? 0 : virt_error(err, "cannot copy the golden disk");
}

int virt_storage_delete(struct virt_conn *conn, const char *desktop_dir, const char *desktop_id, bool nvram,
                        struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, desktop_dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    return rc ? rc : volume_delete(pool, desktop_id, nvram, err);
}

bool virt_storage_owner(const char *name, char ret[ID_SIZE])
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    size_t len = strlen(name), suffix = sizeof OVERLAY_SUFFIX - 1;
    if (len <= suffix || strcmp(name + len - suffix, OVERLAY_SUFFIX) != 0 || strncmp(name, "d-", 2) != 0)
        return false;
    size_t id_len = 2 + strspn(name + 2, letters), rest = len - suffix - id_len;
    if (id_len <= 2 || id_len >= ID_SIZE || id_len > len - suffix)
        return false;
    if (rest && (name[id_len] != '-' || rest < 2 || strspn(name + id_len + 1, letters) != rest - 1))
        return false;
    snprintf(ret, ID_SIZE, "%.*s", (int)id_len, name);
    return true;
}

int virt_storage_volumes(virStoragePoolPtr pool,
                         int (*each)(void *arg, virStorageVolPtr volume, struct error *err), void *arg,
                         struct error *err)
{
    (void)virStoragePoolRefresh(pool, 0);
    virStorageVolPtr *volumes = NULL;
    int count = virStoragePoolListAllVolumes(pool, &volumes, 0);
    if (count < 0)
        return virt_error(err, "cannot list the desktops' disks");
    int rc = 0;
    for (int i = 0; i < count; i++) {
        if (!rc)
            rc = each(arg, volumes[i], err);
        virStorageVolFree(volumes[i]);
    }
    free(volumes);
    return rc;
}

struct list_walk {
    void (*each)(void *arg, const char *desktop_id, const char *copy);
    void *arg;
    char mark[ID_SIZE];
};

/* Where two hosts have made one at the same time, the one that comes first counts for both from the next look on. */
static void list_mark(struct list_walk *walk, const char *name)
{
    const char *id = name + sizeof MARK_PREFIX - 1;
    if (strncmp(name, MARK_PREFIX, sizeof MARK_PREFIX - 1) != 0 || strlen(id) >= ID_SIZE)
        return;
    if (!*walk->mark || strcmp(id, walk->mark) < 0)
        snprintf(walk->mark, sizeof walk->mark, "%s", id);
}

static int list_volume(void *arg, virStorageVolPtr volume, struct error *err)
{
    struct list_walk *walk = arg;
    char id[ID_SIZE];
    const char *name = virStorageVolGetName(volume);
    if (name && virt_storage_owner(name, id))
        walk->each(walk->arg, id, name[strlen(id)] == '-' ? name : NULL);
    else if (name && virt_save_owner(name, id))
        walk->each(walk->arg, id, NULL);
    else if (name)
        list_mark(walk, name);
    return 0;
}

static int mark_make(struct virt_conn *conn, virStoragePoolPtr pool, char ret[ID_SIZE], struct error *err)
{
    char xml[512], id[ID_SIZE];
    int rc = virt_may_act(conn, err);
    if (rc)
        return rc;
    id_make(ID_STORAGE, id);
    snprintf(xml, sizeof xml,
             "<volume type='file'><name>" MARK_PREFIX "%s</name><capacity unit='bytes'>512</capacity>"
             "<allocation>0</allocation><target><format type='raw'/></target></volume>",
             id);
    CLEANUP_VOLUME virStorageVolPtr volume = virStorageVolCreateXML(pool, xml, 0);
    if (!volume)
        return virt_error(err, "cannot mark the desktop directory");
    snprintf(ret, ID_SIZE, "%s", id);
    return 0;
}

int virt_storage_list(struct virt_conn *conn, const char *desktop_dir,
                      void (*each)(void *arg, const char *desktop_id, const char *copy), void *arg,
                      char ret_storage[ID_SIZE], struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, desktop_dir, &pool, err);
    struct list_walk walk = {.each = each, .arg = arg};
    if (!rc)
        rc = virt_storage_volumes(pool, list_volume, &walk, err);
    if (!rc && !*walk.mark)
        rc = mark_make(conn, pool, walk.mark, err);
    if (!rc)
        snprintf(ret_storage, ID_SIZE, "%s", walk.mark);
    return rc;
}

struct count_walk {
    const char *needle; /* the backing path as it stands in a volume's XML */
    uint32_t count;
};

static int count_volume(void *arg, virStorageVolPtr volume, struct error *err)
{
    struct count_walk *walk = arg;
    char *xml = virStorageVolGetXMLDesc(volume, 0);
    const char *backing = xml ? strstr(xml, "<backingStore>") : NULL;
    if (backing && strstr(backing, walk->needle))
        walk->count++;
    free(xml);
    return 0;
}

int virt_storage_count_users(struct virt_conn *conn, const char *desktop_dir, const char *base,
                             uint32_t *ret_count, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, desktop_dir, &pool, err);
    if (rc)
        return rc;
    CLEANUP_XML xmlChar *path = escape(base);
    char needle[4200];
    snprintf(needle, sizeof needle, "<path>%s</path>", path ? (const char *)path : "");
    struct count_walk walk = {.needle = needle};
    rc = virt_storage_volumes(pool, count_volume, &walk, err);
    if (!rc)
        *ret_count = walk.count;
    return rc;
}

int virt_storage_room(struct virt_conn *conn, const char *desktop_dir, uint64_t *ret_mib,
                      uint64_t *ret_free_mib, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    virStoragePoolInfo info;
    int rc = virt_storage_pool(conn, desktop_dir, &pool, err);
    if (rc)
        return rc;
    (void)virStoragePoolRefresh(pool, 0);
    if (virStoragePoolGetInfo(pool, &info) < 0)
        return virt_error(err, "cannot read the room of the desktop directory");
    *ret_mib = info.capacity >> 20;
    *ret_free_mib = info.available >> 20;
    return 0;
}
