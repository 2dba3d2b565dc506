/* As Microsoft's: there since 17.5, with /experimental:c11atomics only. */
#pragma once
#if _MSC_VER < 1935 || defined(__STDC_NO_ATOMICS__)
#error "C atomics require /experimental:c11atomics"
#endif
#include_next <stdatomic.h>
