/* What a session holds only until its relay begins: the bytes and facts of both connection sequences. Freed,
 * with everything secret wiped, when the relay begins or the session ends. On the session's thread.
 */
#ifndef CARREL_GATEWAY_LOGIN_H
#define CARREL_GATEWAY_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "client_info.h"
#include "gcc_client.h"
#include "gcc_server.h"
#include "mcs_ber.h"
#include "question.h"
#include "secret.h"
#include "ticket.h"
#include "x224.h"

enum {
    /* The longest single PDU of a connection sequence; a longer one ends the session. */
    LOGIN_PDU_MAX_LEN = MCS_CONNECT_MAX_LEN,
};

/* Bytes from a peer that are no whole PDU yet. */
struct login_input {
    uint32_t len;
    uint8_t bytes[LOGIN_PDU_MAX_LEN + 1024];
};

enum back_step {
    BACK_CONNECT, /* TCP */
    BACK_CONFIRM, /* X.224 */
    BACK_TLS,
    BACK_NLA,      /* CredSSP, where the guest insists */
    BACK_RESPONSE, /* MCS Connect-Response */
    BACK_ATTACH,
    BACK_JOIN,
    BACK_ANSWER, /* Client Info is sent; the guest's first PDU begins the relay */
};

struct login {
    /* the client */
    struct x224_request request;
    struct login_input front_in;
    bool has_connect_initial, attached;
    struct mcs_connect_initial initial; /* its user_data points into gcc */
    struct gcc_client gcc;
    struct gcc_server answered; /* the ids that the client got */
    uint16_t client_user;
    uint32_t gcc_len;
    uint8_t gcc_blocks[LOGIN_PDU_MAX_LEN]; /* the client's settings, without the envelope */
    uint32_t info_len;
    uint8_t info[CLIENT_INFO_REWRITTEN_MAX_LEN]; /* its Client Info without user, password and domain */
    char user[CLIENT_INFO_TEXT_MAX];
    char domain[CLIENT_INFO_TEXT_MAX];
    struct secret password;     /* as typed, until the ticket says that the guest does not need it */
    struct secret reconnect;    /* the verifier of the cookie that it brought, as text; empty: none */
    uint32_t selected_protocol; /* enum rdp_protocol: what the client was given */
    struct broker_nla *nla;     /* CredSSP under way */
    unsigned nla_messages;
    char nla_exchange[ID_SIZE]; /* of the proof that the broker has; "": TLS mode */
    struct broker_login *broker;
    char question[ID_SIZE]; /* the broker's, which awaits an answer or has one; "": none was asked */
    enum question_ask asked;
    uint64_t question_ms; /* how long it stands */
    struct secret answer; /* the person's, until the broker has spoken about it */
    uint64_t login_started_ms;

    /* the guest */
    struct ticket ticket;
    enum back_step step;
    uint32_t guest_protocol; /* enum rdp_protocol: what the guest chose */
    struct credssp_back *credssp;
    struct login_input back_in;
    struct gcc_server guest;
    uint16_t guest_user;
    uint32_t joins_awaited;
};

struct login *login_create(void);
void login_destroy(struct login **login);

/* Takes the first N bytes off. */
void login_input_consume(struct login_input *input, size_t n);

#endif
