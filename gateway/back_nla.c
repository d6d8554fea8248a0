#include "back_nla.h"

#include "credssp_back.h"
#include "login.h"
#include "session.h"
#include "sspi.h"
#include "tsrequest.h"
#include "worker.h"

/* Where the guest is to ask by itself there is nothing to prove. */
static bool can_prove(const struct ticket *ticket)
{
    return ticket->connect.credentials != TICKET_PROMPT && !sspi_library_init();
}

uint32_t back_nla_offer(const struct ticket *ticket)
{
    bool nla = ticket->connect.security == TICKET_SECURITY_NLA ||
               (ticket->connect.security == TICKET_SECURITY_AUTO && can_prove(ticket));
    return nla ? RDP_PROTOCOL_SSL | RDP_PROTOCOL_HYBRID : RDP_PROTOCOL_SSL;
}

bool back_nla_may_choose(const struct ticket *ticket, uint32_t protocol)
{
    if (protocol == RDP_PROTOCOL_HYBRID)
        return (back_nla_offer(ticket) & RDP_PROTOCOL_HYBRID) != 0;
    return protocol == RDP_PROTOCOL_SSL && ticket->connect.security != TICKET_SECURITY_NLA;
}

static void say(struct session *s, const struct writer *w)
{
    s->to_guest.secret = true;
    if (!writer_ok(w) || relay_say(&s->to_guest, &s->worker->pool, w->start, writer_len(w)))
        session_fail(s, FAIL_INTERNAL, "a message of CredSSP to the guest has no room");
}

static int exchange_create(struct session *s)
{
    struct login *login = s->login;
    const struct ticket *ticket = &login->ticket;
    bool own = ticket->connect.credentials == TICKET_CARREL;
    const struct credssp_back_credentials credentials = {
        .user = own ? ticket->connect.user : login->user,
        .domain = own ? ticket->connect.domain : login->domain,
        .password = own ? &ticket->connect.password : &login->password};
    uint8_t key[TLS_KEY_MAX_BYTES];
    size_t len = 0;
    int rc = tls_io_peer_key(&s->back.tls, key, sizeof key, &len);
    return rc ? rc
              : credssp_back_create(&login->credssp, &credentials, ticket->connect.address, key, len,
                                    TSREQUEST_VERSION);
}

void back_nla_begin(struct session *s)
{
    uint8_t out[TSREQUEST_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    s->login->step = BACK_NLA;
    if (!can_prove(&s->login->ticket))
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest wants NLA, and there is %s",
                     s->login->ticket.connect.credentials == TICKET_PROMPT
                         ? "nothing to prove to it (the pool's credentials are 'prompt')"
                         : "no NTLM on this machine: OpenSSL's legacy provider is needed");
    else if (exchange_create(s) || credssp_back_begin(s->login->credssp, &w) != CREDSSP_BACK_MORE)
        session_fail(s, FAIL_INTERNAL, "NLA with the guest cannot begin");
    else
        say(s, &w);
}

bool back_nla_heard(struct session *s, const uint8_t *bytes, size_t len)
{
    uint8_t out[TSREQUEST_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    struct credssp_back *exchange = s->login->credssp;
    switch (credssp_back_read(exchange, bytes, len, &w)) {
    case CREDSSP_BACK_MORE:
        say(s, &w);
        return false;
    case CREDSSP_BACK_DONE:
        say(s, &w);
        credssp_back_destroy(&s->login->credssp);
        return !session_is_over(s);
    case CREDSSP_BACK_REFUSED:
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest does not take the credentials: NTSTATUS 0x%08x",
                     credssp_back_status(exchange));
        return false;
    case CREDSSP_BACK_BAD:
        session_fail(s, FAIL_GUEST_PROTOCOL,
                     "the guest's CredSSP is not understood, or is not bound to its certificate");
        return false;
    }
    return false;
}
