/* What is made of a desktop's probes: when it is asked next, when it counts as sick, and whether it may be replaced.
 * Pure; desktop_health.c asks and acts. The policy:
 *
 *   1. A desktop that answers is asked each health_check, or as often as health_rate allows among so many.
 *   2. One that does not is asked again so that health_failures probes are spread over health_time. Only when all of
 *      them failed is it sick.
 *   3. It is sick by itself only when another desktop of its host answered meanwhile. Where none does, the host or
 *      the way to it is at fault, and a desktop made anew would be no better. One that stands there alone is judged
 *      by itself: its host's libvirt answers.
 *   4. Within an hour no more than a quarter of a pool's desktops (but three at least) are replaced, so that an
 *      image whose guests all go silent after a while is not made anew for ever.
 */
#ifndef VMPOOL_HEALTH_H
#define VMPOOL_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEALTH_BUDGET_MS 3600000
#define HEALTH_BUDGET_MIN 3

struct health_rules {
    uint64_t check_ms; /* 0: nobody is asked */
    uint64_t failures;
    uint64_t time_ms;
    uint64_t rate; /* probes a second */
};

/* Of one desktop; all zeros: it was not asked yet, or answered. */
struct health {
    unsigned failures; /* in a row */
    int64_t first_ms;  /* of these, the first ... */
    int64_t before_ms; /* the last but one ... */
    int64_t last_ms;   /* and the last */
};

/* The other desktops of its host that stand and are asked. */
struct health_peers {
    unsigned others;
    unsigned failing;  /* their last probe failed */
    unsigned answered; /* since this one's last failure but one */
};

enum health_verdict {
    HEALTH_WAIT,       /* nothing is sure yet */
    HEALTH_ASK_OTHERS, /* it fails long enough, but what the others do is not known */
    HEALTH_HOST,       /* none of its host answers */
    HEALTH_SICK,
};

void health_note(struct health *health, bool answered, int64_t now_ms);

/* From now to its next probe; COUNT desktops are asked in all. */
uint64_t health_pause_ms(const struct health *health, const struct health_rules *rules, size_t count);

enum health_verdict health_judge(const struct health *health, const struct health_peers *peers,
                                 const struct health_rules *rules);

/* Of a pool; all zeros at first. */
struct health_budget {
    int64_t since_ms;
    unsigned spent;
};

/* Whether one more of DESKTOPS may be replaced now; it is counted then. */
bool health_spend(struct health_budget *budget, uint32_t desktops, int64_t now_ms);

#endif
