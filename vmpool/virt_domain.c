#include "virt_domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt-qemu.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "log.h"
#include "template.h"
#include "virt_internal.h"

/* Reads installation, desktop id and epoch from a domain's metadata. CE_REFUSED: it has none of ours. Else it has ended
 * meanwhile, or nobody knows. */
static int read_mark(virDomainPtr domain, char installation[INSTALLATION_SIZE], char desktop_id[ID_SIZE],
                     uint64_t *ret_epoch, struct error *err)
{
    char *text = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, CARREL_METADATA_NS, 0);
    if (!text) {
        const virError *last = virGetLastError();
        int rc = virt_error(err, "cannot read whose the guest is");
        return last && last->code == VIR_ERR_NO_DOMAIN_METADATA ? CE_REFUSED : rc;
    }
    int rc = CE_REFUSED;
    xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), "metadata", NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlNodePtr root = doc ? xmlDocGetRootElement(doc) : NULL;
    if (root) {
        xmlChar *owner = xmlGetNoNsProp(root, (const xmlChar *)"installation");
        xmlChar *id = xmlGetNoNsProp(root, (const xmlChar *)"id");
        xmlChar *epoch = xmlGetNoNsProp(root, (const xmlChar *)"epoch");
        *ret_epoch = epoch ? strtoull((const char *)epoch, NULL, 10) : 0;
        xmlFree(epoch);
        if (owner && id && xmlStrlen(owner) < INSTALLATION_SIZE && xmlStrlen(id) < ID_SIZE && *id) {
            snprintf(installation, INSTALLATION_SIZE, "%s", (const char *)owner);
            snprintf(desktop_id, ID_SIZE, "%s", (const char *)id);
            rc = 0;
        }
        xmlFree(owner);
        xmlFree(id);
    }
    if (doc)
        xmlFreeDoc(doc);
    free(text);
    return rc;
}

int virt_domain_lookup(struct virt_conn *conn, const struct guest_key *key, virDomainPtr *ret,
                       struct error *err)
{
    virDomainPtr domain = virDomainLookupByUUIDString(conn->conn, key->uuid);
    if (!domain)
        return virt_error(err, "the guest is not there");
    char installation[INSTALLATION_SIZE], desktop_id[ID_SIZE];
    uint64_t epoch = 0, held = atomic_load(&conn->epoch);
    int rc = read_mark(domain, installation, desktop_id, &epoch, err);
    if (!rc && (strcmp(installation, key->installation) != 0 || strcmp(desktop_id, key->desktop_id) != 0))
        rc = CE_REFUSED;
    if (rc == CE_REFUSED) {
        const char *name = virDomainGetName(domain);
        error_set(err, rc, "domain %s is not a guest of this installation, so it is left alone",
                  name ? name : key->uuid);
    }
    if (rc) {
        virDomainFree(domain);
        return rc;
    }
    if (held && epoch > held) {
        virDomainFree(domain);
        return error_set(err, CE_REFUSED, "the guest is driven by another vmpool, of epoch %llu and not %llu",
                         (unsigned long long)epoch, (unsigned long long)held);
    }
    *ret = domain;
    return 0;
}

int virt_domain_lookup_to_change(struct virt_conn *conn, const struct guest_key *key, virDomainPtr *ret,
                                 struct error *err)
{
    int rc = virt_domain_lookup(conn, key, ret, err);
    return rc ? rc : virt_may_act(conn, err);
}

static int domain_start(struct virt_conn *conn, const char *xml, unsigned flags, struct error *err)
{
    int may = virt_may_act(conn, err);
    if (may)
        return may;
    CLEANUP_DOMAIN virDomainPtr domain = virDomainCreateXML(conn->conn, xml, flags);
    if (domain)
        return 0;
    int code = virt_error(err, "cannot start the guest");
    const char *words = virGetLastErrorMessage();
    if (strstr(words, "Could not set up host forwarding rule"))
        code = CE_BUSY;
    else if (strstr(words, "Failed to get \"")) /* "write" lock, or shared, or consistent read */
        code = CE_CONFLICT;
    else if (strstr(words, "already exists") || strstr(words, "already active"))
        code = CE_EXISTS;
    if (err)
        err->code = code;
    return code;
}

int virt_domain_start(struct virt_conn *conn, const char *xml, struct error *err)
{
    return domain_start(conn, xml, 0, err);
}

int virt_domain_start_paused(struct virt_conn *conn, const char *xml, struct error *err)
{
    return domain_start(conn, xml, VIR_DOMAIN_START_PAUSED, err);
}

bool virt_xml_port_is_open(const char *xml, const char *name)
{
    char target[96];
    snprintf(target, sizeof target, "name='%s'", name);
    const char *found = strstr(xml, target);
    const char *end = found ? strchr(found, '>') : NULL;
    const char *mark = found ? strstr(found, "state='connected'") : NULL;
    return mark && end && mark < end;
}

static int domain_look(virDomainPtr domain, struct guest_seen *ret, struct error *err)
{
    int state = VIR_DOMAIN_NOSTATE, reason;
    if (virDomainGetState(domain, &state, &reason, 0) < 0)
        return virt_error(err, "cannot read the guest's state");
    if (state == VIR_DOMAIN_SHUTOFF || state == VIR_DOMAIN_CRASHED)
        return error_set(err, CE_NOT_FOUND, "the guest is off");
    struct guest_seen seen = {.running = state == VIR_DOMAIN_RUNNING || state == VIR_DOMAIN_BLOCKED};
    char *xml = virDomainGetXMLDesc(domain, 0);
    if (xml) {
        seen.agent = virt_xml_port_is_open(xml, VIRT_AGENT_PORT);
        free(xml);
    }
    *ret = seen;
    return 0;
}

int virt_domain_find(struct virt_conn *conn, const struct guest_key *key, struct guest_seen *ret,
                     struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup(conn, key, &domain, err);
    return rc ? rc : domain_look(domain, ret, err);
}

int virt_domain_destroy(struct virt_conn *conn, const struct guest_key *key, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    struct error own = {0};
    int rc = virt_domain_lookup(conn, key, &domain, &own);
    if (rc == CE_NOT_FOUND)
        return 0;
    if (rc)
        return error_set(err, rc, "%s", own.text);
    rc = virt_may_act(conn, err);
    if (rc)
        return rc;
    if (virDomainDestroy(domain) < 0) {
        virErrorPtr last = virGetLastError();
        if (last && (last->code == VIR_ERR_NO_DOMAIN || last->code == VIR_ERR_OPERATION_INVALID))
            return 0; /* it ended meanwhile */
        return virt_error(err, "cannot end the guest");
    }
    return 0;
}

int virt_domain_resume(struct virt_conn *conn, const struct guest_key *key, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup_to_change(conn, key, &domain, err);
    if (!rc && virDomainResume(domain) < 0)
        rc = virt_error(err, "cannot let the guest go on");
    return rc;
}

int virt_domain_attach_card(struct virt_conn *conn, const struct guest_key *key, const char *xml,
                            struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup_to_change(conn, key, &domain, err);
    if (rc)
        return rc;
    char mac[18];
    template_mac(key->uuid, mac);
    char *seen = virDomainGetXMLDesc(domain, 0);
    bool there = seen && strstr(seen, mac); /* libvirt would plug a second one in */
    free(seen);
    if (!there && virDomainAttachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE))
        rc = virt_error(err, "cannot give the guest its network card");
    return rc;
}

static bool address_from(virDomainPtr domain, unsigned source, char ret[ADDRESS_SIZE])
{
    virDomainInterfacePtr *interfaces = NULL;
    int count = virDomainInterfaceAddresses(domain, &interfaces, source, 0);
    bool found = false;
    for (int i = 0; i < count; i++) {
        for (unsigned a = 0; a < interfaces[i]->naddrs && !found; a++) {
            const virDomainIPAddress *address = &interfaces[i]->addrs[a];
            if (address->type != VIR_IP_ADDR_TYPE_IPV4 || !strncmp(address->addr, "127.", 4) ||
                strlen(address->addr) >= ADDRESS_SIZE)
                continue;
            snprintf(ret, ADDRESS_SIZE, "%s", address->addr);
            found = true;
        }
        virDomainInterfaceFree(interfaces[i]);
    }
    free(interfaces);
    return found;
}

int virt_domain_address(struct virt_conn *conn, const struct guest_key *key, char ret[ADDRESS_SIZE],
                        struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup(conn, key, &domain, err);
    if (rc)
        return rc;
    if (address_from(domain, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, ret) ||
        address_from(domain, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT, ret))
        return 0;
    return error_set(err, CE_NOT_FOUND, "the guest has no address on its network yet");
}

static int write_epoch(struct virt_conn *conn, virDomainPtr domain, const struct guest_key *key,
                       struct error *err)
{
    char xml[256];
    template_mark(key->installation, key->desktop_id, atomic_load(&conn->epoch), xml, sizeof xml);
    int rc = virt_may_act(conn, err);
    if (!rc && virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml, "carrel", CARREL_METADATA_NS,
                                    VIR_DOMAIN_AFFECT_LIVE) < 0)
        rc = virt_error(err, "cannot write the guest's mark");
    return rc;
}

void virt_domain_write_epoch(struct virt_conn *conn, virDomainPtr domain, const struct guest_key *key)
{
    struct error why = {0};
    if (write_epoch(conn, domain, key, &why))
        log_warning("desktop %s: the epoch could not be written into its guest's mark: %s", key->desktop_id,
                    why.text);
}

int virt_domain_take_over(struct virt_conn *conn, const struct guest_key *key, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup(conn, key, &domain, err);
    return rc ? rc : write_epoch(conn, domain, key, err);
}

/* Where the connection is lost nothing is known, least of all that a guest has ended. */
static int list_one(const struct virt_conn *conn, virDomainPtr domain, const char *installation,
                    virt_each_guest *each, void *arg, struct error *err)
{
    struct guest_key key = {0};
    struct guest_seen seen = {0};
    uint64_t epoch = 0;
    int rc = read_mark(domain, key.installation, key.desktop_id, &epoch, err);
    bool ours = !rc && !strcmp(key.installation, installation);
    if (ours && (rc = domain_look(domain, &seen, err)))
        seen = (struct guest_seen){0};
    if (rc == CE_UNREACHABLE)
        return rc;
    if (rc == CE_NOT_FOUND && !ours)
        return 0; /* it ended meanwhile */
    if (!ours)
        key.desktop_id[0] = 0;
    seen.behind = ours && epoch < atomic_load(&conn->epoch);
    const char *name = virDomainGetName(domain);
    if (name && !virDomainGetUUIDString(domain, key.uuid))
        each(arg, name, &key, &seen);
    return 0;
}

int virt_domain_list(struct virt_conn *conn, const char *installation, virt_each_guest *each, void *arg,
                     struct error *err)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(conn->conn, &domains, 0), rc = 0;
    if (count < 0)
        return virt_error(err, "cannot list the host's guests");
    for (int i = 0; i < count; i++) {
        if (!rc)
            rc = list_one(conn, domains[i], installation, each, arg, err);
        virDomainFree(domains[i]);
    }
    free(domains);
    return rc;
}

int virt_domain_agent(struct virt_conn *conn, const struct guest_key *key, const char *command, int timeout_s,
                      char **ret, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup_to_change(conn, key, &domain, err);
    if (rc)
        return rc;
    char *answer = virDomainQemuAgentCommand(domain, command, timeout_s, 0);
    if (!answer) {
        rc = virt_error(err, "the guest agent");
        virErrorPtr last = virGetLastError();
        if (last && (last->code == VIR_ERR_OPERATION_INVALID || last->code == VIR_ERR_OPERATION_TIMEOUT))
            rc = CE_UNREACHABLE;
        return rc;
    }
    *ret = answer;
    return 0;
}
