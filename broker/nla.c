#include "nla.h"

#include <stdlib.h>
#include <string.h>

struct nla {
    struct list open, proven; /* struct nla_exchange, oldest first */
    unsigned open_count, proven_count;
};

int nla_open(struct nla **ret)
{
    struct nla *nla = calloc(1, sizeof *nla);
    if (!nla)
        return CE_NOMEM;
    list_init(&nla->open);
    list_init(&nla->proven);
    *ret = nla;
    return 0;
}

static struct nla_exchange *oldest(struct list *list)
{
    return list_is_empty(list) ? NULL : list_entry(list->next, struct nla_exchange, entry);
}

void nla_end(struct nla *nla, struct nla_exchange **exchange)
{
    struct nla_exchange *x = *exchange;
    if (!x)
        return;
    list_remove(&x->entry);
    if (x->is_proven)
        nla->proven_count--;
    else
        nla->open_count--;
    credssp_destroy(&x->credssp);
    secret_wipe_bytes(x, sizeof *x);
    free(x);
    *exchange = NULL;
}

/* Ends the oldest while there are more than MAX, and all that are over at NOW_MS. */
static void list_shorten(struct nla *nla, struct list *list, const unsigned *count, unsigned max,
                         int64_t now_ms)
{
    struct nla_exchange *x;
    while ((x = oldest(list)) && (*count > max || x->deadline_ms <= now_ms))
        nla_end(nla, &x);
}

void nla_sweep(struct nla *nla, int64_t now_ms)
{
    list_shorten(nla, &nla->open, &nla->open_count, NLA_OPEN_MAX, now_ms);
    list_shorten(nla, &nla->proven, &nla->proven_count, NLA_PROVEN_MAX, now_ms);
}

void nla_destroy(struct nla **nla)
{
    if (!*nla)
        return;
    nla_sweep(*nla, INT64_MAX);
    free(*nla);
    *nla = NULL;
}

int nla_begin(struct nla *nla, const uint8_t *key, size_t key_len, const struct kerberos_keys *keys,
              int64_t now_ms, struct nla_exchange **ret)
{
    struct nla_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return CE_NOMEM;
    int rc = credssp_create(&x->credssp, key, key_len, keys);
    if (rc) {
        free(x);
        return rc;
    }
    id_make(ID_EXCHANGE, x->id);
    x->deadline_ms = now_ms + NLA_OPEN_MS;
    list_append(&nla->open, &x->entry);
    nla->open_count++;
    nla_sweep(nla, now_ms);
    *ret = x;
    return 0;
}

static struct nla_exchange *find(struct list *list, const char *id)
{
    list_for_each_safe (pos, list) {
        struct nla_exchange *x = list_entry(pos, struct nla_exchange, entry);
        if (!strcmp(x->id, id))
            return x;
    }
    return NULL;
}

struct nla_exchange *nla_find(struct nla *nla, const char *id)
{
    return find(&nla->open, id);
}

void nla_prove(struct nla *nla, struct nla_exchange *x, int64_t now_ms)
{
    list_remove(&x->entry);
    nla->open_count--;
    x->is_proven = true;
    x->deadline_ms = now_ms + NLA_PROVEN_MS;
    list_append(&nla->proven, &x->entry);
    nla->proven_count++;
    nla_sweep(nla, now_ms);
}

int nla_take(struct nla *nla, const char *id, struct nla_proof *ret_proof)
{
    struct nla_exchange *x = find(&nla->proven, id);
    if (!x)
        return CE_NOT_FOUND;
    memcpy(ret_proof->user_id, x->who.user_id, sizeof ret_proof->user_id);
    memcpy(ret_proof->name, x->who.name, sizeof ret_proof->name);
    ret_proof->by_ticket = credssp_is_ticket(x->credssp);
    ret_proof->password_ms = x->password_ms;
    ret_proof->delegated = *credssp_delegated(x->credssp);
    nla_end(nla, &x);
    return 0;
}
