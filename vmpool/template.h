/* The template of a guest's domain XML (vmpool.template, an administrator may change it) and its expansion.
 * A struct template is immutable once loaded; the loop's thread owns it and host threads get finished texts.
 *
 * Placeholders are written ${name}. Single values are escaped; those marked "element" are XML made here:
 *
 *     virt          kvm or qemu                boot         element: kernel, initrd, cmdline, or nothing
 *     name uuid     of the guest               cpu          element: the CPU model for virt
 *     genid         fresh for every start      tcg          element: software emulation's cache, or nothing
 *     pool          the pool's name            interface    element: the NIC on a libvirt network, or nothing
 *     memory_mib    in MiB                     commandline  element: the NIC in user mode, a golden guest's memory, or nothing
 *     vcpus         a number                   metadata     element: whose guest this is
 *     disk          the overlay's path
 *     disk_cache    writeback for dedicated desktops; unsafe for those that are thrown away
 *     serial_log    where the serial port writes
 *
 * For Windows:
 *     nvram         where UEFI keeps its variables, beside the disk
 *     keeps_state   yes for dedicated desktops, no for those that are thrown away
 *     hyperv        element: Hyper-V's enlightenments where KVM runs the guest, or nothing
 *     hypervclock   element: the same for its clock
 */
#ifndef VMPOOL_TEMPLATE_H
#define VMPOOL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#define TEMPLATE_MAX_BYTES 65536 /* a larger file is refused */
#define CARREL_METADATA_NS "urn:carrel:desktop:1"

struct template;

/* All texts are borrowed for the call. */
struct guest_spec {
    const char *name;
    const char *uuid;
    const char *genid;
    const char *pool;
    const char *installation; /* with desktop_id: the mark that makes a domain ours */
    const char *desktop_id;
    uint64_t epoch; /* of the lease of whoever starts it */
    const char *disk;
    const char *nvram;
    const char *serial_log;
    const char *kernel; /* empty: the disk's own boot loader */
    const char *initrd;
    const char *cmdline;
    const char *network; /* "user", or a libvirt network's name */
    uint32_t vcpus;
    uint32_t memory_mib;
    const char
        *address; /* user-mode networks: the IPv4 address and the port that lead to the guest's RDP port */
    uint16_t port;
    const char
        *ram_file; /* NULL; else the file that is the guest's memory, for golden guests and their clones */
    bool
        nic_later; /* on a libvirt network: the card is attached when the guest runs (template_interface()) */
    bool fork;     /* a clone: it maps the file privately and waits for the state of its devices */
    bool far;      /* of a fork: which it loads from a disk, instead of being handed it (virt_golden.h) */
    bool warm;     /* of a fork: a session is open in it already */
    bool kvm;
    bool keep;       /* a dedicated desktop: its disk outlives the guest */
    bool one_socket; /* all processors are cores of one: Windows for desktops takes two sockets at most */
};

/* Refuses an unknown or missing placeholder and XML that is not well-formed, with file, line and reason. */
int template_load(struct template **ret, const char *path, struct error *err) MUST_CHECK;
int template_parse(struct template **ret, const char *path, const char *text, struct error *err) MUST_CHECK;
void template_destroy(struct template **template);

/* Whether its guests have a virtio-serial channel of that name. */
bool template_has_channel(const struct template *template, const char *name);

/* The domain XML for one guest, to be freed by the caller; NULL only without memory. */
char *template_expand(const struct template *template, const struct guest_spec *spec);

/* The mark as a namespaced element without a prefix, as virDomainSetMetadata() takes it. */
void template_mark(const char *installation, const char *desktop_id, uint64_t epoch, char *ret, size_t size);

/* The card of a guest on a libvirt network, as template_expand() writes it, to be freed; NULL without memory. */
char *template_interface(const char *network, const char *uuid);

/* XML of a guest whose memory was written, with the address and port by which its RDP port is reached now; to be freed,
 * NULL without memory. A guest that is not on a user-mode network has none, and stays as it is. */
char *template_set_forward(const char *xml, const char *address, uint16_t port);

/* The MAC address that belongs to a guest's UUID, as template_expand() writes it for a card on a libvirt network. */
void template_mac(const char *uuid, char ret[18]);

#endif
