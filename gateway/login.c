#include "login.h"

#include <stdlib.h>
#include <string.h>

#include "broker_login.h"
#include "broker_nla.h"
#include "credssp_back.h"

struct login *login_create(void)
{
    return calloc(1, sizeof(struct login));
}

void login_destroy(struct login **login)
{
    if (!*login)
        return;
    broker_nla_abandon(&(*login)->nla);
    credssp_back_destroy(&(*login)->credssp);
    broker_login_abandon(&(*login)->broker);
    secret_wipe_bytes(*login, sizeof **login);
    free(*login);
    *login = NULL;
}

void login_input_consume(struct login_input *input, size_t n)
{
    input->len -= (uint32_t)n;
    memmove(input->bytes, input->bytes + n, input->len);
}
