#include "tls_io.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls_cert.h"

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int bio_read(BIO *bio, char *bytes, size_t cap, size_t *ret_n)
{
    struct tls_io *io = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *ret_n = 0;
    if (io->saw_eof || io->read_errno)
        return 0;
    if (io->drained) {
        BIO_set_retry_read(bio);
        return 0;
    }
    ssize_t n;
    do
        n = recv(io->fd, bytes, cap, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        /* A short read emptied the socket. What comes later makes it readable again (the poll is level
         * triggered), so asking once more would only cost a system call. */
        io->drained = (size_t)n < cap;
        io->raw_in_bytes += (size_t)n;
        *ret_n = (size_t)n;
        return 1;
    }
    if (n == 0) {
        io->saw_eof = true;
    } else if (errno == EAGAIN) {
        io->drained = true;
        BIO_set_retry_read(bio);
    } else {
        io->read_errno = errno;
    }
    return 0;
}

static int bio_write(BIO *bio, const char *bytes, size_t len, size_t *ret_n)
{
    struct tls_io *io = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *ret_n = 0;
    ssize_t n;
    do
        n = send(io->fd, bytes, len, MSG_NOSIGNAL | (io->more ? MSG_MORE : 0));
    while (n < 0 && errno == EINTR);
    if (n >= 0) {
        io->raw_out_bytes += (size_t)n;
        *ret_n = (size_t)n;
        return 1;
    }
    if (errno == EAGAIN)
        BIO_set_retry_write(bio);
    else
        io->write_errno = errno;
    return 0;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    struct tls_io *io = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return io && io->saw_eof;
    default:
        return 0;
    }
}

static void method_make(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "carrel socket");
    if (!method)
        return;
    BIO_meth_set_read_ex(method, bio_read);
    BIO_meth_set_write_ex(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

int tls_io_open(struct tls_io *io, struct ssl_ctx_st *ctx, int fd, bool server)
{
    pthread_once(&method_once, method_make);
    *io = (struct tls_io){.fd = fd};
    BIO *bio = method ? BIO_new(method) : NULL;
    io->ssl = bio ? SSL_new(ctx) : NULL;
    if (!io->ssl) {
        BIO_free(bio);
        ERR_clear_error();
        return CE_NOMEM;
    }
    BIO_set_data(bio, io);
    BIO_set_init(bio, 1);
    SSL_set_bio(io->ssl, bio, bio);
    if (server)
        SSL_set_accept_state(io->ssl);
    else
        SSL_set_connect_state(io->ssl);
    return 0;
}

void tls_io_open_plain(struct tls_io *io, int fd)
{
    *io = (struct tls_io){.fd = fd, .plain = true};
}

void tls_io_close(struct tls_io *io)
{
    SSL_free(io->ssl);
    io->ssl = NULL;
    ERR_clear_error();
}

/* What a call that did not succeed means. The error queue is left empty: OpenSSL's next answer on this
 * thread, for another connection, would be read wrongly otherwise. */
static enum tls_result result_of(struct tls_io *io, int rc)
{
    int error = SSL_get_error(io->ssl, rc);
    if (error == SSL_ERROR_WANT_READ)
        return TLS_WANT_READ;
    if (error == SSL_ERROR_WANT_WRITE)
        return TLS_WANT_WRITE;
    if (error == SSL_ERROR_ZERO_RETURN)
        return TLS_CLOSED;
    if (io->saw_eof || io->read_errno || io->write_errno) {
        /* At an end of stream OpenSSL tries to send an alert, so an error of writing may be the younger one.
         */
        int number = io->read_errno ? io->read_errno : io->saw_eof ? 0 : io->write_errno;
        snprintf(io->why, sizeof io->why, "%s", number ? strerror(number) : "end of stream");
        ERR_clear_error();
        return TLS_CUT;
    }
    io->failed = true;
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(io->why, sizeof io->why, "%s", reason ? reason : "no reason given");
    ERR_clear_error();
    return TLS_FAILED;
}

enum tls_result tls_io_handshake(struct tls_io *io)
{
    if (io->failed)
        return TLS_CUT;
    int rc = SSL_do_handshake(io->ssl);
    return rc == 1 ? TLS_OK : result_of(io, rc);
}

static enum tls_result plain_read(struct tls_io *io, uint8_t *bytes, size_t cap, size_t *ret_n)
{
    if (io->drained)
        return TLS_WANT_READ;
    ssize_t n = recv(io->fd, bytes, cap, MSG_DONTWAIT);
    if (n > 0) {
        io->drained = (size_t)n < cap;
        *ret_n = (size_t)n;
        return TLS_OK;
    }
    io->drained = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (io->drained)
        return TLS_WANT_READ;
    snprintf(io->why, sizeof io->why, "%s", n ? strerror(errno) : "end of stream");
    return TLS_CUT;
}

static enum tls_result plain_write(struct tls_io *io, const uint8_t *bytes, size_t len, size_t *ret_n)
{
    ssize_t n = send(io->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    *ret_n = n > 0 ? (size_t)n : 0;
    if (*ret_n == len)
        return TLS_OK;
    if (n >= 0 || errno == EAGAIN || errno == EINTR)
        return TLS_WANT_WRITE;
    io->write_errno = errno;
    snprintf(io->why, sizeof io->why, "%s", strerror(errno));
    return TLS_CUT;
}

enum tls_result tls_io_read(struct tls_io *io, uint8_t *bytes, size_t cap, size_t *ret_n)
{
    size_t n;
    if (io->plain)
        return plain_read(io, bytes, cap, ret_n);
    if (io->failed)
        return TLS_CUT;
    int rc = SSL_read_ex(io->ssl, bytes, cap, &n);
    if (rc != 1)
        return result_of(io, rc);
    *ret_n = n;
    return TLS_OK;
}

enum tls_result tls_io_write(struct tls_io *io, const uint8_t *bytes, size_t len, size_t *ret_n)
{
    enum tls_result result = io->failed || io->write_errno ? TLS_CUT : TLS_OK;
    size_t done = 0;
    if (io->plain && result == TLS_OK)
        return plain_write(io, bytes, len, ret_n);
    while (result == TLS_OK && done < len) {
        size_t n;
        io->more = len - done > TLS_RECORD_MAX_BYTES;
        int rc = SSL_write_ex(io->ssl, bytes + done, len - done, &n);
        if (rc == 1)
            done += n;
        else
            result = result_of(io, rc);
    }
    io->more = false;
    *ret_n = done;
    return result;
}

enum tls_result tls_io_end(struct tls_io *io)
{
    if (io->failed || io->write_errno || !SSL_is_init_finished(io->ssl))
        return TLS_CUT;
    int rc = SSL_shutdown(io->ssl);
    return rc >= 0 ? TLS_OK : result_of(io, rc);
}

const char *tls_io_why(const struct tls_io *io)
{
    return io->why[0] ? io->why : "no reason given";
}

const char *tls_io_version(const struct tls_io *io)
{
    return io->ssl ? SSL_get_version(io->ssl) : "none";
}

int tls_io_peer_fingerprint(const struct tls_io *io, char ret[TLS_FINGERPRINT_SIZE])
{
    X509 *certificate = SSL_get0_peer_certificate(io->ssl);
    return certificate ? tls_cert_fingerprint(certificate, ret) : CE_NOT_FOUND;
}

static int key_copy(const X509 *certificate, uint8_t *ret, size_t size, size_t *ret_len)
{
    const ASN1_BIT_STRING *key = certificate ? X509_get0_pubkey_bitstr(certificate) : NULL;
    if (!key)
        return CE_NOT_FOUND;
    size_t len = (size_t)ASN1_STRING_length(key);
    if (len > size)
        return CE_LIMIT;
    memcpy(ret, ASN1_STRING_get0_data(key), len);
    *ret_len = len;
    return 0;
}

int tls_io_own_key(const struct tls_io *io, uint8_t *ret, size_t size, size_t *ret_len)
{
    return key_copy(SSL_get_certificate(io->ssl), ret, size, ret_len);
}

int tls_io_peer_key(const struct tls_io *io, uint8_t *ret, size_t size, size_t *ret_len)
{
    return key_copy(SSL_get0_peer_certificate(io->ssl), ret, size, ret_len);
}
