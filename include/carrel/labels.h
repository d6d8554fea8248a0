/* Labels of hosts: words with single blanks between them, "ssd rack=a". A word is a name, or a name, '=' and a
 * value. A pool asks for words in the same form; one with '!' before it must not be there. Pure; any thread.
 */
#ifndef CARREL_LABELS_H
#define CARREL_LABELS_H

#include <stdbool.h>

#include <carrel/ids.h>

#define LABELS_SIZE 256

bool labels_are_valid(const char *labels);
bool labels_wanted_are_valid(const char *wanted);

/* Whether LABELS has every word of WANTED and none of those with '!'. */
bool labels_match(const char *labels, const char *wanted);

/* The value of KEY=..., cut to NAME_SIZE - 1 bytes; false and "" when there is none. */
bool labels_value(const char *labels, const char *key, char ret[NAME_SIZE]);

#endif
