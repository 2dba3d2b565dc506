#pragma once
#include <stddef.h>
#include <stdarg.h>
typedef struct _iobuf FILE;
FILE *__cdecl __acrt_iob_func(unsigned);
#define stderr (__acrt_iob_func(2))
#define stdout (__acrt_iob_func(1))
int __cdecl snprintf(char *, size_t, const char *, ...);
int __cdecl vsnprintf(char *, size_t, const char *, va_list);
int __cdecl fprintf(FILE *, const char *, ...);
int __cdecl fputs(const char *, FILE *);
int __cdecl fputc(int, FILE *);
int __cdecl fflush(FILE *);
int __cdecl puts(const char *);
int __cdecl printf(const char *, ...);
int __cdecl vfprintf(FILE *, const char *, va_list);
