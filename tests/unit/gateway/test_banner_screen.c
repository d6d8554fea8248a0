#include "banner_screen.h"

#include "gcc_client.h"
#include "suite.h"

static void one_monitor_is_all_of_the_desktop(void)
{
    const struct gcc_client client = {.desktop_scale = 150};
    struct banner_screen screen;
    banner_screen_note(&screen, &client);
    struct banner_screen on = banner_screen_on(&screen, 1280, 800);
    CU_ASSERT_TRUE(on.left == 0 && on.top == 0 && on.width == 1280 && on.height == 800);
    CU_ASSERT_EQUAL(on.scale_percent, 150);
}

static void of_several_the_primary_one_counts_while_it_is_there(void)
{
    const struct gcc_client client = {.monitor_count = 2,
                                      .desktop_scale = 7, /* nonsense */
                                      .monitors = {{-1920, 100, -1, 1179, 0}, {0, 0, 2559, 1439, 1}}};
    struct banner_screen screen;
    banner_screen_note(&screen, &client);
    struct banner_screen on = banner_screen_on(&screen, 4480, 1440);
    CU_ASSERT_TRUE(on.left == 1920 && on.top == 0 && on.width == 2560 && on.height == 1440);
    CU_ASSERT_EQUAL(on.scale_percent, 100);
    on = banner_screen_on(&screen, 2560, 1440); /* a policy left one monitor */
    CU_ASSERT_TRUE(on.left == 0 && on.width == 2560);
}

static void monitors_that_cannot_be_are_left_out(void)
{
    const struct gcc_client client = {
        .monitor_count = 2,
        .monitors = {{INT32_MIN, INT32_MIN, 0, 0, 0}, {INT32_MAX - 1, 0, INT32_MAX, 100, 1}}};
    struct banner_screen screen;
    banner_screen_note(&screen, &client);
    CU_ASSERT_EQUAL(screen.width, 0);
}

SUITE("banner_screen", TEST(one_monitor_is_all_of_the_desktop),
      TEST(of_several_the_primary_one_counts_while_it_is_there), TEST(monitors_that_cannot_be_are_left_out))
