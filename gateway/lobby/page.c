#include "page.h"

static const struct page pages[LOBBY_PAGE_COUNT] = {
    [LOBBY_PAGE_WAIT] = {"One moment, please", "", {.is_calm = true, .leave = "Cancel"}},
    [LOBBY_PAGE_NOTICE] = {"No desktop at the moment", "", {.leave = "Close"}},
    [LOBBY_PAGE_LOGIN] = {"Log in",
                          "Your user name and password, please.",
                          {.field_count = 2,
                           .fields = {{"User name", FORM_TEXT}, {"Password", FORM_SECRET}},
                           .go = "Log in",
                           .leave = "Cancel"}},
    [LOBBY_PAGE_CODE] =
        {"Your one-time code",
         "The code that your app or token shows, please.",
         {.field_count = 1, .fields = {{"Code", FORM_DIGITS}}, .go = "Continue", .leave = "Cancel"}},
    [LOBBY_PAGE_NEW_PASSWORD] = {"Choose a new password",
                                 "Your password has expired.",
                                 {.field_count = 2,
                                  .fields = {{"New password", FORM_SECRET}, {"Once more", FORM_SECRET}},
                                  .is_twice = true,
                                  .go = "Continue",
                                  .leave = "Cancel"}},
    [LOBBY_PAGE_POOL] = {"Choose a desktop",
                         "Which desktop would you like?",
                         {.has_list = true, .go = "Continue", .leave = "Cancel"}},
};

const struct page *page_of(enum lobby_page page)
{
    return &pages[page];
}

void page_list(const struct lobby_show *show, struct form_list *ret)
{
    *ret = (struct form_list){.count = show->pool_count, .chosen = show->pool_count};
    for (unsigned i = 0; i < show->pool_count; i++) {
        const struct lobby_pool *pool = &show->pools[i];
        ret->open[i] = pool->open;
        ret->initial[i] = pool->name[0];
        if (pool->open && (ret->chosen == show->pool_count || pool->current))
            ret->chosen = i;
    }
}
