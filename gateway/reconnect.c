#include "reconnect.h"

#include "log.h"
#include "session.h"
#include "tls_reconnect.h"
#include "worker.h"

void reconnect_draw(struct session *s, char ret_digest[SECRET_DIGEST_SIZE])
{
    struct secret verifier CLEANUP_SECRET = {0};
    ret_digest[0] = '\0';
    if (tls_reconnect_make(s->reconnect.random, &verifier)) {
        log_warning("No cookie of automatic reconnection can be made here. connection=%u", s->number);
        return;
    }
    secret_digest(&verifier, ret_digest);
    s->reconnect.due = true;
}

void reconnect_hand_out(struct session *s)
{
    uint8_t out[RECONNECT_COOKIE_PDU_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    if (!s->reconnect.due || !(s->facts.seen_by_client & RDP_SEEN_FONT_MAP))
        return;
    reconnect_cookie_write(&w, RDP_IO_CHANNEL, s->facts.share_id, (uint32_t)s->registered.connection,
                           s->reconnect.random);
    /* Without room it is tried again behind the next bytes. */
    if (writer_ok(&w) && relay_insert(&s->to_client, &s->worker->pool, out, writer_len(&w)) == 0) {
        s->reconnect.due = false;
        secret_wipe_bytes(s->reconnect.random, sizeof s->reconnect.random);
        s->to_client.secret = true;
        log_debug("The client has a cookie to come back with. connection=%u session=%s", s->number,
                  s->registered.session);
    }
    secret_wipe_bytes(out, sizeof out);
}
