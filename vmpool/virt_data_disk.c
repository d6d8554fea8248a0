#include "virt_data_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/tree.h>

#include "virt_internal.h"

#define NAME_SUFFIX ".qcow2"
#define PATH_TEXT_SIZE 4200

/* The volume, or NULL where there is none, though the directory was looked through again. */
static virStorageVolPtr volume_find(virStoragePoolPtr pool, const char *id)
{
    char name[ID_SIZE + sizeof NAME_SUFFIX];
    snprintf(name, sizeof name, "%s" NAME_SUFFIX, id);
    virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
    if (volume)
        return volume;
    (void)virStoragePoolRefresh(pool, 0);
    return virStorageVolLookupByName(pool, name);
}

int virt_data_disk_make(struct virt_conn *conn, const char *data_dir, const char *id, uint32_t size_mib,
                        struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, data_dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (rc)
        return rc;
    CLEANUP_VOLUME virStorageVolPtr volume = volume_find(pool, id);
    if (volume)
        return 0;
    char xml[1024];
    snprintf(xml, sizeof xml,
             "<volume type='file'><name>%s" NAME_SUFFIX "</name><capacity unit='MiB'>%u</capacity>"
             "<allocation>0</allocation><target><format type='qcow2'/><compat>1.1</compat></target></volume>",
             id, size_mib);
    volume = virStorageVolCreateXML(pool, xml, 0);
    return volume ? 0 : virt_error(err, "cannot make the data disk");
}

int virt_data_disk_delete(struct virt_conn *conn, const char *data_dir, const char *id, struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, data_dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (rc)
        return rc;
    CLEANUP_VOLUME virStorageVolPtr volume = volume_find(pool, id);
    return virt_volume_delete(volume, "cannot delete the data disk", err);
}

/* Whether the guest has it: the serial number stands in its XML. */
static int domain_has(virDomainPtr domain, const char *id, bool *ret, struct error *err)
{
    char needle[ID_SIZE + 24];
    snprintf(needle, sizeof needle, "<serial>%s</serial>", id);
    char *xml = virDomainGetXMLDesc(domain, 0);
    if (!xml)
        return virt_error(err, "cannot look at the guest's disks");
    *ret = strstr(xml, needle) != NULL;
    free(xml);
    return 0;
}

/* The controller of the domain's template takes it; the system disk is a virtio disk, so that sda is free. */
static void disk_xml(const char *path, const char *id, char *ret, size_t size)
{
    xmlChar *escaped = xmlEncodeSpecialChars(NULL, (const xmlChar *)path);
    snprintf(
        ret, size,
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='writeback' discard='unmap'/>"
        "<source file='%s'/><target dev='sda' bus='scsi'/><serial>%s</serial></disk>",
        escaped ? (const char *)escaped : "", id);
    xmlFree(escaped);
}

static int disk_path(struct virt_conn *conn, const char *data_dir, const char *id, char *ret, size_t size,
                     struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    int rc = virt_storage_pool(conn, data_dir, &pool, err);
    if (rc)
        return rc;
    CLEANUP_VOLUME virStorageVolPtr volume = volume_find(pool, id);
    char *path = volume ? virStorageVolGetPath(volume) : NULL;
    if (!path)
        return error_set(err, CE_NOT_FOUND, "its file %s/%s" NAME_SUFFIX " is gone", data_dir, id);
    snprintf(ret, size, "%s", path);
    free(path);
    return 0;
}

int virt_data_disk_attach(struct virt_conn *conn, const struct guest_key *key, const char *data_dir,
                          const char *id, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    char path[PATH_TEXT_SIZE], xml[2 * PATH_TEXT_SIZE];
    bool has = false;
    int rc = virt_domain_lookup_to_change(conn, key, &domain, err);
    if (!rc)
        rc = domain_has(domain, id, &has, err);
    if (rc || has)
        return rc;
    rc = disk_path(conn, data_dir, id, path, sizeof path, err);
    if (rc)
        return rc;
    disk_xml(path, id, xml, sizeof xml);
    if (virDomainAttachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return virt_error(err, "the guest cannot be given the data disk");
    return 0;
}

int virt_data_disk_detach(struct virt_conn *conn, const struct guest_key *key, const char *data_dir,
                          const char *id, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    struct error own = {0};
    char path[PATH_TEXT_SIZE], xml[2 * PATH_TEXT_SIZE];
    bool has = false;
    int rc = virt_domain_lookup_to_change(conn, key, &domain, &own);
    if (rc == CE_NOT_FOUND)
        return 0;
    if (rc)
        return error_set(err, rc, "%s", own.text);
    rc = domain_has(domain, id, &has, err);
    if (rc || !has)
        return rc;
    snprintf(path, sizeof path, "%s/%s" NAME_SUFFIX, data_dir, id);
    disk_xml(path, id, xml, sizeof xml);
    if (virDomainDetachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return virt_error(err, "the data disk cannot be taken from the guest");
    rc = domain_has(domain, id, &has, err);
    if (!rc && has)
        return error_set(err, CE_BUSY, "the guest has not let go of the data disk yet");
    return rc;
}
