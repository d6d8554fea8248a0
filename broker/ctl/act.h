/* What most commands that change something do: one call, then one line of success or the API's JSON. */
#ifndef CARREL_CTL_ACT_H
#define CARREL_CTL_ACT_H

#include "ctl.h"

/* Calls METHOD PATH (both PATH and BODY are taken over), then says the sentence. */
int act(struct ctl *ctl, const char *method, char *path, json_t *body, const char *fmt, ...) MUST_CHECK
    PRINTF_LIKE(5, 6);

/* The same for what vmpool does later, an order: with --wait until it is done. */
#define ACT_ORDER_OPTIONS                                                                                    \
    {.name = "wait", .help = "wait until it is done"},                                                       \
    {                                                                                                        \
        .name = "timeout", .value = "TIME", .help = "with --wait: at most so long (5min)"                    \
    }
int act_order(struct ctl *ctl, char *path, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(3, 4);
int act_order_body(struct ctl *ctl, const char *method, char *path, json_t *body, const char *fmt,
                   ...) MUST_CHECK PRINTF_LIKE(5, 6);
/* Until the order that the API answered with is carried out; then SENTENCE (may be NULL) is said. */
int act_wait_order(struct ctl *ctl, const json_t *ordered, const char *sentence) MUST_CHECK;

/* OBJECT's member KEY from the option of the same name, if it was given. */
void act_set_text(struct ctl *ctl, json_t *object, const char *option, const char *key);

/* A file that the broker and vmpool are to read, as an absolute path; its absence is told here, where the
 * name was typed. NULL after a complaint; the caller frees it. */
char *act_absolute_path(struct ctl *ctl, const char *file);

/* Seconds of a clock that nobody sets. */
double act_clock_s(void);

#endif
