/* Prints the table of desktop states for the fault tests, one line a state: its name, whether it is lent, and what may
 * follow. A state that is added to common/desktop_state.c is thereby one that the tests must know.
 */
#include <stdio.h>

#include <carrel/desktop_state.h>

int main(void)
{
    for (int from = 0; from < DESKTOP_STATE_COUNT; from++) {
        printf("%s %s", desktop_state_name(from), desktop_state_is_lent(from) ? "lent" : "free");
        for (int to = 0; to < DESKTOP_STATE_COUNT; to++) {
            if (desktop_state_may_follow(from, to))
                printf(" %s", desktop_state_name(to));
        }
        printf("\n");
    }
    return 0;
}
