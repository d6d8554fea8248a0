/* The server's side of Kerberos, with a keytab: a client's ticket instead of a password, and sealed messages after it. The
 * project's only door to GSSAPI. Accepting a ticket asks nobody (user-to-user, which would, is not offered), so a step
 * takes a fraction of a millisecond and runs on the loop's thread; files that are read: krb5.conf, the keytab and the replay
 * cache, which stands beside the broker's socket, in memory.
 *
 * Not WinPR, as for NTLM: its acceptor tells neither who the client is nor why a ticket is refused, and would ask a KDC
 * on the loop when a client begins user-to-user.
 */
#ifndef CARREL_BROKER_KERBEROS_H
#define CARREL_BROKER_KERBEROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

enum {
    KERBEROS_PRINCIPAL_SIZE = 256,
    KERBEROS_TRAILER_MAX_BYTES = 96, /* what sealing adds: 60 with AES and SHA-1 */
};

enum kerberos_result {
    KERBEROS_DONE,     /* kerberos_principal() is who it is; a last token may be for the client */
    KERBEROS_CONTINUE, /* the token is for the client, another one is awaited */
    KERBEROS_REFUSED,  /* the ticket: kerberos_words() say why */
};

/* What a client can be told by a code of its own. */
enum kerberos_reason { KERBEROS_OTHER, KERBEROS_CLOCKS_DIFFER };

struct kerberos_keys; /* of the keytab */
struct kerberos;      /* one log-in */

/* KEYTAB and REPLAY_CACHE are paths. The keytab must be readable and have keys; they are read again for each ticket. */
int kerberos_keys_open(struct kerberos_keys **ret, const char *keytab, const char *replay_cache,
                       struct error *err) MUST_CHECK;
void kerberos_keys_close(struct kerberos_keys **keys); /* no log-in needs them any more; safe on NULL */

int kerberos_create(struct kerberos **ret, const struct kerberos_keys *keys) MUST_CHECK;
void kerberos_destroy(struct kerberos **kerberos);

/* One token of the client and the answer, of at most SIZE bytes; a refusal may have one too. */
enum kerberos_result kerberos_step(struct kerberos *kerberos, const uint8_t *token, size_t len, uint8_t *ret,
                                   size_t size, size_t *ret_len) MUST_CHECK;

const char *kerberos_principal(const struct kerberos *kerberos); /* "anna@EXAMPLE.ORG" */
const char *kerberos_words(const struct kerberos *kerberos);
enum kerberos_reason kerberos_reason(const struct kerberos *kerberos);

/* After KERBEROS_DONE, in order. RET has room for LEN + KERBEROS_TRAILER_MAX_BYTES. */
int kerberos_seal(struct kerberos *kerberos, const uint8_t *text, size_t len, uint8_t *ret,
                  size_t *ret_len) MUST_CHECK;
/* In place; *RET_TEXT points into BYTES. CE_REFUSED: sealed with another key. */
int kerberos_unseal(struct kerberos *kerberos, uint8_t *bytes, size_t len, uint8_t **ret_text,
                    size_t *ret_len) MUST_CHECK;

#endif
