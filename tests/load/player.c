#include "player.h"

#include <string.h>

static void advance(struct player_at *at, const struct recording_side *side)
{
    if (++at->index < side->count)
        return;
    at->index = 0;
    at->round++;
}

const struct recording_event *player_due(const struct player *p, uint64_t passed_ns, uint64_t *ret_due_ns)
{
    const struct recording_side *side = p->recording ? &p->recording->sides[p->guest] : NULL;
    if (!side || !side->count || (p->rounds && p->said.round >= p->rounds))
        return NULL;
    const struct recording_event *event = &side->events[p->said.index];
    double due_us = (double)p->recording->length_us * p->said.round + (double)event->at_us;
    *ret_due_ns = (uint64_t)(due_us * 1000 / p->speed);
    return *ret_due_ns <= passed_ns ? event : NULL;
}

void player_said(struct player *p)
{
    advance(&p->said, &p->recording->sides[p->guest]);
}

int player_hear(struct player *p, const struct recording_event *event)
{
    const struct recording_side *side = &p->recording->sides[!p->guest];
    if (!side->count)
        return CE_BAD_INPUT;
    const struct recording_event *expected = &side->events[p->heard.index];
    if (event->kind != expected->kind || event->channel != expected->channel || event->len != expected->len ||
        memcmp(event->bytes, expected->bytes, event->len) != 0)
        return CE_BAD_INPUT;
    advance(&p->heard, side);
    return 0;
}
