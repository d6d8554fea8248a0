/* The client's keyboard: scancodes become keys of the form and characters of the client's own layout, by
 * xkbcommon and the system's keyboard descriptions. The thread of the visit.
 */
#ifndef CARREL_LOBBY_KEYBOARD_H
#define CARREL_LOBBY_KEYBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

#include "form.h"

struct keyboard;

enum { KEYBOARD_TEXT_SIZE = 32 };

struct keyboard_stroke {
    bool has_key;
    enum form_key key;
    char text[KEYBOARD_TEXT_SIZE]; /* UTF-8; empty: no character */
};

/* LAYOUT: the client's keyboardLayout of MS-RDPBCGR 2.2.1.3.2; one that is not known is taken as US English. */
int keyboard_create(struct keyboard **ret, uint32_t layout) MUST_CHECK;
void keyboard_destroy(struct keyboard **keyboard);

/* A key of scancode set 1 goes down or up. */
void keyboard_press(struct keyboard *k, uint8_t code, bool extended, bool down, struct keyboard_stroke *ret);
/* A character that the client made itself, in UTF-16; surrogates come in two calls. */
void keyboard_unicode(struct keyboard *k, uint16_t unit, struct keyboard_stroke *ret);
/* The client's lock keys, as it comes into focus. */
void keyboard_locks(struct keyboard *k, bool caps, bool num);

bool keyboard_has_caps_lock(const struct keyboard *k);

#endif
