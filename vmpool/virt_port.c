#include "virt_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "virt_internal.h"

#define OPEN_WAIT_MS 200 /* a fork's ports are told to libvirt one after the other */
#define LOOK_MS 2        /* between two looks at what libvirt's loop has brought */

struct virt_port {
    virStreamPtr stream;
    size_t len;
    char heard[VIRT_PORT_HEARD_MAX + 1];
};

static int wait_open(virDomainPtr domain, const char *name, struct error *err)
{
    const uint64_t until_ns = uv_hrtime() + (uint64_t)OPEN_WAIT_MS * 1000000;
    for (;;) {
        char *xml = virDomainGetXMLDesc(domain, 0);
        if (!xml)
            return virt_error(err, "cannot read the guest's XML");
        const bool open = virt_xml_port_is_open(xml, name);
        free(xml);
        if (open)
            return 0;
        if (uv_hrtime() >= until_ns)
            return error_set(err, CE_NOT_FOUND, "nobody in the guest has its port %s open", name);
        uv_sleep(LOOK_MS * 5);
    }
}

int virt_port_open(struct virt_port **ret, struct virt_conn *conn, const struct guest_key *key,
                   const char *name, struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup_to_change(conn, key, &domain, err);
    if (!rc)
        rc = wait_open(domain, name, err);
    if (rc)
        return rc;
    struct virt_port *port = calloc(1, sizeof *port);
    if (!port)
        return error_set(err, CE_NOMEM, "out of memory");
    port->stream = virStreamNew(conn->conn, VIR_STREAM_NONBLOCK);
    if (!port->stream || virDomainOpenChannel(domain, name, port->stream, VIR_DOMAIN_CHANNEL_FORCE) < 0) {
        rc = virt_error(err, "cannot open a port of the guest");
        if (port->stream)
            virStreamFree(port->stream);
        free(port);
        return rc;
    }
    *ret = port;
    return 0;
}

void virt_port_close(struct virt_port **port)
{
    struct virt_port *p = *port;
    if (!p)
        return;
    *port = NULL;
    (void)virStreamAbort(p->stream);
    virStreamFree(p->stream);
    free(p);
}

int virt_port_say(struct virt_port *port, const char *text, struct error *err)
{
    for (size_t left = strlen(text); left;) {
        int n = virStreamSend(port->stream, text, left);
        if (n == -1)
            return virt_error(err, "cannot write to a port of the guest");
        if (n < 0) {
            uv_sleep(LOOK_MS);
            continue;
        }
        text += n;
        left -= (size_t)n;
    }
    return 0;
}

int virt_port_hear(struct virt_port *port, uint64_t until_ns, const char **ret, struct error *err)
{
    for (;;) {
        size_t room = VIRT_PORT_HEARD_MAX - port->len;
        int n = room ? virStreamRecv(port->stream, port->heard + port->len, room) : 0;
        if (!room)
            return error_set(err, CE_LIMIT, "the guest says too much on its port");
        if (n > 0) {
            port->len += (size_t)n;
            port->heard[port->len] = 0;
            *ret = port->heard;
            return 0;
        }
        if (n == -1)
            return virt_error(err, "cannot read from a port of the guest");
        if (n == 0)
            return error_set(err, CE_UNREACHABLE, "the guest or the connection ended");
        if (uv_hrtime() >= until_ns)
            return error_set(err, CE_TIMEOUT, "the guest says nothing on its port");
        uv_sleep(LOOK_MS);
    }
}
