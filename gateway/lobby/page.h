/* The lobby's pages as data: what each is called, says and asks for. Pure, any thread. */
#ifndef CARREL_LOBBY_PAGE_H
#define CARREL_LOBBY_PAGE_H

#include "form.h"
#include "lobby_message.h"

struct page {
    const char *title;
    const char *text; /* where the gateway says nothing */
    struct form_spec form;
};

const struct page *page_of(enum lobby_page page);

/* The list of a page's form, from what the gateway said; chosen is the pool that the user has a session in, else
 * the first open one. */
void page_list(const struct lobby_show *show, struct form_list *ret);

#endif
