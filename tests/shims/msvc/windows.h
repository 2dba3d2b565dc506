#pragma once
#include <stddef.h>
#include <stdint.h>
#define _WIN32_WINNT 0x0A00
#define WINAPI __stdcall
#define NTAPI __stdcall
#define CALLBACK __stdcall
typedef unsigned long DWORD;
typedef int BOOL;
typedef unsigned char BOOLEAN;
typedef void *HANDLE;
typedef HANDLE HMODULE;
typedef wchar_t WCHAR;
typedef long HRESULT;
typedef long LONG;
typedef long long LONGLONG;
typedef unsigned __int64 DWORD_PTR;
typedef unsigned int UINT;
typedef void *PVOID;
typedef __int64(WINAPI *FARPROC)(void);
typedef union {
    struct {
        DWORD LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER;
typedef struct {
    PVOID Ptr;
} SRWLOCK;
typedef struct {
    PVOID Ptr;
} CONDITION_VARIABLE;
typedef struct {
    DWORD dwOemId, dwPageSize;
    PVOID a, b;
    DWORD_PTR m;
    DWORD dwNumberOfProcessors, x, y, z;
} SYSTEM_INFO;
#define INFINITE 0xFFFFFFFF
#define CP_UTF8 65001
#define STACK_SIZE_PARAM_IS_A_RESERVATION 0x00010000
#define FLS_OUT_OF_INDEXES ((DWORD)0xFFFFFFFF)
BOOL WINAPI QueryPerformanceCounter(LARGE_INTEGER *);
BOOL WINAPI QueryPerformanceFrequency(LARGE_INTEGER *);
DWORD WINAPI GetCurrentThreadId(void);
HANDLE WINAPI GetCurrentProcess(void);
HANDLE WINAPI GetCurrentThread(void);
BOOL WINAPI GetProcessAffinityMask(HANDLE, DWORD_PTR *, DWORD_PTR *);
void WINAPI GetSystemInfo(SYSTEM_INFO *);
HMODULE WINAPI GetModuleHandleW(const WCHAR *);
FARPROC WINAPI GetProcAddress(HMODULE, const char *);
int WINAPI MultiByteToWideChar(UINT, DWORD, const char *, int, WCHAR *, int);
DWORD WINAPI GetCurrentProcessorNumber(void);
BOOL WINAPI SwitchToThread(void);
void WINAPI Sleep(DWORD);
void WINAPI InitializeSRWLock(SRWLOCK *);
void WINAPI AcquireSRWLockExclusive(SRWLOCK *);
void WINAPI ReleaseSRWLockExclusive(SRWLOCK *);
void WINAPI InitializeConditionVariable(CONDITION_VARIABLE *);
BOOL WINAPI SleepConditionVariableSRW(CONDITION_VARIABLE *, SRWLOCK *, DWORD, DWORD);
void WINAPI WakeConditionVariable(CONDITION_VARIABLE *);
DWORD WINAPI WaitForSingleObject(HANDLE, DWORD);
BOOL WINAPI CloseHandle(HANDLE);
typedef void(WINAPI *PFLS_CALLBACK_FUNCTION)(PVOID);
DWORD WINAPI FlsAlloc(PFLS_CALLBACK_FUNCTION);
BOOL WINAPI FlsFree(DWORD);
BOOL WINAPI FlsSetValue(DWORD, PVOID);
BOOL WINAPI IsThreadAFiber(void);
#define YieldProcessor() ((void)0)
