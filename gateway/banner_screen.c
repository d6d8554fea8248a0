#include "banner_screen.h"

#include "gcc_client.h"

enum { SCALE_MIN = 100, SCALE_MAX = 500, MONITOR_PRIMARY = 1 };

void banner_screen_note(struct banner_screen *screen, const struct gcc_client *client)
{
    const uint32_t scale = client->desktop_scale;
    *screen = (struct banner_screen){
        .scale_percent = (uint16_t)(scale >= SCALE_MIN && scale <= SCALE_MAX ? scale : SCALE_MIN)};
    int64_t left = INT32_MAX, top = INT32_MAX; /* of all monitors: the primary one is the origin of theirs */
    const struct gcc_monitor *primary = NULL;
    for (uint32_t i = 0; client->monitor_count > 1 && i < client->monitor_count; i++) {
        const struct gcc_monitor *m = &client->monitors[i];
        left = m->left < left ? m->left : left;
        top = m->top < top ? m->top : top;
        if (m->flags & MONITOR_PRIMARY)
            primary = m;
    }
    if (!primary)
        return;
    int64_t x = primary->left - left, y = primary->top - top;
    int64_t width = (int64_t)primary->right - primary->left + 1,
            height = (int64_t)primary->bottom - primary->top + 1;
    if (width <= 0 || height <= 0 || x + width > UINT16_MAX || y + height > UINT16_MAX)
        return;
    screen->left = (uint16_t)x;
    screen->top = (uint16_t)y;
    screen->width = (uint16_t)width;
    screen->height = (uint16_t)height;
}

struct banner_screen banner_screen_on(const struct banner_screen *screen, uint16_t width, uint16_t height)
{
    struct banner_screen s = *screen;
    if (!s.width || s.left + s.width > width || s.top + s.height > height)
        s = (struct banner_screen){.width = width, .height = height, .scale_percent = screen->scale_percent};
    return s;
}
