/* Arrays that grow in powers of two, without a member for their room. */
#ifndef CARREL_GROW_H
#define CARREL_GROW_H

#include <stddef.h>
#include <stdlib.h>

/* Room for one more element of SIZE bytes behind COUNT ones, which are all that grew so. NULL without memory; then ARRAY
 * is as it was. */
static inline void *array_grow(void *array, size_t count, size_t size)
{
    if (count & (count - 1))
        return array;
    return realloc(array, (count ? count * 2 : 1) * size);
}

#endif
