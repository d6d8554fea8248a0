/* How many connections there may be: in all, per client address, and before their log-in. One for the
 * process; any worker thread calls it, at accept, at the log-in and at the end of a connection.
 *
 * Outcomes: a connection over any limit is closed at once, without a byte, and counted as gateway-limit.
 */
#ifndef CARREL_GATEWAY_ADMISSION_H
#define CARREL_GATEWAY_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct config;
struct admission;

/* An IPv4 address, or the /64 of an IPv6 address: what one subscriber has. */
struct admission_address {
    uint8_t bytes[8];
    uint8_t family;
};

/* What a connection holds; given back piece by piece. */
struct admission_hold {
    struct admission_address address;
    bool counted; /* in all and per address */
    bool login;   /* among those that have not logged in */
};

struct admission *admission_create(const struct config *config);
void admission_destroy(struct admission **admission);
void admission_configure(struct admission *admission, const struct config *config); /* after a reload */

/* PEER NULL: a trusted balancer's, which no limit per address holds back. NULL, or which limit was hit: a configuration key without its section ("max_per_address"). HOLD is then
 * empty. */
const char *admission_enter(struct admission *admission, const struct sockaddr_storage *peer,
                            struct admission_hold *hold);
/* A balancer said who the client really is: the connection counts for CLIENT from here. Returns as above; the hold
 * is unchanged then. */
const char *admission_rename(struct admission *admission, struct admission_hold *hold,
                             const struct sockaddr_storage *client);
void admission_logged_in(struct admission *admission, struct admission_hold *hold);
void admission_leave(struct admission *admission, struct admission_hold *hold); /* safe on an empty hold */

struct admission_figures {
    uint64_t connections, logins, addresses;
};
struct admission_figures admission_figures(struct admission *admission);

#endif
