#include "virt_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "probe_initrd.h"
#include "template.h"
#include "uuid.h"
#include "virt_internal.h"

#define CONSOLE_BYTES 8192 /* of the console are searched; a kernel told to be quiet prints less */

/* What the guest's console said. The host's thread waits on it; libvirt's dispatch on the loop fills it. */
struct virt_probe {
    uv_mutex_t mutex;
    uv_cond_t cond;
    char text[CONSOLE_BYTES + 1];
    size_t len;
    bool ended;
};

void virt_probe_destroy(struct virt_probe **probe)
{
    if (!*probe)
        return;
    uv_cond_destroy(&(*probe)->cond);
    uv_mutex_destroy(&(*probe)->mutex);
    free(*probe);
    *probe = NULL;
}

struct virt_probe *virt_probe_create(void)
{
    struct virt_probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        return NULL;
    if (uv_mutex_init(&probe->mutex) || uv_cond_init(&probe->cond)) {
        free(probe);
        return NULL;
    }
    return probe;
}

static void on_console(virStreamPtr stream, int events, void *opaque)
{
    struct virt_probe *probe = opaque;
    char bytes[1024];
    int got = virStreamRecv(stream, bytes, sizeof bytes);
    uv_mutex_lock(&probe->mutex);
    for (int i = 0; i < got && probe->len < CONSOLE_BYTES; i++)
        probe->text[probe->len++] = bytes[i] ? bytes[i] : ' ';
    probe->text[probe->len] = 0;
    if (got == 0 || got == -1) {
        probe->ended = true;
        (void)virStreamEventUpdateCallback(stream, 0);
    }
    uv_cond_signal(&probe->cond);
    uv_mutex_unlock(&probe->mutex);
}

static int probe_wait(struct virt_probe *probe, struct error *err)
{
    int rc = CE_TIMEOUT;
    uint64_t until_ns = uv_hrtime() + (uint64_t)VIRT_PROBE_TIMEOUT_MS * 1000000;
    uv_mutex_lock(&probe->mutex);
    for (;;) {
        uint64_t now_ns = uv_hrtime();
        if (strstr(probe->text, PROBE_MARKER))
            rc = 0;
        else if (probe->ended)
            rc = CE_IO;
        if (rc != CE_TIMEOUT || now_ns >= until_ns)
            break;
        (void)uv_cond_timedwait(&probe->cond, &probe->mutex, until_ns - now_ns);
    }
    uv_mutex_unlock(&probe->mutex);
    if (rc == CE_IO)
        return error_set(err, rc, "the probe's guest ended before it gave a sign of life");
    if (rc)
        return error_set(err, rc, "the probe's guest gave no sign of life within %d s",
                         VIRT_PROBE_TIMEOUT_MS / 1000);
    return 0;
}

bool virt_probe_claims_kvm(struct virt_conn *conn)
{
    char *xml = virConnectGetDomainCapabilities(conn->conn, NULL, "x86_64", "q35", "kvm", 0);
    free(xml);
    return xml != NULL;
}

static virDomainPtr start_paused(struct virt_conn *conn, const struct virt_probe_spec *spec)
{
    /* The same mark as a desktop's: a probe that a killed vmpool left behind is found and removed. */
    char uuid[37];
    uuid_make(uuid);
    char xml[4096];
    int n = snprintf(
        xml, sizeof xml,
        "<domain type='%s'><name>carrel-probe-%.8s</name><uuid>%s</uuid><metadata>"
        "<carrel:desktop xmlns:carrel='" CARREL_METADATA_NS "' installation='%s' id='probe'/></metadata>"
        "<memory unit='MiB'>256</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type>"
        "<kernel>%s</kernel><initrd>%s</initrd><cmdline>console=ttyS0 quiet panic=-1 no_timer_check"
        "</cmdline></os><features><acpi/><apic/></features>%s<on_reboot>destroy</on_reboot>"
        "<on_crash>destroy</on_crash><devices><controller type='usb' model='none'/>"
        "<memballoon model='none'/><serial type='pty'><target type='isa-serial' port='0'/></serial>"
        "<video><model type='none'/></video></devices></domain>",
        spec->kvm ? "kvm" : "qemu", spec->installation, uuid, spec->installation, spec->kernel, spec->initrd,
        spec->kvm ? "<cpu mode='host-passthrough' check='none'/>" : "");
    if (n < 0 || (size_t)n >= sizeof xml)
        return NULL;
    return virDomainCreateXML(conn->conn, xml, VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);
}

static int listen_and_resume(struct virt_conn *conn, virDomainPtr domain, struct virt_probe *probe,
                             struct error *err)
{
    virStreamPtr stream = virStreamNew(conn->conn, VIR_STREAM_NONBLOCK);
    if (!stream)
        return virt_error(err, "cannot make a stream");
    int rc = 0;
    if (virDomainOpenConsole(domain, NULL, stream, VIR_DOMAIN_CONSOLE_FORCE) < 0) {
        rc = virt_error(err, "cannot read the probe's console");
        virStreamFree(stream);
        return rc;
    }
    if (virStreamEventAddCallback(
            stream, VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP, on_console,
            probe, NULL) < 0) {
        rc = virt_error(err, "cannot watch the probe's console");
    } else {
        rc = virDomainResume(domain) < 0 ? virt_error(err, "cannot start the probe's guest")
                                         : probe_wait(probe, err);
        (void)virStreamEventRemoveCallback(stream);
    }
    (void)virStreamAbort(stream);
    virStreamFree(stream);
    return rc;
}

int virt_probe_boot(struct virt_conn *conn, struct virt_probe *probe, const struct virt_probe_spec *spec,
                    struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = start_paused(conn, spec);
    if (!domain)
        return virt_error(err, "the probe's guest does not start");
    int rc = listen_and_resume(conn, domain, probe, err);
    (void)virDomainDestroy(domain);
    return rc;
}
