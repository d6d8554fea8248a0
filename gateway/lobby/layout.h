/* Where things stand on the lobby's pages: rectangles in pixels for a screen of any size. Pure, any thread. */
#ifndef CARREL_LOBBY_LAYOUT_H
#define CARREL_LOBBY_LAYOUT_H

#include <stdbool.h>

#include "form.h"
#include "lobby_message.h"

struct rect {
    double x, y, width, height;
};

struct layout {
    double unit; /* pixels of one unit of the design, which is made for 100 % on a small screen */
    struct rect screen, card, mark, title, text;
    struct rect labels[FORM_FIELD_COUNT],
        parts[FORM_PART_COUNT];     /* of the form; the last part on all pages */
    struct rect hint;               /* caps lock */
    struct rect bar, left, percent; /* of the wait */
    struct rect session;            /* of wait and notice: the number to quote */
};

/* SCALE_PERCENT is the client's, 100 to 500; what it says is kept to unless the card would not fit. */
void layout_make(struct layout *ret, enum lobby_page page, unsigned width, unsigned height,
                 unsigned scale_percent);

/* The part of the page at this place. False: none. */
bool layout_hit(const struct layout *layout, enum lobby_page page, double x, double y, enum form_part *ret);

#endif
