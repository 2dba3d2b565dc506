/* What the tests need of Windows; tests/main.c says what that is.
 *
 * There is no fork. The process of a test is this program once more, started as
 *     suite --one FILE/NAME...
 * with its output going to the job's files. So is the child of a test, which runs the same test up
 * to the place where it was made: the outcomes of the children before are in a file, whose handle
 * is in the environment. */
#ifndef ON_WINDOWS_H
#define ON_WINDOWS_H

#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <windows.h>

/* Each simulated run would need a process that was forked. */
#define TEST_CAN_SIMULATE false

#define TEST_SYSTEM_LACKS                                                         \
    (NEEDS_FORK | NEEDS_FORK_WITH_THREADS | NEEDS_BUSY_FORK | NEEDS_C11_THREADS | \
     NEEDS_INHERITANCE | NEEDS_SIGNALS | NEEDS_STEPPED_CALENDAR | NEEDS_POSIX | NEEDS_LINUX)

/* ---- time ---- */

double test_now(void) {
    LARGE_INTEGER count, second;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&second);
    return (double)count.QuadPart / (double)second.QuadPart;
}

void test_sleep(double seconds) {
    double end = test_now() + seconds;
    for (double left = seconds; left > 0; left = end - test_now()) {
        Sleep((DWORD)(left * 1000) + 1);
    }
}

void test_yield(void) {
    SwitchToThread();
}

/* ---- threads ---- */

typedef struct test_raw_call {
    void *(*function)(void *);
    void *arg;
} test_raw_call;

static DWORD WINAPI test_raw_main(void *arg) {
    test_raw_call call = *(test_raw_call *)arg;
    free(arg);
    call.function(call.arg);
    return 0;
}

test_raw test_raw_start(void *(*function)(void *), void *arg) {
    test_raw_call *call = malloc(sizeof *call);
    test_uses(NEEDS_FOREIGN_THREADS);
    CHECK(call != NULL);
    call->function = function;
    call->arg = arg;
    HANDLE thread = CreateThread(NULL, 0, test_raw_main, call, 0, NULL);
    CHECK(thread != NULL);
    return (test_raw)thread;
}

void test_raw_join(test_raw thread) {
    CHECK(WaitForSingleObject((HANDLE)thread, INFINITE) == WAIT_OBJECT_0);
    CHECK(CloseHandle((HANDLE)thread));
}

static DWORD test_end_key;
static void (*test_end_function)(void *);

static void WINAPI test_end_callback(void *value) {
    test_end_function(value);
}

void test_end_hook(void (*hook)(void *)) {
    test_end_function = hook;
    test_end_key = FlsAlloc(test_end_callback);
    CHECK(test_end_key != FLS_OUT_OF_INDEXES);
}

void test_end_hook_set(void *value) {
    CHECK(FlsSetValue(test_end_key, value));
}

unsigned long test_system_id(void) {
    return GetCurrentThreadId();
}

void test_system_name(char *name, size_t size) {
    typedef HRESULT(WINAPI * describe)(HANDLE, WCHAR **);
    describe get = (describe)(void (*)(void))GetProcAddress(GetModuleHandleA("kernelbase.dll"),
                                                            "GetThreadDescription");
    WCHAR *wide = NULL;
    CHECK(get != NULL);
    CHECK(SUCCEEDED(get(GetCurrentThread(), &wide)));
    CHECK(WideCharToMultiByte(CP_UTF8, 0, wide, -1, name, (int)size, NULL, NULL) > 0);
    LocalFree(wide);
}

size_t test_stack_size(void) {
    ULONG_PTR low, high;
    GetCurrentThreadStackLimits(&low, &high);
    CHECK(low <= (ULONG_PTR)&low && (ULONG_PTR)&low < high);
    return high - low;
}

size_t test_standard_stack_size(void) {
    const char *image = (const char *)GetModuleHandleA(NULL);
    const IMAGE_DOS_HEADER *head = (const IMAGE_DOS_HEADER *)image;
    return ((const IMAGE_NT_HEADERS *)(image + head->e_lfanew))->OptionalHeader.SizeOfStackReserve;
}

/* ---- processes ---- */

static const char *test_name; /* of the test that this process runs */
static FILE *test_before;     /* in a child: the outcomes of the children before it */
static FILE *test_made;       /* in a test: the outcomes of its children */

static void test_put(const char *text, size_t length) {
    DWORD written;
    if (!WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)length, &written, NULL)) {
        _exit(2);
    }
}

static FILE *test_stream(HANDLE handle) {
    int file = handle != INVALID_HANDLE_VALUE ? _open_osfhandle((intptr_t)handle, _O_BINARY) : -1;
    return file >= 0 ? _fdopen(file, "w+b") : NULL;
}

static FILE *test_scratch(void) {
    char directory[MAX_PATH + 1], name[MAX_PATH + 1];
    if (GetTempPathA(sizeof directory, directory) == 0 ||
        GetTempFileNameA(directory, "pyt", 0, name) == 0) {
        return NULL;
    }
    return test_stream(CreateFileA(name, GENERIC_READ | GENERIC_WRITE | DELETE,
                                   FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                   CREATE_ALWAYS,
                                   FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL));
}

static HANDLE test_handle(FILE *file) {
    return (HANDLE)_get_osfhandle(_fileno(file));
}

/* Start this program for one test, with these for its output. `more` is inherited too, or NULL.
 * `names` are of one test, or of those that run together. Returns its handle, or NULL. */
static HANDLE test_start_self(const char *names, HANDLE output, HANDLE errors, HANDLE more,
                              DWORD flags, HANDLE *thread) {
    char program[MAX_PATH + 1], line[8192];
    STARTUPINFOA how = {.cb = sizeof how, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    HANDLE inherited[] = {output, errors, more};
    if (GetModuleFileNameA(NULL, program, sizeof program) == 0) {
        return NULL;
    }
    snprintf(line, sizeof line, "suite --one %s", names);
    how.hStdOutput = output;
    how.hStdError = errors;
    for (int i = 0; i < 3 && inherited[i] != NULL; i++) {
        SetHandleInformation(inherited[i], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    }
    BOOL made = FALSE;
    for (int tries = 0; !made && tries < 20; tries++) { /* Wine cannot when the machine is busy */
        Sleep(tries > 0 ? 250 : 0);
        made = CreateProcessA(program, line, NULL, NULL, TRUE, flags, NULL, NULL, &how, &process);
    }
    for (int i = 0; i < 3 && inherited[i] != NULL; i++) {
        SetHandleInformation(inherited[i], HANDLE_FLAG_INHERIT, 0);
    }
    if (!made) {
        return NULL;
    }
    if (thread != NULL) {
        *thread = process.hThread;
    } else {
        CloseHandle(process.hThread);
    }
    return process.hProcess;
}

static int test_exit_code(HANDLE process) {
    DWORD code = 0;
    CHECK(WaitForSingleObject(process, INFINITE) == WAIT_OBJECT_0);
    CHECK(GetExitCodeProcess(process, &code));
    CloseHandle(process);
    return (int)code;
}

/* Read all that comes out of `source`, show it in case the test fails, and keep it for the children
 * to come: its length is left behind it, and the exit code. */
static void test_note_outcome(HANDLE source, HANDLE child) {
    char piece[512];
    DWORD length;
    long head[2] = {0, 0}; /* the length of the output, the exit code */
    long start = ftell(test_made);
    CHECK(fwrite(head, sizeof head, 1, test_made) == 1);
    while (ReadFile(source, piece, sizeof piece, &length, NULL) && length > 0) {
        test_put(piece, length);
        CHECK(fwrite(piece, length, 1, test_made) == 1);
        head[0] += (long)length;
    }
    head[1] = test_exit_code(child);
    CHECK(fseek(test_made, start, SEEK_SET) == 0);
    CHECK(fwrite(head, sizeof head, 1, test_made) == 1);
    CHECK(fseek(test_made, start, SEEK_SET) == 0);
}

/* Take the next outcome from the file. Returns whether there is one. */
static bool test_take_outcome(FILE *file, char *output, size_t size, int *code) {
    long head[2];
    if (fread(head, sizeof head, 1, file) != 1) {
        return false;
    }
    for (long i = 0; i < head[0]; i++) {
        int byte = getc(file);
        CHECK(byte != EOF);
        if ((size_t)i + 1 < size) {
            output[i] = (char)byte;
        }
    }
    if (size > 0) {
        output[(size_t)head[0] < size ? (size_t)head[0] : size - 1] = '\0';
    }
    *code = (int)head[1];
    return true;
}

static void test_make_child(void) {
    HANDLE from, to;
    char handle[32];
    if (test_made == NULL) {
        test_made = test_scratch();
        CHECK(test_made != NULL);
    }
    CHECK(fflush(NULL) == 0);
    CHECK(CreatePipe(&from, &to, NULL, 0));
    snprintf(handle, sizeof handle, "%lld", (long long)(intptr_t)test_handle(test_made));
    CHECK(SetEnvironmentVariableA("TEST_CHILD", handle));
    HANDLE child = test_start_self(test_name, to, to, test_handle(test_made), 0, NULL);
    if (child == NULL) {
        test_fail(__FILE__, __LINE__, "no child process: error %lu", GetLastError());
    }
    CloseHandle(to);
    CHECK(fseek(test_made, 0, SEEK_END) == 0);
    test_note_outcome(from, child);
    CloseHandle(from);
}

int test_child(void (*body)(void *), void *arg, char *output, size_t size) {
    int code = 0;
    test_uses(NEEDS_PROCESSES);
    size = output != NULL ? size : 0;
    if (test_before == NULL) {
        test_make_child();
        CHECK(test_take_outcome(test_made, output, size, &code));
    } else if (!test_take_outcome(test_before, output, size, &code)) {
        body(arg);
        exit(0);
    }
    return code;
}

/* ---- the runner's ---- */

/* A crash ends the process at once: nobody is asked, no debugger is started. */
static LONG WINAPI test_crash(EXCEPTION_POINTERS *what) {
    TerminateProcess(GetCurrentProcess(), what->ExceptionRecord->ExceptionCode);
    return EXCEPTION_EXECUTE_HANDLER;
}

static void test_run_named(const char *name) {
    const test_case *test = test_first;
    while (test != NULL && strcmp(test_full_name(test), name) != 0) {
        test = test->next;
    }
    if (test == NULL) {
        _exit(2);
    }
    test_name = name;
    test_made = NULL;
    test_run_body(test);
}

static void test_take_over(int argc, char **argv) {
    if (argc < 3 || strcmp(argv[1], "--one") != 0) {
        return;
    }
    SetUnhandledExceptionFilter(test_crash);
    const char *before = getenv("TEST_CHILD");
    _setmode(_fileno(stdout), _O_BINARY);
    _setmode(_fileno(stderr), _O_BINARY);
    setvbuf(stderr, NULL, _IONBF, 0);
    if (before != NULL) {
        test_before = test_stream((HANDLE)(intptr_t)strtoll(before, NULL, 10));
        CHECK(test_before != NULL && fseek(test_before, 0, SEEK_SET) == 0);
    }
    for (int i = 2; i < argc; i++) {
        test_run_named(argv[i]);
    }
    exit(argc > 3 ? TEST_ALL_PASSED : 0);
}

static long test_default_jobs(void) {
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    return system.dwNumberOfProcessors < 4 ? (long)system.dwNumberOfProcessors : 4;
}

/* The names of all tests of a job, with blanks between. */
static void test_names_of(const test_job *job, char *names, size_t size) {
    names[0] = '\0';
    for (int i = 0; i < job->count; i++) {
        size_t length = strlen(names);
        snprintf(names + length, size - length, " %s", test_full_name(job->tests[i]));
    }
}

/* All processes of a test are in a job of the system's, of which nothing may be left. */
static bool test_spawn(test_job *job) {
    char names[8000];
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
    HANDLE thread = NULL, group = CreateJobObjectA(NULL, NULL);
    test_names_of(job, names, sizeof names);
    HANDLE process = test_start_self(names, test_handle(job->output), test_handle(job->errors),
                                     NULL, CREATE_SUSPENDED, &thread);
    if (process == NULL || group == NULL) {
        return false;
    }
    memset(&limits, 0, sizeof limits);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (!SetInformationJobObject(group, JobObjectExtendedLimitInformation, &limits,
                                 sizeof limits) ||
        !AssignProcessToJobObject(group, process)) {
        TerminateProcess(process, 2);
        return false;
    }
    ResumeThread(thread);
    CloseHandle(thread);
    job->process = (intptr_t)process;
    job->group = (intptr_t)group;
    return true;
}

static void test_end_job(test_job *job, bool late) {
    test_outcome outcome = {.late = late};
    TerminateJobObject((HANDLE)job->group, 2);
    outcome.code = test_exit_code((HANDLE)job->process);
    CloseHandle((HANDLE)job->group);
    if (((unsigned)outcome.code & 0xC0000000) == 0xC0000000) {
        snprintf(outcome.crash, sizeof outcome.crash, "exception %08X", (unsigned)outcome.code);
    }
    test_finish(job, &outcome);
}

/* Wait for the process of a job to end, or for its time limit. */
static void test_reap(void) {
    HANDLE processes[TEST_JOBS];
    test_job *jobs[TEST_JOBS];
    DWORD count = 0;
    double next = 1e9, now = test_now();
    for (int i = 0; i < TEST_JOBS; i++) {
        test_job *job = &test_jobs[i];
        if (job->test != NULL) {
            double left = job->start + test_limit_of_job(job) + 1 - now;
            if (left <= 0) {
                test_end_job(job, true);
                return;
            }
            next = left < next ? left : next;
            processes[count] = (HANDLE)job->process;
            jobs[count++] = job;
        }
    }
    DWORD which = WaitForMultipleObjects(count, processes, FALSE, (DWORD)(next * 1000) + 1);
    if (which < WAIT_OBJECT_0 + count) {
        test_end_job(jobs[which - WAIT_OBJECT_0], false);
    }
}

#endif
