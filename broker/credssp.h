/* The server's side of one CredSSP exchange (MS-CSSP 3.1.5): a client proves that it knows a user's password, or
 * has a ticket, is bound to the gateway's TLS key, and delegates its credentials. Tokens are NTLM, raw or inside
 * SPNEGO, or Kerberos; versions 2 to 6. A step takes a fraction of a millisecond, so all of it runs on the loop's
 * thread.
 *
 *     tokens -> asking (whose hash?) -> key -> credentials -> over
 */
#ifndef CARREL_BROKER_CREDSSP_H
#define CARREL_BROKER_CREDSSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "credssp_key.h"
#include "ntlm_name.h"
#include "secret.h"
#include "writer.h"

enum credssp_result {
    CREDSSP_MORE, /* what was written goes to the client, whose next message is awaited */
    CREDSSP_ASKS, /* credssp_name() says whose hash credssp_verify() needs, or whom credssp_admit() lets in */
    CREDSSP_DONE, /* the credentials are here; nothing more is sent */
    CREDSSP_DENIED, /* the password is not right */
    CREDSSP_TICKET, /* the ticket is refused: credssp_ticket_words() */
    CREDSSP_BAD,    /* no CredSSP, or a binding to another key: somebody in the middle */
};

/* NTSTATUS for credssp_write_error(), MS-ERREF 2.3.1 */
enum credssp_status {
    CREDSSP_NO_SUCH_USER = 0x64,
    CREDSSP_LOGON_FAILURE = 0x6d,
    CREDSSP_PASSWORD_EXPIRED = 0x71,
    CREDSSP_ACCOUNT_DISABLED = 0x72,
    CREDSSP_NO_SUCH_DOMAIN = 0xdf,
    CREDSSP_CLOCKS_DIFFER = 0x133,
    CREDSSP_PASSWORD_MUST_CHANGE = 0x224,
    CREDSSP_ACCOUNT_LOCKED_OUT = 0x234,
};

struct credssp;
struct kerberos_keys;

/* What the client delegated, UTF-8; wiped with the exchange. */
struct credssp_delegated {
    char user[NTLM_NAME_SIZE], domain[NTLM_NAME_SIZE];
    struct secret password;
};

/* KEY: the contents of the subjectPublicKey BIT STRING of the certificate that the client sees. KEYS: for tickets, used
 * for the first message only; NULL: none are taken. */
int credssp_create(struct credssp **ret, const uint8_t *key, size_t key_len,
                   const struct kerberos_keys *keys) MUST_CHECK;
void credssp_destroy(struct credssp **exchange);

/* One whole TSRequest of the client; the answer is appended to W. */
enum credssp_result credssp_read(struct credssp *exchange, const uint8_t *bytes, size_t len,
                                 struct writer *w) MUST_CHECK;

const struct ntlm_name *credssp_name(const struct credssp *exchange);

/* Goes on after CREDSSP_ASKS. NT_HASH in hex; empty: the user has none, or is none, and is denied as for a
 * wrong password. */
enum credssp_result credssp_verify(struct credssp *exchange, const struct secret *nt_hash,
                                   struct writer *w) MUST_CHECK;

/* Whether it is a ticket that asks: credssp_name() has its principal, the realm as domain. Then credssp_admit() goes on,
 * once the caller knows that user. */
bool credssp_is_ticket(const struct credssp *exchange);
enum credssp_result credssp_admit(struct credssp *exchange, struct writer *w) MUST_CHECK;

/* Why the ticket was refused, for the log; and for the client. */
const char *credssp_ticket_words(const struct credssp *exchange);
enum credssp_status credssp_ticket_status(const struct credssp *exchange);

/* Whether the password was right: from the CREDSSP_MORE that says so on. */
bool credssp_is_proven(const struct credssp *exchange);

/* The reason of a refusal. Writes nothing for versions 2 and 5, which do not know it. */
void credssp_write_error(const struct credssp *exchange, enum credssp_status status, struct writer *w);

/* Valid after CREDSSP_DONE. */
const struct credssp_delegated *credssp_delegated(const struct credssp *exchange);

/* The NT hash (MS-NLMP 3.3.1: MD4 of the UTF-16 password) of a password, in hex. CE_BAD_INPUT where the password
 * is no UTF-8. */
int credssp_nt_hash(const struct secret *password, struct secret *ret_hash) MUST_CHECK;

#endif
