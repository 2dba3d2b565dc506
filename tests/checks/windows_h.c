/* The declarations do not bring <windows.h> along. The implementation does, and bears it when a
 * program includes it before, whole and with its macros, or after. */
#if defined(FIRST)
#include <windows.h>
#endif

#include "pythreading.h"

#if defined(_WINDOWS_) && !defined(FIRST)
#error "the declarations include <windows.h>"
#endif

#if defined(BETWEEN)
#include <windows.h>
#endif

#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <windows.h>

#include "use.h"

int main(void) {
    CRITICAL_SECTION section;
    InitializeCriticalSection(&section);
    DeleteCriticalSection(&section);
    return use_library();
}
