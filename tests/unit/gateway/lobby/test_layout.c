#include "layout.h"

#include "suite.h"

static const unsigned sizes[][3] = {
    {640, 480, 100},   {800, 600, 100},   {802, 602, 200},   {1280, 800, 200}, {1920, 1080, 100},
    {1920, 1080, 200}, {3840, 2160, 100}, {3840, 2160, 200}, {480, 800, 100},  {200, 200, 500}};

static bool is_inside(const struct rect *a, const struct rect *b)
{
    return a->x >= b->x && a->y >= b->y && a->x + a->width <= b->x + b->width &&
           a->y + a->height <= b->y + b->height;
}

static void everything_fits_on_every_screen(void)
{
    struct layout l;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (unsigned page = LOBBY_PAGE_WAIT; page <= LOBBY_PAGE_NOTICE; page++) {
            layout_make(&l, (enum lobby_page)page, sizes[i][0], sizes[i][1], sizes[i][2]);
            CU_ASSERT_TRUE(is_inside(&l.card, &l.screen));
            CU_ASSERT_TRUE(is_inside(&l.title, &l.card));
            CU_ASSERT_TRUE(is_inside(&l.parts[FORM_LEAVE], &l.card));
            if (page == LOBBY_PAGE_FORM)
                CU_ASSERT_TRUE(is_inside(&l.parts[FORM_LOGIN], &l.card));
        }
    }
}

static void the_clients_scale_makes_it_larger(void)
{
    struct layout one, two;
    layout_make(&one, LOBBY_PAGE_FORM, 1920, 1080, 100);
    layout_make(&two, LOBBY_PAGE_FORM, 1920, 1080, 200);
    CU_ASSERT_TRUE(two.unit > one.unit);
}

static void a_click_finds_its_part(void)
{
    struct layout l;
    enum form_part part;
    layout_make(&l, LOBBY_PAGE_FORM, 1024, 768, 100);
    for (unsigned i = 0; i < FORM_PART_COUNT; i++) {
        CU_ASSERT_TRUE(layout_hit(&l, LOBBY_PAGE_FORM, l.parts[i].x + 2, l.parts[i].y + 2, &part));
        CU_ASSERT_EQUAL(part, i);
    }
    CU_ASSERT_FALSE(layout_hit(&l, LOBBY_PAGE_FORM, 1, 1, &part));
    CU_ASSERT_FALSE(
        layout_hit(&l, LOBBY_PAGE_WAIT, l.parts[FORM_USER].x + 2, l.parts[FORM_USER].y + 2, &part));
}

SUITE("layout", TEST(everything_fits_on_every_screen), TEST(the_clients_scale_makes_it_larger),
      TEST(a_click_finds_its_part))
