#include "layout.h"

#include "page.h"
#include "suite.h"

static const unsigned sizes[][3] = {
    {640, 480, 100},   {800, 600, 100},   {802, 602, 200},   {1280, 800, 200}, {1920, 1080, 100},
    {1920, 1080, 200}, {3840, 2160, 100}, {3840, 2160, 200}, {480, 800, 100},  {200, 200, 500}};

static const char long_sentence[] =
    "A sentence that is so long that it needs several lines, because somebody wanted to say everything about "
    "the rules for passwords that hold here, and about where to find help with them on the third floor.";
static const char long_word[] =
    "Aword_thatislongerthanalineandhasnoblankatallnotevenonesothatithastobebrokensomewhereinthemiddleofit";
static const char *const texts[] = {"", "One line.", long_sentence, long_word};

static bool is_inside(const struct rect *a, const struct rect *b)
{
    return a->x >= b->x && a->y >= b->y && a->x + a->width <= b->x + b->width &&
           a->y + a->height <= b->y + b->height;
}

static void page_fits(const struct layout_wish *wish, const unsigned size[3])
{
    struct layout l;
    const struct form form = {.spec = &page_of(wish->page)->form};
    layout_make(&l, wish, size[0], size[1], size[2]);
    CU_ASSERT_TRUE(is_inside(&l.card, &l.screen));
    CU_ASSERT_TRUE(is_inside(&l.title, &l.card));
    CU_ASSERT_TRUE(is_inside(&l.text, &l.card));
    for (unsigned i = 0; i < FORM_PART_COUNT; i++)
        if (form_has(&form, (enum form_part)i))
            CU_ASSERT_TRUE(is_inside(&l.parts[i], &l.card));
    if (form.spec->has_list)
        CU_ASSERT_TRUE(l.parts[FORM_LIST].y + l.parts[FORM_LIST].height < l.parts[FORM_GO].y);
}

static void everything_fits_on_every_screen(void)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (unsigned page = 0; page < LOBBY_PAGE_COUNT; page++)
            for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
                for (unsigned rows = 0; rows <= FORM_ROWS_MAX; rows += 4)
                    page_fits(&(struct layout_wish){(enum lobby_page)page, rows, texts[t]}, sizes[i]);
}

static void the_clients_scale_makes_it_larger(void)
{
    const struct layout_wish wish = {LOBBY_PAGE_LOGIN, 0, ""};
    struct layout one, two;
    layout_make(&one, &wish, 1920, 1080, 100);
    layout_make(&two, &wish, 1920, 1080, 200);
    CU_ASSERT_TRUE(two.unit > one.unit);
}

static void long_sentences_get_more_lines(void)
{
    struct layout one, two;
    layout_make(&one, &(struct layout_wish){LOBBY_PAGE_NOTICE, 0, texts[1]}, 1024, 768, 100);
    layout_make(&two, &(struct layout_wish){LOBBY_PAGE_NOTICE, 0, texts[2]}, 1024, 768, 100);
    CU_ASSERT_TRUE(two.text.height >= 4 * one.text.height);
    layout_make(&two, &(struct layout_wish){LOBBY_PAGE_NOTICE, 0, texts[3]}, 1024, 768, 100);
    CU_ASSERT_TRUE(two.text.height >= 3 * one.text.height);
}

static void a_long_list_gets_fewer_rows_before_it_gets_smaller(void)
{
    struct layout small, large;
    const struct layout_wish wish = {LOBBY_PAGE_POOL, 32, "Which one?"};
    layout_make(&small, &wish, 800, 600, 100);
    layout_make(&large, &wish, 1024, 900, 100);
    CU_ASSERT_EQUAL(small.unit, 1.0);
    CU_ASSERT_TRUE(small.rows < large.rows);
    CU_ASSERT_TRUE(small.rows >= 3);
}

static void a_click_finds_its_part(void)
{
    struct layout l;
    enum form_part part;
    const struct form login = {.spec = &page_of(LOBBY_PAGE_LOGIN)->form},
                      wait = {.spec = &page_of(LOBBY_PAGE_WAIT)->form},
                      pool = {.spec = &page_of(LOBBY_PAGE_POOL)->form};
    layout_make(&l, &(struct layout_wish){LOBBY_PAGE_LOGIN, 0, ""}, 1024, 768, 100);
    for (unsigned i = 0; i < FORM_PART_COUNT; i++) {
        if (!form_has(&login, (enum form_part)i))
            continue;
        CU_ASSERT_TRUE(layout_hit(&l, &login, l.parts[i].x + 2, l.parts[i].y + 2, &part));
        CU_ASSERT_EQUAL(part, i);
    }
    CU_ASSERT_FALSE(layout_hit(&l, &login, 1, 1, &part));
    CU_ASSERT_FALSE(layout_hit(&l, &wait, l.parts[FORM_FIRST].x + 2, l.parts[FORM_FIRST].y + 2, &part));
    layout_make(&l, &(struct layout_wish){LOBBY_PAGE_POOL, 6, ""}, 1024, 768, 100);
    CU_ASSERT_TRUE(layout_hit(&l, &pool, l.parts[FORM_LIST].x + 2, l.parts[FORM_LIST].y + 2, &part));
    CU_ASSERT_EQUAL(part, FORM_LIST);
    CU_ASSERT_EQUAL(layout_row(&l, l.parts[FORM_LIST].y + 2), 0);
    CU_ASSERT_EQUAL(layout_row(&l, l.parts[FORM_LIST].y + 2.5 * l.row_height), 2);
}

SUITE("layout", TEST(everything_fits_on_every_screen), TEST(the_clients_scale_makes_it_larger),
      TEST(long_sentences_get_more_lines), TEST(a_long_list_gets_fewer_rows_before_it_gets_smaller),
      TEST(a_click_finds_its_part))
