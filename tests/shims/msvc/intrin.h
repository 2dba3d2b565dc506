#pragma once
long __cdecl _InterlockedExchange(long volatile *, long);
long __cdecl _InterlockedExchangeAdd(long volatile *, long);
long __cdecl _InterlockedCompareExchange(long volatile *, long, long);
void *__cdecl _InterlockedCompareExchangePointer(void *volatile *, void *, void *);
