#include "golden_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "golden_files.h"
#include "guest_identity.h"
#include "uuid.h"

#define ID_BYTES 8
#define UUID_BYTES 16
#define FAR_QEMU_MAJOR 6 /* snapshot-save and snapshot-load */

bool golden_uri_is_local(const char *uri)
{
    const char *rest = strstr(uri, "://");
    const char *transport = memchr(uri, '+', rest ? (size_t)(rest - uri) : 0);
    if (!rest || rest[3] != '/')
        return false;
    return !transport || !strncmp(transport, "+unix:", 6);
}

bool golden_host_is_far(const struct host_row *host)
{
    return !golden_uri_is_local(host->uri) || strcmp(host->storage, "shared") != 0;
}

const char *golden_shape_user(const struct golden_shape *shape)
{
    return shape->pool->warm ? shape->image->guest_user : "";
}

static int check(const struct golden_shape *shape, struct error *err)
{
    const struct host_row *host = shape->host;
    if (strncmp(host->hypervisor_version, "QEMU", 4) != 0)
        return error_set(err, CE_UNSUPPORTED, "its hypervisor is not QEMU");
    unsigned major = 0;
    (void)sscanf(host->hypervisor_version, "QEMU %u", &major);
    if (golden_host_is_far(host) && major < FAR_QEMU_MAJOR)
        return error_set(err, CE_UNSUPPORTED,
                         "its QEMU is older than %d.0, which forks need on another machine than vmpool's",
                         FAR_QEMU_MAJOR);
    if (shape->pool->warm && !*shape->image->guest_user)
        return error_set(err, CE_UNSUPPORTED, "the image names no guest user for the open session");
    return 0;
}

/* What vmpool.template may have that a fork cannot: its state or its memory is not QEMU's alone. */
static int check_xml(const char *xml, struct error *err)
{
    static const char *const bad[][2] = {
        {"<hostdev", "a device of the host (hostdev)"},
        {"type='vhostuser'", "a vhost-user device"},
        {"type=\"vhostuser\"", "a vhost-user device"},
        {"virtiofs", "a file system by virtiofs, which is a vhost-user device"},
        {"<memoryBacking", "memory of its own kind (memoryBacking)"},
        {"<numa>", "memory in several nodes (numa)"},
        {"<tpm", "a TPM, whose state is not the guest's"},
        {"<shmem", "memory that guests share (shmem)"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (strstr(xml, bad[i][0]))
            return error_set(err, CE_UNSUPPORTED, "the guest would have %s, with which it cannot be forked",
                             bad[i][1]);
    }
    if (!strstr(xml, "memory-backend-file"))
        return error_set(err, CE_UNSUPPORTED,
                         "vmpool.template has no ${commandline}, by which memory is shared");
    const char *machine = strstr(xml, "machine=");
    const char *name = machine ? machine + sizeof "machine=" : ""; /* behind the quote, too */
    if (strncmp(name, "q35", 3) != 0 && strncmp(name, "pc", 2) != 0)
        return error_set(err, CE_UNSUPPORTED,
                         "guests of machine type \"%.*s\" cannot be forked, only q35 and pc",
                         (int)strcspn(name, "'\""), name);
    return 0;
}

static void add(crypto_generichash_state *state, const char *text)
{
    (void)crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

/* The guest's XML with nothing of its own in it: machine type, CPU model, devices, memory, command line. */
static char *common_xml(const struct golden_shape *shape)
{
    const struct guest_spec spec = {
        .name = "golden",
        .uuid = "",
        .genid = "",
        .pool = "",
        .installation = shape->installation,
        .desktop_id = "",
        .disk = "",
        .serial_log = "",
        .kernel = shape->kernel,
        .initrd = shape->initrd,
        .cmdline = shape->image->cmdline,
        .network = shape->pool->network,
        .vcpus = shape->pool->vcpus,
        .memory_mib = shape->pool->memory_mib,
        .address = "",
        .nic_later = true,
        .ram_file = "",
        .kvm = shape->kvm,
    };
    return template_expand(shape->template, &spec);
}

int golden_shape_name(const struct golden_shape *shape, char ret_id[ID_SIZE], char ret_uuid[37],
                      struct error *err)
{
    int rc = check(shape, err);
    if (rc)
        return rc;
    char script[GUEST_SCRIPT_MAX];
    const bool waits = template_has_channel(shape->template, GUEST_IDENTITY_PORT);
    rc = guest_golden_script(golden_shape_user(shape), waits, script, err);
    if (rc)
        return rc;
    char *xml = common_xml(shape);
    if (!xml)
        return error_set(err, CE_NOMEM, "out of memory");
    rc = check_xml(xml, err);
    crypto_generichash_state state;
    unsigned char sum[ID_BYTES + UUID_BYTES];
    char hex[ID_BYTES * 2 + 1];
    (void)crypto_generichash_init(&state, NULL, 0, sizeof sum);
    add(&state, xml);
    add(&state, shape->image->id);
    add(&state, shape->host->id);
    add(&state, shape->host->hypervisor_version);
    add(&state, shape->host->libvirt_version);
    add(&state, shape->kvm ? shape->processor : "");
    add(&state, strcmp(shape->pool->network, "user") ? "card later" : "user");
    if (golden_host_is_far(shape->host))
        add(&state, "far"); /* its state lies in a file of another kind */
    add(&state, script);    /* what runs on in each fork, and whose session */
    (void)crypto_generichash_final(&state, sum, sizeof sum);
    free(xml);
    if (rc)
        return rc;
    sodium_bin2hex(hex, sizeof hex, sum, ID_BYTES);
    snprintf(ret_id, ID_SIZE, GOLDEN_PREFIX "%.16s", hex);
    uuid_from(sum + ID_BYTES, ret_uuid);
    return 0;
}
