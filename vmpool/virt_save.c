#include "virt_save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "template.h"
#include "virt_internal.h"

#define SAVE_SUFFIX ".save"

void virt_save_path(const char *desktop_dir, const char *desktop_id, int64_t since_ms, char *ret, size_t size)
{
    snprintf(ret, size, "%s/%s-%lld" SAVE_SUFFIX, desktop_dir, desktop_id, (long long)since_ms);
}

bool virt_save_owner(const char *name, char ret[ID_SIZE])
{
    const char *rest = strncmp(name, "d-", 2) ? NULL : strchr(name + 2, '-');
    size_t len = rest ? (size_t)(rest - name) : 0;
    size_t digits = rest ? strspn(rest + 1, "0123456789") : 0;
    if (!digits || len >= ID_SIZE || strcmp(rest + 1 + digits, SAVE_SUFFIX) != 0)
        return false;
    snprintf(ret, ID_SIZE, "%.*s", (int)len, name);
    return true;
}

int virt_save_write(struct virt_conn *conn, const struct guest_key *key, const char *path, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    struct guest_seen seen;
    int rc = virt_domain_find(conn, key, &seen, err);
    if (!rc)
        rc = virt_domain_lookup(conn, key, &domain, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (!rc && virDomainSave(domain, path) < 0)
        rc = virt_error(err, "cannot write the guest's memory to the disk");
    return rc;
}

/* The XML in the file is changed only where it has to be: not every driver of libvirt can. */
static int restore(struct virt_conn *conn, const char *path, const char *address, uint16_t port,
                   struct error *err)
{
    char *saved = virDomainSaveImageGetXMLDesc(conn->conn, path, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE);
    char *xml = saved ? template_set_forward(saved, address, port) : NULL;
    int rc = 0;
    if (!saved)
        rc = virt_error(err, "cannot go on with the guest's memory");
    else if (!xml)
        rc = error_set(err, CE_NOMEM, "out of memory");
    else if (virDomainRestoreFlags(conn->conn, path, strcmp(xml, saved) ? xml : NULL, 0) < 0) {
        rc = virt_error(err, "cannot go on with the guest's memory");
        if (strstr(virGetLastErrorMessage(), "Could not set up host forwarding rule"))
            rc = err->code = CE_BUSY;
    }
    free(xml);
    free(saved);
    return rc;
}

int virt_save_read(struct virt_conn *conn, const struct guest_key *key, const char *path, const char *address,
                   uint16_t port, struct error *err)
{
    int rc = virt_may_act(conn, err);
    if (!rc)
        rc = restore(conn, path, address, port, err);
    if (rc)
        return rc;
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    rc = virt_domain_lookup(conn, key, &domain, err);
    if (!rc)
        virt_domain_write_epoch(conn, domain, key);
    return rc;
}

static int remove_of(void *arg, virStorageVolPtr volume, struct error *err)
{
    const char *desktop_id = arg, *name = virStorageVolGetName(volume);
    char owner[ID_SIZE];
    if (name && virt_save_owner(name, owner) && !strcmp(owner, desktop_id) &&
        virStorageVolDelete(volume, 0) < 0)
        return virt_error(err, "cannot remove the file of a guest's memory");
    return 0;
}

int virt_save_remove(struct virt_conn *conn, const char *desktop_dir, const char *desktop_id,
                     struct error *err)
{
    CLEANUP_POOL virStoragePoolPtr pool = NULL;
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%s", desktop_id);
    int rc = virt_storage_pool(conn, desktop_dir, &pool, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    return rc ? rc : virt_storage_volumes(pool, remove_of, id, err);
}

int virt_domain_shut_down(struct virt_conn *conn, const struct guest_key *key, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    struct guest_seen seen;
    int rc = virt_domain_find(conn, key, &seen, err);
    if (!rc)
        rc = virt_domain_lookup(conn, key, &domain, err);
    if (!rc)
        rc = virt_may_act(conn, err);
    if (!rc && virDomainShutdown(domain) < 0)
        rc = virt_error(err, "cannot ask the guest to shut down");
    return rc;
}
