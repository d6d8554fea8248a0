/* Where on a client's desktop a banner belongs: what the client said of its monitors and of its scale. Pure. */
#ifndef CARREL_BANNER_SCREEN_H
#define CARREL_BANNER_SCREEN_H

#include <stdint.h>

struct gcc_client;

/* In struct session, from the beginning of the relay on. */
struct banner_screen {
    uint16_t left, top, width, height; /* of the primary monitor on the desktop; width 0: there is one only */
    uint16_t scale_percent;            /* 100 to 500 */
};

void banner_screen_note(struct banner_screen *screen, const struct gcc_client *client);

/* The part of a desktop of that size: all of it, or the primary monitor where it lies inside. */
struct banner_screen banner_screen_on(const struct banner_screen *screen, uint16_t width, uint16_t height);

#endif
