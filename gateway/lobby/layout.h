/* Where things stand on the lobby's pages: rectangles in pixels for a screen of any size. Pure, any thread. */
#ifndef CARREL_LOBBY_LAYOUT_H
#define CARREL_LOBBY_LAYOUT_H

#include <stdbool.h>

#include "form.h"
#include "lobby_message.h"

struct rect {
    double x, y, width, height;
};

/* What has to find its place. */
struct layout_wish {
    enum lobby_page page;
    unsigned rows;    /* of its list */
    const char *text; /* under the title; its length decides how many lines it gets */
};

struct layout {
    double unit; /* pixels of one unit of the design, which is made for 100 % on a small screen */
    struct rect screen, card, mark, title, text;
    struct rect labels[FORM_FIELDS_MAX];
    struct rect parts[FORM_PART_COUNT]; /* empty: not on this page */
    struct rect hint;                   /* caps lock */
    struct rect bar, left, percent;     /* of the wait */
    struct rect session;                /* of wait and notice: the number to quote */
    unsigned rows;                      /* of the list that there is room for */
    double row_height;
};

/* SCALE_PERCENT is the client's, 100 to 500; what it says is kept to unless the card would not fit. A long list
 * gets fewer rows before everything gets smaller. */
void layout_make(struct layout *ret, const struct layout_wish *wish, unsigned width, unsigned height,
                 unsigned scale_percent);

/* The part of the page at this place. False: none. */
bool layout_hit(const struct layout *layout, const struct form *form, double x, double y,
                enum form_part *ret);

/* The row of the list at this height, counted from the first one that is seen. */
unsigned layout_row(const struct layout *layout, double y);

#endif
