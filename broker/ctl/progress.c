#include "progress.h"

#include <stdarg.h>
#include <string.h>

#include "format.h"

void progress_begin(struct progress *p, struct ctl *ctl, const char *fmt, ...)
{
    *p = (struct progress){.ctl = ctl};
    char label[sizeof p->label];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(label, sizeof label, fmt, ap);
    va_end(ap);
    format_clean(p->label, sizeof p->label, label);
}

static void draw_bar(const struct progress *p, unsigned percent, const char *text)
{
    char bar[PROGRESS_BAR_WIDTH + 1];
    unsigned full = percent * PROGRESS_BAR_WIDTH / 100;
    memset(bar, '#', full);
    memset(bar + full, '.', PROGRESS_BAR_WIDTH - full);
    bar[PROGRESS_BAR_WIDTH] = '\0';
    /* Back to the line's beginning, and at its end erase what an older, longer text left. */
    fprintf(p->ctl->err, "\r%s [%s] %3u %%  %s\x1b[K", p->label, bar, percent, text);
    fflush(p->ctl->err);
}

void progress_update(struct progress *p, unsigned percent, const char *text)
{
    char clean[sizeof p->last_text];
    format_clean(clean, sizeof clean, text);
    if (percent > 100)
        percent = 100;
    bool same_text = p->begun && !strcmp(clean, p->last_text);
    if (same_text && percent == p->last_percent)
        return;
    bool far = percent >= p->last_percent + PROGRESS_PLAIN_STEP;
    if (p->ctl->err_tty) {
        draw_bar(p, percent, clean);
    } else if (!same_text || far) {
        fprintf(p->ctl->err, "%s: %u %%, %s\n", p->label, percent, clean);
        fflush(p->ctl->err);
    } else {
        return; /* the next line is counted from the last one that was written */
    }
    p->begun = true;
    p->last_percent = percent;
    snprintf(p->last_text, sizeof p->last_text, "%s", clean);
}

void progress_end(struct progress *p)
{
    if (p->begun && p->ctl->err_tty)
        fputc('\n', p->ctl->err);
    p->begun = false;
}
