/* What one visit sees at the moment: the page that the gateway asked for, its form as far as it is filled in,
 * the count-down. Pure; the thread of the visit.
 */
#ifndef CARREL_LOBBY_SCENE_H
#define CARREL_LOBBY_SCENE_H

#include <stdint.h>

#include "form.h"
#include "layout.h"
#include "lobby_message.h"

struct scene {
    struct lobby_show show;
    struct form form;
    struct layout layout;
    unsigned width, height, scale_percent;
    bool caps_lock;
    unsigned explained;   /* the closed row that was clicked on, counted from 1 */
    bool different;       /* the two passwords were not the same */
    uint64_t shown_ms;    /* when the page came */
    unsigned clicked_row; /* and when: a second click soon is a double click */
    uint64_t clicked_ms;
};

void scene_size(struct scene *scene, unsigned width, unsigned height, unsigned scale_percent);

/* The gateway has something else to show. A form that is there stays as far as it was filled in, unless the
 * try was wrong. */
void scene_show(struct scene *scene, const struct lobby_show *show, uint64_t now_ms);

enum form_outcome scene_type(struct scene *scene, const char *text);
enum form_outcome scene_key(struct scene *scene, enum form_key key);
/* AT: see form_click(); what it is in a field, paint_caret_at() knows. */
enum form_outcome scene_click(struct scene *scene, double x, double y, size_t at, uint64_t now_ms);
enum form_outcome scene_wheel(struct scene *scene, int rows);

/* The sentence under the title (the whole reason of a closed row, which may not fit into it, after a click),
 * and whether it says that something was wrong. */
const char *scene_text(const struct scene *scene, bool *ret_bad);
/* A hint under the form; "": none. */
const char *scene_hint(const struct scene *scene);

/* Seconds still to wait (0: nobody knows), and a percentage that moves with the time between two messages. */
unsigned scene_left_s(const struct scene *scene, uint64_t now_ms);
double scene_percent(const struct scene *scene, uint64_t now_ms);

#endif
