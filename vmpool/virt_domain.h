/* Guests as libvirt domains: all transient, created from a finished XML text. A domain is ours when its
 * metadata names this installation and the desktop; every function that changes a domain looks first, and
 * refuses with CE_REFUSED what is somebody else's. Host's threads only (jobs of virt_host_submit()).
 */
#ifndef VMPOOL_VIRT_DOMAIN_H
#define VMPOOL_VIRT_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <carrel/error.h>
#include <carrel/ids.h>

struct virt_conn;

#define INSTALLATION_SIZE 33
#define VIRT_AGENT_PORT "org.qemu.guest_agent.0"

/* Which guest, and the proof that it is ours. */
struct guest_key {
    char uuid[37];
    char desktop_id[ID_SIZE];
    char installation[INSTALLATION_SIZE];
};

static inline struct guest_key guest_key_of(const char *uuid, const char *desktop_id,
                                            const char *installation)
{
    struct guest_key key;
    snprintf(key.uuid, sizeof key.uuid, "%s", uuid);
    snprintf(key.desktop_id, sizeof key.desktop_id, "%s", desktop_id);
    snprintf(key.installation, sizeof key.installation, "%s", installation);
    return key;
}

struct guest_seen {
    bool running; /* false: paused (an I/O error) or on its way out */
    bool agent;   /* its guest agent is connected */
    bool behind;  /* virt_domain_list(): its mark has an older epoch than the host's lease */
};

/* CE_BUSY when the forwarded port is taken (choose another), CE_EXISTS when a domain has the name or UUID. */
int virt_domain_start(struct virt_conn *conn, const char *xml, struct error *err) MUST_CHECK;
int virt_domain_start_paused(struct virt_conn *conn, const char *xml, struct error *err) MUST_CHECK;

int virt_domain_find(struct virt_conn *conn, const struct guest_key *key, struct guest_seen *ret,
                     struct error *err) MUST_CHECK;

/* Ends the guest without asking it; 0 also when there is none. Takes up to 15 s with a hung QEMU. */
int virt_domain_destroy(struct virt_conn *conn, const struct guest_key *key, struct error *err) MUST_CHECK;

/* Lets a guest that an I/O error paused go on. */
int virt_domain_resume(struct virt_conn *conn, const struct guest_key *key, struct error *err) MUST_CHECK;

/* Gives a running guest the network card of XML (template_interface()), if it has none with that address. */
int virt_domain_attach_card(struct virt_conn *conn, const struct guest_key *key, const char *xml,
                            struct error *err) MUST_CHECK;

/* The guest's address on its libvirt network, from the lease or else from the agent. CE_NOT_FOUND: none yet.
 */
int virt_domain_address(struct virt_conn *conn, const struct guest_key *key, char ret[ADDRESS_SIZE],
                        struct error *err) MUST_CHECK;

/* KEY's desktop_id is empty for a domain that is not ours. SEEN is what virt_domain_find() would say; not running too
 * when that failed. */
typedef void virt_each_guest(void *arg, const char *name, const struct guest_key *key,
                             const struct guest_seen *seen);

/* Calls each() for every domain of the host. Waits for no guest. When it fails, the list was not whole. */
int virt_domain_list(struct virt_conn *conn, const char *installation, virt_each_guest *each, void *arg,
                     struct error *err) MUST_CHECK;

/* Writes the epoch of the host's lease into the guest's mark. Waits for half a minute while another call has it. */
int virt_domain_take_over(struct virt_conn *conn, const struct guest_key *key, struct error *err) MUST_CHECK;

/* One command of QEMU's guest agent; the answer is freed by the caller. CE_UNREACHABLE: no agent listens. */
int virt_domain_agent(struct virt_conn *conn, const struct guest_key *key, const char *command, int timeout_s,
                      char **ret, struct error *err) MUST_CHECK;

#endif
