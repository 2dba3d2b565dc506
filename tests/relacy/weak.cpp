/* The library under Relacy: a reader that saw a word change has to see what was written before.
 *
 *     g++ -fno-access-control -I. -Itests/relacy -IBUILD tests/relacy/weak.cpp -o weak
 *     ./weak pythreading.h tests/relacy/weakened.txt [show]
 *
 * It runs each scenario as the header is, which has to be clean, then with one memory order of the
 * header weakened at a time (weakened.txt), which Relacy has to report. The header is used as it
 * is, over the platform relacy_platform.h; BUILD has state.h, the list of its static variables.
 *
 * What a scenario guards is an rl::var: Relacy reports an access that is not ordered. What is lost:
 * - The header's own plain fields are no rl::var. That one of them is read unordered is not
 *   reported by itself, only if it is what a scenario guards that is unordered as well.
 * - Nothing spins, and no waiter is nudged: the platform has one processor.
 * - Threads are Relacy's, so that pyt_thread, executors, pools and timers are not run.
 * - Mutexes and conditions are Relacy's own, sequentially consistent inside.
 * - A load sees at most the last three values of a word. */
#define PYTHREADING_MAY_IGNORE
#define PYTHREADING_PLATFORM "relacy_platform.h"
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include "state.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

/* ---- an iteration's beginning and end ---- */

typedef struct variable {
    void *address;
    size_t size;
    std::string saved;
} variable;

#define VARIABLE(name) {&name, sizeof name, std::string()},
static variable variables[] = {PYT__SIM_STATE(VARIABLE)};
#undef VARIABLE

static void save_statics() {
    for (variable &each : variables) {
        each.saved.assign((const char *)each.address, each.size);
    }
}

/* The one before may have ended in the middle, where Relacy found a mistake. */
static void begin() {
    for (variable &each : variables) {
        memcpy(each.address, each.saved.data(), each.size);
    }
    for (size_t i = 0; i < relacy_words_count; i++) {
        relacy_words_used[i]->address = NULL;
    }
    memset(relacy_memory, 0, relacy_used);
    memset((void *)relacy_records, 0, sizeof relacy_records);
    relacy_words_count = relacy_mutexes_count = relacy_conditions_count = relacy_used = 0;
    relacy_now = 0;
}

static void end() {
    for (size_t i = 0; i < relacy_words_count; i++) {
        relacy_words_used[i]->destroy(relacy_words_used[i]->place);
        relacy_words_used[i]->address = NULL;
    }
    for (size_t i = 0; i < relacy_mutexes_count; i++) {
        ((relacy_mutex *)relacy_mutexes[i])->~relacy_mutex();
    }
    for (size_t i = 0; i < relacy_conditions_count; i++) {
        relacy_condition *condition = (relacy_condition *)relacy_conditions[i];
        condition->deinit($);
    }
    relacy_words_count = relacy_mutexes_count = relacy_conditions_count = 0;
}

/* Relacy leaves an initial value's "first seen" unset; no thread has seen it yet. */
template <int threads> static void unsee(rl::atomic_data *data) {
    auto *record = static_cast<rl::atomic_data_impl<threads> *>(data);
    for (auto &each : record->history_) {
        for (rl::timestamp_t &seen : each.first_seen_order_) {
            seen = (rl::timestamp_t)-1;
        }
    }
}

template <typename derived, int threads> struct scenario : rl::test_suite<derived, threads> {
    static const int count = threads;
    rl::var<int> guarded; /* by the object of the scenario */
    void before() {
        begin();
        relacy_unsee = unsee<threads>;
        guarded($) = 0;
        static_cast<derived *>(this)->make();
    }
    void make() {
    }
    void after() {
        static_cast<derived *>(this)->check();
        end();
    }
    void check() {
    }
    void add_one() {
        guarded($) = guarded($) + 1;
    }
    void write() {
        guarded($) = 1;
    }
    void find_written() {
        RL_ASSERT(guarded($) == 1);
    }
};

#define OK(call) RL_ASSERT((call) == PYT_OK)

/* Give the others time for some steps, as many as chance has it: to come to wait. */
static void linger() {
    static relacy_atomic<uint32_t> word;
    for (unsigned steps = rl::rand(40); steps > 0; steps--) {
        (void)PYT__LOAD(&word, relaxed);
    }
}

/* ---- the scenarios ---- */

struct lock_fast : scenario<lock_fast, 2> {
    pyt_lock lock = PYT_LOCK_INIT;
    void thread(unsigned) {
        if (pyt_lock_acquire_nowait(&lock) == PYT_OK) {
            add_one();
            OK(pyt_lock_release(&lock));
        }
    }
};

struct lock_sleeps : scenario<lock_sleeps, 3> {
    pyt_lock lock = PYT_LOCK_INIT;
    void thread(unsigned) {
        OK(pyt_lock_acquire(&lock));
        add_one();
        linger();
        OK(pyt_lock_release(&lock));
    }
    void check() {
        RL_ASSERT(guarded($) == 3);
    }
};

struct lock_times_out : scenario<lock_times_out, 2> {
    pyt_lock lock = PYT_LOCK_INIT;
    void thread(unsigned) {
        if (pyt_lock_acquire_timeout(&lock, 1) == PYT_OK) {
            add_one();
            linger();
            OK(pyt_lock_release(&lock));
        }
    }
};

struct rlock : scenario<rlock, 2> {
    pyt_rlock lock = PYT_RLOCK_INIT;
    void thread(unsigned) {
        OK(pyt_rlock_acquire(&lock));
        OK(pyt_rlock_acquire(&lock));
        add_one();
        linger();
        OK(pyt_rlock_release(&lock));
        OK(pyt_rlock_release(&lock));
    }
    void check() {
        RL_ASSERT(guarded($) == 2);
    }
};

struct condition : scenario<condition, 2> {
    pyt_condition changed = PYT_CONDITION_INIT;
    void thread(unsigned index) {
        if (index == 0) {
            linger();
        }
        OK(pyt_condition_acquire(&changed));
        if (index == 0) {
            write();
            OK(pyt_condition_notify(&changed));
        } else {
            while (guarded($) == 0) {
                OK(pyt_condition_wait(&changed));
            }
        }
        OK(pyt_condition_release(&changed));
    }
};

struct semaphore : scenario<semaphore, 2> {
    pyt_semaphore permits;
    void make() {
        OK(pyt_semaphore_init(&permits, 0));
    }
    void thread(unsigned index) {
        if (index == 0) {
            linger();
            write();
            OK(pyt_semaphore_release(&permits));
        } else {
            OK(pyt_semaphore_acquire(&permits));
            find_written();
        }
    }
};

struct semaphore_times_out : scenario<semaphore_times_out, 2> {
    pyt_semaphore permits;
    void make() {
        OK(pyt_semaphore_init(&permits, 0));
    }
    void thread(unsigned index) {
        if (index == 0) {
            linger();
            write();
            OK(pyt_semaphore_release(&permits));
        } else if (pyt_semaphore_acquire_timeout(&permits, 1) == PYT_OK) {
            find_written();
        }
    }
};

struct semaphore_as_lock : scenario<semaphore_as_lock, 2> {
    pyt_semaphore permits;
    void make() {
        OK(pyt_semaphore_init(&permits, 1));
    }
    void thread(unsigned) {
        OK(pyt_semaphore_acquire(&permits));
        add_one();
        linger();
        OK(pyt_semaphore_release(&permits));
    }
};

struct event : scenario<event, 2> {
    pyt_event done = PYT_EVENT_INIT;
    void thread(unsigned index) {
        if (index == 0) {
            linger();
            write();
            OK(pyt_event_set(&done));
        } else {
            OK(pyt_event_wait(&done));
            find_written();
        }
    }
};

struct event_looked_at : scenario<event_looked_at, 2> {
    pyt_event done = PYT_EVENT_INIT;
    void thread(unsigned index) {
        if (index == 0) {
            write();
            OK(pyt_event_set(&done));
        } else if (pyt_event_is_set(&done)) {
            find_written();
        }
    }
};

struct barrier : scenario<barrier, 2> {
    pyt_barrier meeting;
    rl::var<int> mine[2];
    void make() {
        OK(pyt_barrier_init(&meeting, 2, NULL));
        mine[0]($) = mine[1]($) = 0;
    }
    void thread(unsigned index) {
        mine[index]($) = 1;
        OK(pyt_barrier_wait(&meeting, NULL));
        RL_ASSERT(mine[1 - index]($) == 1);
    }
};

struct simple_queue : scenario<simple_queue, 2> {
    pyt_simple_queue items;
    void make() {
        OK(pyt_simple_queue_init(&items, sizeof(int)));
    }
    void thread(unsigned index) {
        int item = 7;
        if (index == 0) {
            linger();
            write();
            OK(pyt_simple_queue_put(&items, &item));
        } else {
            item = 0;
            OK(pyt_simple_queue_get(&items, &item));
            RL_ASSERT(item == 7);
            find_written();
        }
    }
};

struct simple_queue_looked_at : scenario<simple_queue_looked_at, 2> {
    pyt_simple_queue items;
    void make() {
        OK(pyt_simple_queue_init(&items, sizeof(int)));
    }
    void thread(unsigned index) {
        int item = 7;
        if (index == 0) {
            write();
            OK(pyt_simple_queue_put(&items, &item));
        } else if (pyt_simple_queue_qsize(&items) != 0) {
            find_written();
        }
    }
};

struct future : scenario<future, 2> {
    pyt_future *promise;
    void make() {
        OK(pyt_future_new(&promise));
    }
    void thread(unsigned index) {
        if (index == 0) {
            linger();
            write();
            OK(pyt_future_set_result(promise, this));
        } else {
            void *result = NULL;
            OK(pyt_future_result(promise, &result));
            RL_ASSERT(result == this);
            find_written();
        }
    }
};

struct future_looked_at : scenario<future_looked_at, 2> {
    pyt_future *promise;
    void make() {
        OK(pyt_future_new(&promise));
    }
    void thread(unsigned index) {
        if (index == 0) {
            write();
            OK(pyt_future_set_result(promise, this));
        } else if (pyt_future_done(promise)) {
            find_written();
        }
    }
};

/* ---- running them ---- */

static bool show; /* print every step of an iteration that fails */

#define RANDOM 10000 /* iterations by chance; a mistake of weakened.txt is found in some hundred */

/* Returns  Relacy's word for what it found, or an empty string */
template <typename test> static std::string run(bool everything) {
    std::ostringstream out;
    rl::ostringstream state;
    rl::test_params params;
    params.output_stream = params.progress_stream = show ? &std::cout : (std::ostream *)&out;
    params.collect_history = show;
    params.iteration_count = RANDOM;
    params.search_type = everything ? rl::sched_full : rl::sched_random;
    rl::test_result_e result =
        everything
            ? rl::run_test<test, rl::full_search_scheduler<test::count>>(params, state, false)
            : rl::run_test<test, rl::random_scheduler<test::count>>(params, state, false);
    return result == rl::test_result_success ? "" : rl::test_result_str(result);
}

static const struct {
    const char *name;
    std::string (*run)(bool everything);
    bool small; /* every schedule is run, too */
} scenarios[] = {
#define SCENARIO(name, small) \
    { #name, run < name>, small }
    SCENARIO(lock_fast, true),
    SCENARIO(lock_sleeps, false),
    SCENARIO(lock_times_out, false),
    SCENARIO(rlock, false),
    SCENARIO(condition, false),
    SCENARIO(semaphore, false),
    SCENARIO(semaphore_as_lock, false),
    SCENARIO(semaphore_times_out, false),
    SCENARIO(event, false),
    SCENARIO(event_looked_at, true),
    SCENARIO(barrier, false),
    SCENARIO(simple_queue, false),
    SCENARIO(simple_queue_looked_at, true),
    SCENARIO(future, false),
    SCENARIO(future_looked_at, true),
#undef SCENARIO
};

static int passed, failed;

static void count(bool good, const std::string &what) {
    good ? passed++ : failed++;
    if (!good) {
        printf("FAIL %s\n", what.c_str());
    }
}

static rl::memory_order order_named(const std::string &name) {
    return name == "relaxed"   ? rl::mo_relaxed
           : name == "acquire" ? rl::mo_acquire
           : name == "release" ? rl::mo_release
           : name == "acq_rel" ? rl::mo_acq_rel
                               : rl::mo_seq_cst;
}

/* The line of the header that has `text`; 0 if none has, or several. */
static unsigned line_of(const std::vector<std::string> &header, const std::string &text) {
    unsigned found = 0;
    for (size_t i = 0; i < header.size(); i++) {
        if (header[i].find(text) != std::string::npos) {
            if (found != 0) {
                return 0;
            }
            found = (unsigned)i + 1;
        }
    }
    return found;
}

static std::vector<std::string> lines_of(const char *path) {
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
    }
    return lines;
}

static void run_clean() {
    for (const auto &each : scenarios) {
        std::string found = each.run(false);
        count(found.empty(), std::string(each.name) + ": " + found);
        if (each.small) {
            found = each.run(true);
            count(found.empty(), std::string(each.name) + ", every schedule: " + found);
        }
    }
}

/* entry: "SCENARIO FROM TO TEXT" */
static void run_weakened(const std::vector<std::string> &header, const std::string &entry) {
    std::istringstream words(entry);
    std::string name, from, to, text;
    words >> name >> from >> to >> std::ws;
    std::getline(words, text);
    relacy_weakened = {line_of(header, text), order_named(from), order_named(to), 0};
    std::string found;
    const char *wrong = ": not reported";
    for (const auto &each : scenarios) {
        if (name == each.name) {
            found = each.run(false);
            break;
        }
    }
    if (relacy_weakened.line == 0) {
        found = "";
        wrong = ": not in the header, or more than once";
    } else if (relacy_weakened.times == 0) {
        found = "";
        wrong = ": not run with this order";
    }
    count(!found.empty(), entry + wrong);
    if (!found.empty()) {
        printf("%s: %s\n", entry.c_str(), found.c_str());
    }
    relacy_weakened.line = 0;
}

int main(int argc, char **argv) {
    show = argc == 4 && strcmp(argv[3], "show") == 0;
    if (argc != 3 && !show) {
        fprintf(stderr, "usage: weak HEADER WEAKENED [show]\n");
        return 2;
    }
    save_statics();
    run_clean();
    std::vector<std::string> header = lines_of(argv[1]);
    for (const std::string &entry : lines_of(argv[2])) {
        if (!entry.empty() && entry[0] != '#') {
            run_weakened(header, entry);
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0 || passed == 0;
}
