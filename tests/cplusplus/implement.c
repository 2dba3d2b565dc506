/* The library, and what its compiler thinks of its types: that of C, or that of C++. */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include "layout.h"

#if defined(__cplusplus)
#define ALIGNMENT(type) alignof(type)
#else
#define ALIGNMENT(type) _Alignof(type)
#endif

const layout *layout_in_c(void) {
#define SHAPE(type) {#type, sizeof(type), ALIGNMENT(type)},
#define MEMBER(type, name) {#type "." #name, sizeof(((type *)0)->name), offsetof(type, name)},
    static const layout shapes[] = {LAYOUT_TYPES(SHAPE) LAYOUT_MEMBERS(MEMBER){NULL, 0, 0}};
#undef MEMBER
#undef SHAPE
    return shapes;
}

int use_in_c(struct pyt_lock *held, struct pyt_condition *condition) {
    if (!pyt_lock_locked(held) || pyt_lock_acquire_nowait(held) != PYT_TIMEOUT) {
        return 1;
    }
    if (pyt_condition_notify(condition) != PYT_OK) {
        return 2;
    }
    return 0;
}
