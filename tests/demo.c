/* Count the words of files as `wc -w` does, in two ways that have to agree: with a team of threads
 * that is made by hand, and with the tasks of an executor.
 *
 * The main thread hands the files over, a few at a time; the counters read them, wait for each
 * other, and merge what they have counted into one table. Each primitive has one thing to do:
 *
 *     Condition   hands files to the counters: `room` and `news`, two over one lock
 *     Semaphore   limits how many files are open, however many counters there are
 *     local       is where a counter counts, without a lock
 *     Lock        guards what the whole team has counted so far
 *     Timer       prints that on a terminal every half second
 *     Event       stops everybody early: on Ctrl-C, or after so many words
 *     Barrier     divides reading from merging: a share needs the total of all
 *     RLock       guards the table, whose functions call each other
 *
 * Then the same files are counted once more. The executor has the hand-over, the threads and the
 * end in it: what is left is to submit a task for each file and to add up what the futures give,
 * as they complete.
 */
#define _POSIX_C_SOURCE 200809L /* isatty, sigwait */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

enum {
    DEFAULT_THREADS = 4,
    MAX_THREADS = 1000,
    MAX_OPEN_FILES = 3, /* more readers at once would only make a disk seek */
    SLOTS = 4,          /* files handed over and not yet taken */
    BLOCK_SIZE = 16384
};

static const char usage[] =
    "usage: demo [--threads N] [--stop-after N] [--] FILE...\n"
    "Count the words of all FILEs together, as `wc -w` does, with a team of threads; then\n"
    "once more with the tasks of an executor, and say whether both ways agree.\n"
    "  --threads N     how many threads count, 1 to 1000, in the team and in the executor;\n"
    "                  4 if not given\n"
    "  --stop-after N  stop soon after N words have been counted\n"
    "  -h, --help      print this\n"
    "Ctrl-C stops the counting; what the team has counted by then is printed. After a stop the\n"
    "executor's count is left out, and with it always what can be read only once, as a pipe.\n"
    "Exit status: 0 all files were counted, 1 not all of them were or the two ways do not\n"
    "agree, 2 wrong usage.\n";

/* A file, and what became of it. Written by the thread that counts it. */
typedef struct source {
    const char *path;
    size_t words; /* read so far */
    int error;    /* an errno, or 0 */
    bool counted; /* to its end */
    bool lasting; /* can be read again, which a pipe cannot */
} source;

/* What a thread has counted. */
typedef struct tally {
    size_t files;
    size_t words;
} tally;

static pyt_event stop;
static pyt_semaphore open_files = PYT_SEMAPHORE_INIT(MAX_OPEN_FILES);
static pyt_local own_tally = PYT_LOCAL_INIT(sizeof(tally), NULL, NULL);
static pyt_barrier all_read;
static size_t words_wanted = SIZE_MAX; /* fixed before the team starts */

/* ---- the hand-over: a ring of a few files ---- */

static struct {
    pyt_lock lock; /* guards all of it */
    pyt_condition room;
    pyt_condition news;
    source *slots[SLOTS];
    size_t first;
    size_t count;
    bool closed; /* nothing more will come */
} handover;

static bool handover_has_room(void *unused) {
    (void)unused;
    return handover.count < SLOTS;
}

static bool handover_has_news(void *unused) {
    (void)unused;
    return handover.count > 0 || handover.closed;
}

static bool handover_open(void) {
    return pyt_condition_init_lock(&handover.room, &handover.lock) == PYT_OK &&
           pyt_condition_init_lock(&handover.news, &handover.lock) == PYT_OK;
}

/* Wait for room, and say whether the file was handed over. */
static bool handover_put(source *file) {
    bool done = false;
    pyt_with(&handover.room) {
        if (pyt_condition_wait_for(&handover.room, handover_has_room, NULL) == PYT_OK) {
            handover.slots[(handover.first + handover.count) % SLOTS] = file;
            handover.count++;
            done = pyt_condition_notify(&handover.news) == PYT_OK;
        }
    }
    return done;
}

/* Wait for a file. NULL when there will be no more. */
static source *handover_take(void) {
    source *file = NULL;
    pyt_with(&handover.news) {
        pyt_status status = pyt_condition_wait_for(&handover.news, handover_has_news, NULL);
        if (status == PYT_OK && handover.count > 0) {
            file = handover.slots[handover.first];
            handover.first = (handover.first + 1) % SLOTS;
            handover.count--;
            (void)pyt_condition_notify(&handover.room);
        }
    }
    return file;
}

static void handover_close(void) {
    pyt_with(&handover.news) {
        handover.closed = true;
        (void)pyt_condition_notify_all(&handover.news);
    }
}

/* ---- progress: what has been counted so far, and a line about it now and then ---- */

static struct {
    pyt_lock lock; /* guards all of it but `of` and `shown` */
    tally sum;
    size_t of;         /* fixed before the first line: how many files there are */
    pyt_thread *timer; /* the one that prints the next line */
    bool shown;        /* by the timer; read when that has ended */
    bool over;
} progress;

/* Count in what a thread has just read. */
static void progress_add(size_t files, size_t words) {
    pyt_with(&progress.lock) {
        progress.sum.files += files;
        progress.sum.words += words;
        if (progress.sum.words >= words_wanted) {
            (void)pyt_event_set(&stop);
        }
    }
}

static tally progress_sum(void) {
    tally sum = {0, 0};
    pyt_with(&progress.lock) {
        sum = progress.sum;
    }
    return sum;
}

static void progress_show(void *unused);

/* Have the next line printed. If that cannot be, there will be no more lines: no harm. */
static void progress_arm(void) {
    pyt_with(&progress.lock) {
        pyt_thread *next = NULL;
        if (!progress.over && pyt_timer_new(&next, 0.5, progress_show, NULL) == PYT_OK &&
            pyt_thread_start(next) == PYT_OK) {
            pyt_thread_unref(progress.timer);
            progress.timer = next;
        } else {
            pyt_thread_unref(next);
        }
    }
}

/* A timer fires once: its last act is to start the next one. */
static void progress_show(void *unused) {
    (void)unused;
    tally sum = progress_sum();
    fprintf(stderr, "\r%zu of %zu files, %zu words", sum.files, progress.of, sum.words);
    progress.shown = true;
    progress_arm();
}

/* Begin to count, when nobody counts. The lines are for a terminal. */
static void progress_begin(size_t files) {
    progress.sum = (tally){0, 0};
    progress.of = files;
    progress.shown = false;
    progress.over = false;
    if (isatty(STDERR_FILENO)) {
        progress_arm();
    }
}

static void progress_end(void) {
    pyt_with(&progress.lock) {
        progress.over = true;
    }
    if (progress.timer != NULL) {
        (void)pyt_timer_cancel(progress.timer);
        (void)pyt_thread_join(progress.timer);
        pyt_thread_unref(progress.timer);
        progress.timer = NULL;
    }
    if (progress.shown) {
        fputc('\n', stderr);
    }
}

/* ---- the table: what each thread has counted, by its name ---- */

struct row {
    const char *name;
    tally tally;
    double share; /* of all words, in percent */
};

static struct {
    pyt_rlock lock;   /* guards all of it */
    struct row *rows; /* one for each thread of the team */
    size_t length;
    tally sum;
} table;

/* Find the row of that name, or begin it. */
static struct row *table_row(const char *name) {
    struct row *found = NULL;
    pyt_with(&table.lock) {
        for (size_t i = 0; i < table.length && found == NULL; i++) {
            if (strcmp(table.rows[i].name, name) == 0) {
                found = &table.rows[i];
            }
        }
        if (found == NULL) {
            found = &table.rows[table.length++];
            found->name = name;
        }
    }
    return found;
}

static void table_add(const char *name, const tally *counted, size_t all_words) {
    pyt_with(&table.lock) {
        struct row *row = table_row(name);
        row->tally.files += counted->files;
        row->tally.words += counted->words;
        if (all_words > 0) {
            row->share = 100.0 * (double)row->tally.words / (double)all_words;
        }
        table.sum.files += counted->files;
        table.sum.words += counted->words;
    }
}

static int compare_rows(const void *a, const void *b) {
    const struct row *one = a;
    const struct row *other = b;
    size_t length = strlen(one->name);
    size_t other_length = strlen(other->name);
    if (length != other_length) { /* counter-9 comes before counter-10 */
        return length < other_length ? -1 : 1;
    }
    return strcmp(one->name, other->name);
}

static void table_print(void) {
    pyt_with(&table.lock) {
        qsort(table.rows, table.length, sizeof *table.rows, compare_rows);
        printf("%-12s %9s %12s %7s\n", "thread", "files", "words", "share");
        for (size_t i = 0; i < table.length; i++) {
            const struct row *row = &table.rows[i];
            printf("%-12s %9zu %12zu %6.1f%%\n", row->name, row->tally.files, row->tally.words,
                   row->share);
        }
        printf("%-12s %9zu %12zu\n", "total", table.sum.files, table.sum.words);
    }
}

/* ---- counting words ---- */

/* Where the counting of a file has got to, between two blocks of it. */
struct scan {
    mbstate_t shift;
    bool in_word;
};

/* White space as GNU wc sees it: the spaces that do not break a line are among it. */
static bool is_space(wchar_t c) {
    return iswspace((wint_t)c) || c == 0xA0 || c == 0x2007 || c == 0x202F || c == 0x2060;
}

/* Count the words that begin in this block. A word is what stands between white space and has at
 * least one character that can be printed, in the encoding that the environment names. */
static size_t count_words(struct scan *scan, const char *block, size_t length) {
    size_t words = 0;
    while (length > 0) {
        wchar_t c = 0;
        bool begun_before = !mbsinit(&scan->shift);
        size_t used = mbrtowc(&c, block, length, &scan->shift);
        if (used == (size_t)-2) { /* the block ends inside a character */
            break;
        }
        if (used == (size_t)-1) { /* no character: pass over the byte it would have begun with */
            memset(&scan->shift, 0, sizeof scan->shift);
            used = begun_before ? 0 : 1;
        } else if (used == 0) { /* the character NUL */
            used = 1;
        } else if (is_space(c)) {
            scan->in_word = false;
        } else if (!scan->in_word && iswprint((wint_t)c)) {
            scan->in_word = true;
            words++;
        }
        block += used;
        length -= used;
    }
    return words;
}

static void count_stream(FILE *stream, source *file) {
    char block[BLOCK_SIZE];
    struct scan scan = {.in_word = false};
    size_t length;
    do {
        length = fread(block, 1, sizeof block, stream);
        if (ferror(stream)) {
            file->error = errno;
        }
        size_t words = count_words(&scan, block, length);
        file->words += words;
        progress_add(0, words);
    } while (length == sizeof block && !pyt_event_is_set(&stop));
    file->counted = feof(stream) && file->error == 0;
}

/* Both ways count with this. */
static void count_file(source *file) {
    pyt_with(&open_files) {
        FILE *stream = fopen(file->path, "rb");
        if (stream == NULL) {
            file->error = errno;
        } else {
            file->lasting = fseek(stream, 0, SEEK_CUR) == 0;
            count_stream(stream, file);
            fclose(stream);
        }
    }
    if (file->counted) {
        progress_add(1, 0);
    }
}

/* ---- the team ---- */

/* Count a file into what this thread has counted. */
static void count_own(source *file) {
    tally *mine = pyt_local_get(&own_tally);
    if (mine == NULL) {
        file->error = ENOMEM;
        return;
    }
    count_file(file);
    mine->files += file->counted;
    mine->words += file->words;
}

static void *count_and_merge(void *unused) {
    (void)unused;
    source *file;
    while ((file = handover_take()) != NULL) {
        if (!pyt_event_is_set(&stop)) {
            count_own(file);
        }
    }
    if (pyt_barrier_wait(&all_read, NULL) == PYT_OK) {
        const tally *mine = pyt_local_get(&own_tally);
        if (mine != NULL) {
            table_add(pyt_thread_name(pyt_current_thread()), mine, progress_sum().words);
        }
    }
    return NULL;
}

/* Start `wanted` counters, or as many as the system has room for. */
static size_t start_team(pyt_thread **team, size_t wanted) {
    size_t started = 0;
    for (; started < wanted; started++) {
        char name[32];
        snprintf(name, sizeof name, "counter-%zu", started + 1);
        pyt_thread_options options = {.target = count_and_merge, .name = name};
        if (pyt_thread_new(&team[started], &options) != PYT_OK ||
            pyt_thread_start(team[started]) != PYT_OK) {
            fprintf(stderr, "demo: only %zu threads: %s\n", started, pyt_error_message());
            pyt_thread_unref(team[started]);
            team[started] = NULL;
            break;
        }
    }
    return started;
}

/* Count the files. The counters come to the barrier when the hand-over is closed: until then
 * there is time to see how many have started. False when nobody could be set to work. */
static bool run_team(source *files, size_t n_files, pyt_thread **team, size_t n_threads) {
    size_t started = start_team(team, n_threads);
    if (started == 0 || pyt_barrier_init(&all_read, (int)started, NULL) != PYT_OK) {
        return false;
    }
    for (size_t i = 0; i < n_files && !pyt_event_is_set(&stop); i++) {
        if (!handover_put(&files[i])) {
            files[i].error = ENOMEM;
        }
    }
    handover_close();
    for (size_t i = 0; i < started; i++) {
        (void)pyt_thread_join(team[i]);
    }
    return true;
}

/* ---- the executor: the same files once more, a task for each ---- */

/* A file that the team has counted, and what a task counts in it. */
struct recount {
    source now;
    const source *before;
};

static void *recount_task(void *arg) {
    struct recount *file = arg;
    if (!pyt_event_is_set(&stop)) {
        count_file(&file->now);
    }
    return file;
}

/* Add up what the tasks have counted, in the order in which they end. */
static pyt_status add_up(pyt_future *const *futures, size_t n_futures, tally *sum) {
    pyt_as_completed completed = {NULL};
    pyt_status status = pyt_as_completed_init(&completed, futures, n_futures);
    while (status == PYT_OK) {
        pyt_future *future;
        void *result = NULL;
        status = pyt_as_completed_next(&completed, &future);
        if (status == PYT_OK) {
            status = pyt_future_result(future, &result);
        }
        if (status == PYT_OK) {
            const struct recount *file = result;
            sum->files += file->now.counted;
            sum->words += file->now.words;
        }
    }
    pyt_as_completed_destroy(&completed);
    return status == PYT_QUEUE_EMPTY ? PYT_OK : status;
}

/* Count the files with as many threads. Returns why that could not be. */
static pyt_status run_executor(struct recount *files, size_t n_files, pyt_future **futures,
                               size_t n_threads, tally *sum) {
    pyt_executor *executor = NULL;
    pyt_executor_options options = {.max_workers = (int)n_threads, .thread_name_prefix = "task"};
    pyt_status status = pyt_executor_new(&executor, &options);
    for (size_t i = 0; i < n_files && status == PYT_OK; i++) {
        status = pyt_executor_submit(executor, recount_task, &files[i], &futures[i]);
    }
    if (status == PYT_OK) {
        status = add_up(futures, n_files, sum);
    }
    if (status != PYT_OK) {
        fprintf(stderr, "demo: the executor: %s\n", pyt_error_message());
    }
    pyt_executor_free(executor); /* which waits for what still runs */
    for (size_t i = 0; i < n_files; i++) {
        pyt_future_unref(futures[i]);
    }
    return status;
}

/* Find the files that can be counted once more. Returns how many; `once` says of how many the
 * team has seen all there will ever be. */
static size_t choose_again(struct recount *again, const source *files, size_t n_files,
                           size_t *once) {
    size_t n_again = 0;
    for (size_t i = 0; i < n_files; i++) {
        if (files[i].counted && files[i].lasting) {
            again[n_again].now.path = files[i].path;
            again[n_again++].before = &files[i];
        } else if (files[i].counted) {
            (*once)++;
        }
    }
    return n_again;
}

/* Say in which files the two ways differ. Returns whether in none. */
static bool compare_ways(const struct recount *files, size_t n_files) {
    bool agree = true;
    for (size_t i = 0; i < n_files; i++) {
        const source *now = &files[i].now;
        if (now->error != 0) {
            fprintf(stderr, "demo: %s: %s\n", now->path, strerror(now->error));
            agree = false;
        } else if (now->words != files[i].before->words) {
            fprintf(stderr, "demo: %s: the team counted %zu words, the executor %zu\n", now->path,
                    files[i].before->words, now->words);
            agree = false;
        }
    }
    return agree;
}

/* Print what the executor has counted, and whether the team has counted the same. */
static bool report_ways(const struct recount *again, size_t n_again, const tally *sum,
                        size_t once) {
    printf("%-12s %9zu %12zu\n", "executor", sum->files, sum->words);
    if (once > 0) {
        printf("left out     %9zu that can be read only once\n", once);
    }
    bool agree = compare_ways(again, n_again);
    if (agree) {
        puts("both ways agree");
    } else {
        fputs("demo: the two ways do not agree; has a file been changed meanwhile?\n", stderr);
    }
    return agree;
}

/* Count what the team has counted once more. Returns whether that gives the same. */
static bool count_again(const source *files, size_t n_files, size_t n_threads) {
    struct recount *again = calloc(n_files, sizeof *again);
    pyt_future **futures = calloc(n_files, sizeof(pyt_future *));
    bool agree = false;
    if (again == NULL || futures == NULL) {
        fputs("demo: not enough memory\n", stderr);
    } else {
        tally sum = {0, 0};
        size_t once = 0;
        size_t n_again = choose_again(again, files, n_files, &once);
        progress_begin(n_again);
        pyt_status status = run_executor(again, n_again, futures, n_threads, &sum);
        progress_end();
        if (pyt_event_is_set(&stop)) {
            fputs("demo: stopped early, the executor's count is left out\n", stderr);
        } else if (status == PYT_OK) {
            agree = report_ways(again, n_again, &sum, once);
        }
    }
    free((void *)futures);
    free(again);
    return agree;
}

/* ---- Ctrl-C ---- */

#if defined(_WIN32)
/* The system has a thread for this, in which everything may be called. Once: after that Ctrl-C
 * ends the program as usual. */
static void stop_counting(int number) {
    (void)number;
    fputs("demo: stopping; once more ends it at once\n", stderr);
    (void)pyt_event_set(&stop);
}

static void start_listening(void) {
    signal(SIGINT, stop_counting);
}

#else
/* Wait for Ctrl-C. In a signal handler hardly anything may be called; here everything may. */
static void *listen(void *signals) {
    int number;
    if (sigwait(signals, &number) == 0) {
        fputs("demo: stopping; once more ends it at once\n", stderr);
        (void)pyt_event_set(&stop);
    }
    if (sigwait(signals, &number) == 0) {
        _Exit(128 + number);
    }
    return NULL;
}

/* Block the signal, in this thread and in those that it will start, and have a daemon listen for
 * it, which does not keep the program from ending. */
static void start_listening(void) {
    static sigset_t signals; /* outlives main, as the daemon does */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    pyt_thread_options options = {
        .target = listen, .arg = &signals, .name = "listener", .daemon = PYT_DAEMON_TRUE};
    pyt_thread *listener = NULL;
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (pyt_thread_new(&listener, &options) != PYT_OK || pyt_thread_start(listener) != PYT_OK) {
        pthread_sigmask(SIG_UNBLOCK, &signals, NULL); /* then Ctrl-C ends the program as usual */
    }
    pyt_thread_unref(listener);
}
#endif

/* ---- the program ---- */

struct arguments {
    size_t threads;
    size_t stop_after;
    char **paths;
    size_t n_paths;
};

static bool parse_number(const char *text, size_t lowest, size_t highest, size_t *number) {
    char *end = NULL;
    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *number = (size_t)value;
    return errno == 0 && *end == '\0' && value >= lowest && value <= highest;
}

/* Returns whether the arguments make sense; exits for -h. */
static bool parse_arguments(char **argv, struct arguments *arguments) {
    char **next = argv + 1;
    for (; *next != NULL && **next == '-'; next++) {
        const char *option = *next;
        if (strcmp(option, "--") == 0) {
            next++;
            break;
        } else if (strcmp(option, "-h") == 0 || strcmp(option, "--help") == 0) {
            fputs(usage, stdout);
            exit(0);
        } else if (strcmp(option, "--threads") == 0) {
            if (!parse_number(*++next, 1, MAX_THREADS, &arguments->threads)) {
                return false;
            }
        } else if (strcmp(option, "--stop-after") == 0) {
            if (!parse_number(*++next, 1, SIZE_MAX, &arguments->stop_after)) {
                return false;
            }
        } else {
            return false;
        }
    }
    arguments->paths = next;
    while (arguments->paths[arguments->n_paths] != NULL) {
        arguments->n_paths++;
    }
    return arguments->n_paths > 0;
}

/* Say which files were not counted, in the order they were given. Returns how many. */
static size_t report(const source *files, size_t n_files) {
    size_t not_reached = 0;
    size_t failed = 0;
    for (size_t i = 0; i < n_files; i++) {
        if (files[i].error != 0) {
            fprintf(stderr, "demo: %s: %s\n", files[i].path, strerror(files[i].error));
            failed++;
        } else if (!files[i].counted) {
            not_reached++;
        }
    }
    if (not_reached > 0) {
        fprintf(stderr, "demo: stopped early, %zu of %zu files were not counted to their end\n",
                not_reached, n_files);
    }
    return failed + not_reached;
}

int main(int argc, char **argv) {
    (void)argc;
    struct arguments arguments = {.threads = DEFAULT_THREADS, .stop_after = SIZE_MAX};
    if (!parse_arguments(argv, &arguments)) {
        fputs(usage, stderr);
        return 2;
    }
    setlocale(LC_CTYPE, "");
    words_wanted = arguments.stop_after;
    source *files = calloc(arguments.n_paths, sizeof *files);
    pyt_thread **team = calloc(arguments.threads, sizeof(pyt_thread *));
    table.rows = calloc(arguments.threads, sizeof *table.rows);
    if (files == NULL || team == NULL || table.rows == NULL || !handover_open()) {
        fputs("demo: not enough memory\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < arguments.n_paths; i++) {
        files[i].path = arguments.paths[i];
    }

    start_listening();
    progress_begin(arguments.n_paths);
    bool ran = run_team(files, arguments.n_paths, team, arguments.threads);
    progress_end();
    table_print();
    size_t not_counted = report(files, arguments.n_paths);
    bool agree = true;
    if (pyt_event_is_set(&stop)) {
        fputs("demo: the executor's count is left out\n", stderr);
    } else if (ran) {
        agree = count_again(files, arguments.n_paths, arguments.threads);
    }

    for (size_t i = 0; i < arguments.threads; i++) {
        pyt_thread_unref(team[i]);
    }
    free(table.rows);
    free((void *)team);
    free(files);
    if (fflush(stdout) != 0) {
        perror("demo: standard output");
        return 1;
    }
    return ran && not_counted == 0 && agree ? 0 : 1;
}
