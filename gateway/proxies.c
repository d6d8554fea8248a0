#include "proxies.h"

#include <netinet/in.h>
#include <stdio.h>

#include "gateway.h"
#include "log.h"
#include "login.h"
#include "proxy_header.h"
#include "session.h"
#include "worker.h"

int proxies_parse(const char *text, struct proxies *ret, struct error *err)
{
    struct proxies proxies = {.any = *text != '\0'};
    struct error why = {0};
    int rc = proxies.any ? policy_set(&proxies.networks, policy_key_name(POLICY_NETWORKS), text, &why) : 0;
    if (rc)
        return error_set(err, rc, "gateway.proxy_networks: %s", why.text);
    *ret = proxies;
    return 0;
}

bool proxies_have(const struct proxies *proxies, const char *address)
{
    return proxies->any && policy_allows_address(&proxies->networks, address);
}

static void client_note(struct session *s, const struct sockaddr_storage *client)
{
    char host[INET6_ADDRSTRLEN], port[8];
    session_peer_print(client, host, sizeof host, port, sizeof port);
    const char *limit = admission_rename(s->worker->gateway->admission, &s->hold, client);
    if (limit) {
        session_limit_log(s->worker, limit, host);
        session_fail(s, FAIL_GATEWAY_LIMIT, "%s has as many connections as %s allows", host, limit);
        return;
    }
    log_debug("A balancer says who its client is. connection=%u balancer=%s peer=%s port=%s", s->number,
              s->peer, host, port);
    snprintf(s->peer, sizeof s->peer, "%s", host);
}

bool proxies_header_take(struct session *s)
{
    struct login_input *in = &s->login->front_in;
    struct proxy_header header;
    int rc = proxy_header_parse(in->bytes, in->len, &header);
    if (rc == CE_NEED_MORE)
        return false;
    if (rc) {
        session_fail(s, FAIL_CLIENT_PROTOCOL, "the balancer sent no PROXY protocol header of version 2");
        return false;
    }
    s->behind_proxy = false;
    login_input_consume(in, header.len);
    if (header.has_client)
        client_note(s, &header.client);
    return !session_is_over(s) && in->len > 0;
}
