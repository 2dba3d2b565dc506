#pragma once
#include <stddef.h>
void *__cdecl malloc(size_t);
void __cdecl free(void *);
int __cdecl atexit(void(__cdecl *)(void));
__declspec(noreturn) void __cdecl abort(void);
__declspec(noreturn) void __cdecl exit(int);
void __cdecl qsort(void *, size_t, size_t, int(__cdecl *)(const void *, const void *));
