/* One TLS connection directly on a non-blocking socket: handshake, read, write, end. Embedded by value in its
 * owner, whose address must not change while it is open; used on the owner's thread. It never closes the
 * socket.
 *
 * Reads go through a BIO of our own that asks the kernel for up to TLS_READ_AHEAD_BYTES at once and remembers
 * that the socket was emptied (`drained`), so that a wake-up costs one recv() however many records came.
 */
#ifndef CARREL_GATEWAY_TLS_IO_H
#define CARREL_GATEWAY_TLS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

enum {
    TLS_READ_AHEAD_BYTES = 64 * 1024,
    TLS_RECORD_MAX_BYTES = 16 * 1024,
    TLS_KEY_MAX_BYTES = 2200,  /* the public key of an RSA key of 16384 bits */
    TLS_FINGERPRINT_SIZE = 65, /* SHA-256 of the certificate's DER in hex, with terminator */
};

enum tls_result {
    TLS_OK,
    TLS_WANT_READ,
    TLS_WANT_WRITE,
    TLS_CLOSED, /* the peer said that it ends (close_notify) */
    TLS_CUT,    /* the connection ended without that */
    TLS_FAILED, /* not TLS, or TLS that is not understood; tls_io_why() has words */
};

struct tls_io {
    struct ssl_st *ssl; /* NULL: not open */
    int fd;             /* borrowed */
    bool plain;         /* no TLS: the lobby, on this machine */
    bool drained;       /* the last recv() left nothing; tls_io_readable() takes it back */
    bool more;          /* another record follows at once: the kernel sends them together */
    bool saw_eof;
    bool failed;                          /* OpenSSL must not be asked anything more */
    int read_errno;                       /* of a recv() that failed for good */
    int write_errno;                      /* of a send(); what the peer sent before may still be read */
    uint64_t raw_in_bytes, raw_out_bytes; /* ciphertext */
    char why[96];
};

/* The poll said that the socket is readable. */
static inline void tls_io_readable(struct tls_io *io)
{
    io->drained = false;
}

/* The order of preference in TLS 1.3, on both sides. AES-128 is first because nobody breaks it and because its
 * handshake hashes with SHA-256, which processors have instructions for. */
#define TLS_CIPHERSUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* Used by tls_server.c and tls_client.c; CTX is borrowed. */
struct ssl_ctx_st;
int tls_io_open(struct tls_io *io, struct ssl_ctx_st *ctx, int fd, bool server) MUST_CHECK;
/* A stream in clear, for a process of our own; no handshake. */
void tls_io_open_plain(struct tls_io *io, int fd);
void tls_io_close(struct tls_io *io); /* frees; safe when it is not open */

enum tls_result tls_io_handshake(struct tls_io *io) MUST_CHECK;

/* At most CAP bytes, at most one record. */
enum tls_result tls_io_read(struct tls_io *io, uint8_t *bytes, size_t cap, size_t *ret_n) MUST_CHECK;

/* Writes as many as the socket takes; *RET_N is set in any case. After TLS_WANT_WRITE the next call must
 * begin with the same bytes (at any address) and have at least as many. */
enum tls_result tls_io_write(struct tls_io *io, const uint8_t *bytes, size_t len, size_t *ret_n) MUST_CHECK;

/* Says close_notify; TLS_OK when it left (the peer's own is not awaited). */
enum tls_result tls_io_end(struct tls_io *io) MUST_CHECK;

const char *tls_io_why(const struct tls_io *io);
const char *tls_io_version(const struct tls_io *io); /* "TLSv1.3" */
/* The public keys that CredSSP binds to: the contents of the certificate's subjectPublicKey, ours (of a server) or
 * the peer's. CE_LIMIT where one has no room. */
int tls_io_own_key(const struct tls_io *io, uint8_t *ret, size_t size, size_t *ret_len) MUST_CHECK;
int tls_io_peer_key(const struct tls_io *io, uint8_t *ret, size_t size, size_t *ret_len) MUST_CHECK;
int tls_io_peer_fingerprint(const struct tls_io *io, char ret[TLS_FINGERPRINT_SIZE]) MUST_CHECK;

#endif
