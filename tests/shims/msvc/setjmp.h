#pragma once
typedef struct {
    unsigned __int64 Part[2];
} _JBTYPE;
typedef _JBTYPE jmp_buf[16];
int __cdecl _setjmp(jmp_buf);
#define setjmp _setjmp
__declspec(noreturn) void __cdecl longjmp(jmp_buf, int);
