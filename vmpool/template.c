#include "template.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

struct template
{
    char *text;
};

/* Fewer would leave a guest that cannot be found again, or two guests on one disk. */
enum { NEED_ONCE = 1 };

struct placeholder {
    const char *name;
    int need;
    void (*write)(FILE *out, const struct guest_spec *spec);
};

static void write_escaped(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        switch (*p) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '\'':
            fputs("&apos;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*p, out);
        }
    }
}

static bool on_user_network(const struct guest_spec *spec)
{
    return !strcmp(spec->network, "user");
}

static void write_virt(FILE *out, const struct guest_spec *spec)
{
    fputs(spec->kvm ? "kvm" : "qemu", out);
}

static void write_name(FILE *out, const struct guest_spec *spec)
{
    write_escaped(out, spec->name);
}

static void write_uuid(FILE *out, const struct guest_spec *spec)
{
    write_escaped(out, spec->uuid);
}

static void write_genid(FILE *out, const struct guest_spec *spec)
{
    write_escaped(out, spec->genid);
}

static void write_pool(FILE *out, const struct guest_spec *spec)
{
    write_escaped(out, spec->pool);
}

static void write_memory(FILE *out, const struct guest_spec *spec)
{
    fprintf(out, "%u", spec->memory_mib);
}

static void write_vcpus(FILE *out, const struct guest_spec *spec)
{
    fprintf(out, "%u", spec->vcpus);
}

static void write_disk(FILE *out, const struct guest_spec *spec)
{
    write_escaped(out, spec->disk);
}

static void write_disk_cache(FILE *out, const struct guest_spec *spec)
{
    fputs(spec->keep ? "writeback" : "unsafe", out);
}

static void write_serial_log(FILE *out, const struct guest_spec *spec)
{
    write_escaped(out, spec->serial_log);
}

static void write_element(FILE *out, const char *name, const char *text)
{
    if (!*text)
        return;
    fprintf(out, "<%s>", name);
    write_escaped(out, text);
    fprintf(out, "</%s>", name);
}

static void write_boot(FILE *out, const struct guest_spec *spec)
{
    if (!*spec->kernel) {
        fputs("<boot dev='hd'/>", out);
        return;
    }
    write_element(out, "kernel", spec->kernel);
    write_element(out, "initrd", spec->initrd);
    write_element(out, "cmdline", spec->cmdline);
}

/* Software emulation gains nothing from a richer model; the plain one boots everywhere. With RDRAND: a Linux that trusts
 * it has its random generator ready before the second processor runs. Without, it switches its own code for that later
 * (a static key), and an emulated processor that runs there at that moment may trap ("Oops: int3"): about one boot of a
 * hundred ended so. */
static void write_cpu(FILE *out, const struct guest_spec *spec)
{
    fputs(spec->kvm ? "<cpu mode='host-passthrough' check='none'>"
                    : "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model>",
          out);
    if (spec->one_socket)
        fprintf(out, "<topology sockets='1' dies='1' cores='%u' threads='1'/>", spec->vcpus);
    if (!spec->kvm)
        fputs("<feature policy='require' name='rdrand'/>", out);
    fputs("</cpu>", out);
}

static void write_nvram(FILE *out, const struct guest_spec *spec)
{
    write_escaped(out, spec->nvram);
}

static void write_keeps_state(FILE *out, const struct guest_spec *spec)
{
    fputs(spec->keep ? "yes" : "no", out);
}

/* What Microsoft asks of a hypervisor, as far as QEMU has it on every processor that KVM runs on. */
static void write_hyperv(FILE *out, const struct guest_spec *spec)
{
    static const char *const words[] = {"relaxed", "vapic",       "vpindex",  "runtime", "synic",
                                        "reset",   "frequencies", "tlbflush", "ipi"};
    if (!spec->kvm)
        return;
    fputs("<hyperv mode='custom'><spinlocks state='on' retries='8191'/><stimer state='on'><direct "
          "state='on'/></stimer>",
          out);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        fprintf(out, "<%s state='on'/>", words[i]);
    fputs("</hyperv>", out);
}

static void write_hypervclock(FILE *out, const struct guest_spec *spec)
{
    if (spec->kvm)
        fputs("<timer name='hypervclock' present='yes'/>", out);
}

/* Without a bound the translation cache of a guest grows by hundreds of MiB. One that is too small is emptied again and
 * again, and what was in it translated anew: a boot fills 64 MiB eighteen times, a fork that begins a session 32 MiB
 * forty-eight times. A fork that has its session fills some 32 MiB until it is ready, and 90 until its user sees it. */
static void write_tcg(FILE *out, const struct guest_spec *spec)
{
    int fork_mib = spec->warm ? 96 : 128;
    if (!spec->kvm)
        fprintf(out, "<tcg><tb-cache unit='MiB'>%d</tb-cache></tcg>", spec->fork ? fork_mib : 256);
}

/* Isolated ports keep the guests of a network from each other. */
static void write_card(FILE *out, const char *network, const char *uuid)
{
    char mac[18];
    template_mac(uuid, mac);
    fprintf(out, "<interface type='network'><mac address='%s'/><source network='", mac);
    write_escaped(out, network);
    fputs("'/><model type='virtio'/><port isolated='yes'/></interface>", out);
}

static void write_interface(FILE *out, const struct guest_spec *spec)
{
    if (!on_user_network(spec) && !spec->nic_later)
        write_card(out, spec->network, spec->uuid);
}

char *template_interface(const char *network, const char *uuid)
{
    char *xml = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&xml, &size);
    if (!out)
        return NULL;
    write_card(out, network, uuid);
    if (!fclose(out))
        return xml;
    free(xml);
    return NULL;
}

#define QEMU_NS "http://libvirt.org/schemas/domain/qemu/1.0"
#define FORWARD_HEAD "user,id=carrel0,restrict=on,hostfwd=tcp:"
#define FORWARD_TAIL "-:3389"
#define USER_MAC "52:54:00:ca:44:e1"

/* libvirt has no port forward for QEMU's own user-mode network, so the NIC is given to QEMU directly.
 * restrict=on keeps the guest from the host and from the network; the forward still leads in, to the address that the
 * first card has which asks for one. Each guest is alone there, so all have one MAC address: a fork's network knows the
 * golden guest's card, and one with another MAC address would be another card there once the fork starts anew. */
static void write_user_nic(FILE *out, const struct guest_spec *spec)
{
    fprintf(out,
            "<qemu:arg value='-netdev'/>"
            "<qemu:arg value='" FORWARD_HEAD "%s:%u" FORWARD_TAIL "'/>"
            "<qemu:arg value='-device'/>"
            "<qemu:arg value='virtio-net-pci,netdev=carrel0,mac=" USER_MAC ",bus=pcie.0,addr=0x10'/>",
            spec->address, spec->port);
}

char *template_set_forward(const char *xml, const char *address, uint16_t port)
{
    const char *head = strstr(xml, FORWARD_HEAD);
    const char *tail = head ? strstr(head, FORWARD_TAIL) : NULL;
    char *changed = NULL;
    if (!tail)
        return strdup(xml);
    head += sizeof FORWARD_HEAD - 1;
    return asprintf(&changed, "%.*s%s:%u%s", (int)(head - xml), xml, address, port, tail) < 0 ? NULL
                                                                                              : changed;
}

/* Memory in a file of our choice, which libvirt cannot name. In QEMU's options a comma is written twice. */
static void write_ram_file(FILE *out, const struct guest_spec *spec)
{
    fputs("<qemu:arg value='-object'/><qemu:arg value='memory-backend-file,id=carrel-ram,mem-path=", out);
    for (const char *p = spec->ram_file; *p; p++) {
        const char one[] = {*p, 0};
        write_escaped(out, *p == ',' ? ",," : one);
    }
    fprintf(out, ",size=%uM,share=%s'/>", spec->memory_mib, spec->fork ? "off" : "on");
    fputs("<qemu:arg value='-machine'/><qemu:arg value='memory-backend=carrel-ram'/>", out);
    if (spec->fork && !spec->far)
        fputs("<qemu:arg value='-incoming'/><qemu:arg value='defer'/>", out);
}

static void write_commandline(FILE *out, const struct guest_spec *spec)
{
    if (!on_user_network(spec) && !spec->ram_file)
        return;
    fputs("<qemu:commandline xmlns:qemu='" QEMU_NS "'>", out);
    if (on_user_network(spec))
        write_user_nic(out, spec);
    if (spec->ram_file)
        write_ram_file(out, spec);
    fputs("</qemu:commandline>", out);
}

/* Of each guest that libvirt starts it asks QEMU for every property of the processor, some 600, one by one, unless it
 * takes QEMU for one that cannot name those which it lacks: a third of the time in which a fork is ready. The golden guest was
 * asked, and QEMU loads its state only into the same processor. */
static void write_capabilities(FILE *out, const struct guest_spec *spec)
{
    if (spec->fork)
        fputs("<qemu:capabilities xmlns:qemu='" QEMU_NS "'><qemu:del capability='cpu-unavailable-features'/>"
              "</qemu:capabilities>",
              out);
}

static void write_extensions(FILE *out, const struct guest_spec *spec)
{
    write_commandline(out, spec);
    write_capabilities(out, spec);
}

static void write_metadata(FILE *out, const struct guest_spec *spec)
{
    fputs("<metadata><carrel:desktop xmlns:carrel='" CARREL_METADATA_NS "' installation='", out);
    write_escaped(out, spec->installation);
    fputs("' id='", out);
    write_escaped(out, spec->desktop_id);
    fprintf(out, "' epoch='%llu'/></metadata>", (unsigned long long)spec->epoch);
}

/* Both texts are hex digits and letters. */
void template_mark(const char *installation, const char *desktop_id, uint64_t epoch, char *ret, size_t size)
{
    snprintf(ret, size, "<desktop installation='%s' id='%s' epoch='%llu'/>", installation, desktop_id,
             (unsigned long long)epoch);
}

static const struct placeholder placeholders[] = {
    {"virt", 0, write_virt},
    {"name", NEED_ONCE, write_name},
    {"uuid", NEED_ONCE, write_uuid},
    {"genid", 0, write_genid},
    {"pool", 0, write_pool},
    {"memory_mib", 0, write_memory},
    {"vcpus", 0, write_vcpus},
    {"disk", NEED_ONCE, write_disk},
    {"disk_cache", 0, write_disk_cache},
    {"serial_log", 0, write_serial_log},
    {"nvram", 0, write_nvram},
    {"keeps_state", 0, write_keeps_state},
    {"hyperv", 0, write_hyperv},
    {"hypervclock", 0, write_hypervclock},
    {"boot", 0, write_boot},
    {"cpu", 0, write_cpu},
    {"tcg", 0, write_tcg},
    {"interface", 0, write_interface},
    {"commandline", 0, write_extensions},
    {"metadata", NEED_ONCE, write_metadata},
};
#define PLACEHOLDERS (sizeof placeholders / sizeof placeholders[0])

void template_mac(const char *uuid, char ret[18])
{
    unsigned bytes[3] = {0};
    size_t len = strlen(uuid);
    if (len >= 6)
        (void)sscanf(uuid + len - 6, "%2x%2x%2x", &bytes[0], &bytes[1], &bytes[2]);
    snprintf(ret, 18, "52:54:00:%02x:%02x:%02x", bytes[0] & 0xff, bytes[1] & 0xff, bytes[2] & 0xff);
}

/* The placeholder whose "${name}" begins at AT; *ret_len is its length with braces, 0 where it does not end.
 */
static const struct placeholder *placeholder_at(const char *at, size_t *ret_len)
{
    const char *name = at + 2;
    size_t len = 0;
    while (islower((unsigned char)name[len]) || name[len] == '_')
        len++;
    *ret_len = name[len] == '}' ? len + 3 : 0;
    for (size_t i = 0; *ret_len && i < PLACEHOLDERS; i++) {
        if (strlen(placeholders[i].name) == len && !memcmp(placeholders[i].name, name, len))
            return &placeholders[i];
    }
    return NULL;
}

bool template_has_channel(const struct template *template, const char *name)
{
    char single[96], twice[96];
    snprintf(single, sizeof single, "'%s'", name);
    snprintf(twice, sizeof twice, "\"%s\"", name);
    return strstr(template->text, single) || strstr(template->text, twice);
}

char *template_expand(const struct template *template, const struct guest_spec *spec)
{
    char *xml = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&xml, &size);
    if (!out)
        return NULL;
    const char *p = template->text;
    for (const char *at; (at = strstr(p, "${"));) {
        size_t len;
        const struct placeholder *found = placeholder_at(at, &len);
        fwrite(p, 1, (size_t)(at - p), out);
        if (found)
            found->write(out, spec);
        p = at + (len ? len : 2);
    }
    fputs(p, out);
    if (fclose(out)) {
        free(xml);
        return NULL;
    }
    return xml;
}

static int check_placeholders(const char *path, const char *text, struct error *err)
{
    unsigned seen[PLACEHOLDERS] = {0};
    int line = 1;
    for (const char *p = text; *p; p++) {
        line += *p == '\n';
        if (p[0] != '$' || p[1] != '{')
            continue;
        size_t len;
        const struct placeholder *found = placeholder_at(p, &len);
        if (!len)
            return error_set(err, CE_BAD_INPUT, "%s:%d: a placeholder is not closed: write ${name}", path,
                             line);
        if (!found)
            return error_set(err, CE_BAD_INPUT, "%s:%d: unknown placeholder %.*s", path, line, (int)len, p);
        seen[found - placeholders]++;
    }
    for (size_t i = 0; i < PLACEHOLDERS; i++) {
        if (placeholders[i].need == NEED_ONCE && seen[i] != 1)
            return error_set(err, CE_BAD_INPUT, "%s:%d: ${%s} must be there exactly once, not %u times", path,
                             line, placeholders[i].name, seen[i]);
    }
    return 0;
}

/* Elements made here have no newlines, so the parser's line is the template's line. */
static int check_xml(const struct template *template, const char *path, struct error *err)
{
    const struct guest_spec sample = {.name = "sample-1",
                                      .uuid = "00000000-0000-4000-8000-000000000001",
                                      .genid = "00000000-0000-4000-8000-000000000002",
                                      .pool = "sample",
                                      .installation = "sample",
                                      .desktop_id = "d-sample",
                                      .disk = "/d",
                                      .nvram = "/n",
                                      .serial_log = "/s",
                                      .kernel = "/k",
                                      .initrd = "/i",
                                      .cmdline = "quiet",
                                      .network = "user",
                                      .vcpus = 1,
                                      .memory_mib = 512,
                                      .port = 42000};
    char *xml = template_expand(template, &sample);
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (!xml || !parser) {
        free(xml);
        if (parser)
            xmlFreeParserCtxt(parser);
        return error_set(err, CE_NOMEM, "out of memory");
    }
    int rc = 0;
    xmlDocPtr doc = xmlCtxtReadMemory(parser, xml, (int)strlen(xml), path, NULL,
                                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc) {
        const xmlError *e = xmlCtxtGetLastError(parser);
        const char *words = e && e->message ? e->message : "not well-formed XML";
        rc = error_set(err, CE_BAD_INPUT, "%s:%d: %.*s", path, e ? e->line : 1, (int)strcspn(words, "\n"),
                       words);
    } else {
        const xmlNode *root = xmlDocGetRootElement(doc);
        if (!root || xmlStrcmp(root->name, (const xmlChar *)"domain") != 0)
            rc = error_set(err, CE_BAD_INPUT, "%s:%ld: the outermost element must be <domain>", path,
                           root ? xmlGetLineNo(root) : 1);
        xmlFreeDoc(doc);
    }
    xmlFreeParserCtxt(parser);
    free(xml);
    return rc;
}

int template_parse(struct template **ret, const char *path, const char *text, struct error *err)
{
    int rc = check_placeholders(path, text, err);
    if (rc)
        return rc;
    struct template *template = calloc(1, sizeof *template);
    if (!template || !(template->text = strdup(text))) {
        template_destroy(&template);
        return error_set(err, CE_NOMEM, "out of memory");
    }
    rc = check_xml(template, path, err);
    if (rc)
        template_destroy(&template);
    else
        *ret = template;
    return rc;
}

int template_load(struct template **ret, const char *path, struct error *err)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    char *text = calloc(1, TEMPLATE_MAX_BYTES + 1);
    size_t len = text ? fread(text, 1, TEMPLATE_MAX_BYTES + 1, in) : 0;
    int rc = 0;
    if (!text)
        rc = error_set(err, CE_NOMEM, "out of memory");
    else if (ferror(in))
        rc = error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    else if (len > TEMPLATE_MAX_BYTES)
        rc = error_set(err, CE_LIMIT, "%s: larger than %d bytes", path, TEMPLATE_MAX_BYTES);
    else if (memchr(text, 0, len))
        rc = error_set(err, CE_BAD_INPUT, "%s: has a NUL byte, so it is not XML", path);
    fclose(in);
    if (!rc)
        rc = template_parse(ret, path, text, err);
    free(text);
    return rc;
}

void template_destroy(struct template **template)
{
    if (!*template)
        return;
    free((*template)->text);
    free(*template);
    *template = NULL;
}
