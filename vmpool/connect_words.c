#include "connect_words.h"

#include <stdio.h>
#include <string.h>

/* What libvirt says alike in several cases, whose difference stands in its log only: that of the client library goes
 * to vmpool's own, and that of the host's daemon stays there. */
static const struct {
    const char *said;
    const char *means;
} meanings[] = {
    {"Failed to verify peer's certificate", "the host's certificate has expired, is not of the CA in "
                                            "cacert.pem, or is not for the name in the URI; the log of "
                                            "carrel-vmpool has which"},
    {"Unable to read TLS confirmation", "the host refused carrel-vmpool's certificate: it is not of the "
                                        "host's CA, or not in its tls_allowed_dn_list; the "
                                        "log of libvirtd there has which"},
    {"Cannot write data: Broken pipe",
     "the program that connects, ssh for example, ended at once; run as carrel-vmpool's user it says why"},
    {"Host key verification failed",
     "the host's key must stand in /etc/ssh/ssh_known_hosts, as nobody is there to be asked"},
    {"Permission denied (",
     "the host takes no key that carrel-vmpool has; name one with keyfile=, without a passphrase"},
};

/* ssh says it with a banner that leaves no room for the reason. */
static const char changed_key[] =
    "ssh: the host's key has changed: it is not the one in /etc/ssh/ssh_known_hosts, so "
    "that somebody may stand between";

void connect_words(const char *said, char *ret, size_t size)
{
    if (strstr(said, "REMOTE HOST IDENTIFICATION HAS CHANGED")) {
        (void)snprintf(ret, size, "%s", changed_key);
        return;
    }
    size_t used = 0;
    const char *between = "";
    for (const char *at = said; *at && used < size;) {
        size_t n = strcspn(at, "\r\n");
        if (n) {
            int put = snprintf(ret + used, size - used, "%s%.*s", between, (int)n, at);
            used += put > 0 ? (size_t)put : 0;
            between = "; ";
        }
        at += n;
        at += strspn(at, "\r\n");
    }
    if (!used && size)
        ret[0] = 0;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0] && used < size; i++) {
        if (strstr(said, meanings[i].said)) {
            (void)snprintf(ret + used, size - used, " (%s)", meanings[i].means);
            return;
        }
    }
}
