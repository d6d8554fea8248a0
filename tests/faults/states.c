/* Prints the table of desktop states for the fault tests, one line a state: its name, whether it is lent, and what may
 * follow. How a stopped desktop rests counts as a state ("stopped/suspended"). A state that is added to
 * common/desktop_state.c, or a rest to common/power.c, is thereby one that the tests must know.
 */
#include <stdio.h>

#include <carrel/desktop_state.h>
#include <carrel/power.h>

static void print(enum desktop_state from, const char *rest)
{
    printf("%s%s%s %s", desktop_state_name(from), *rest ? "/" : "", rest,
           desktop_state_is_lent(from) ? "lent" : "free");
    for (int to = 0; to < DESKTOP_STATE_COUNT; to++) {
        if (desktop_state_may_follow(from, to))
            printf(" %s", desktop_state_name(to));
    }
    printf("\n");
}

int main(void)
{
    for (int state = 0; state < DESKTOP_STATE_COUNT; state++)
        print(state, "");
    for (int rest = REST_NONE + 1; *desktop_rest_name(rest); rest++)
        print(DESKTOP_STOPPED, desktop_rest_name(rest));
    return 0;
}
